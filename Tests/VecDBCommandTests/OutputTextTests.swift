import EmbeddingInput
import Testing
import VecDB

@testable import VecDBCommand

struct OutputTextTests {
    @Test func `columns are aligned by display width`() {
        var table = TableOutput([.right("rank"), .left("name"), .left("x")])
        table.add(["1", "七人", "a"])
        table.add(["10", "e\u{301}tude", "b"])
        table.add(["3", "👍🏽", "c"])
        #expect(
            table.rendered() == """
                rank  name   x
                   1  七人   a
                  10  e\u{301}tude  b
                   3  👍🏽     c

                """)
    }

    @Test func `decimal points stand below each other`() {
        var table = TableOutput([.decimal("score"), .left("id")])
        for number in ["2.5401", "-10.25", "3.0", "1e+16"] { table.add([number, "x"]) }
        #expect(
            table.rendered() == """
                score     id
                  2.5401  x
                -10.25    x
                  3.0     x
                  1e+16   x

                """)
    }

    @Test func `a table cannot be broken by what it shows`() {
        var table = TableOutput([.left("id")])
        table.add(["a\tb\nc\u{1B}[31m\u{202E}d"])
        #expect(table.rendered() == "id\na\\tb\\nc\\u{1b}[31m\\u{202e}d\n")
    }

    @Test func `numbers are grouped and rounded`() {
        #expect(grouped(1_683_682) == "1,683,682")
        #expect(grouped(-1000) == "-1,000")
        #expect(grouped(Int.min) == "-9,223,372,036,854,775,808")
        #expect(fixed(1234.5678, 2) == "1,234.57")
        #expect(fixed(0.0049, 2) == "0.00")
        #expect(fixed(-0.001, 2) == "0.00")
        #expect(fixed(.infinity, 1) == "inf")
        #expect(byteSize(1023) == "1,023 bytes")
        #expect(byteSize(1024) == "1.0 KiB")
        #expect(byteSize(244_000_000) == "232.7 MiB")
        #expect(roughDuration(seconds: 0.2) == "1 s")
        #expect(roughDuration(seconds: 125) == "2 min 5 s")
        #expect(roughDuration(seconds: 3780) == "1 h 3 min")
        #expect(roughDuration(seconds: .nan) == "days")
    }

    @Test(arguments: [
        ("300000000", 300_000_000), ("1B", 1), ("2GB", 2_000_000_000), ("2gb", 2_000_000_000), ("512 MiB", 512 << 20),
        ("1.5GiB", 3 << 29), ("1KB", 1000), ("1KiB", 1024), ("2G", 2 << 30), ("4TiB", 4 << 40),
    ])
    func `sizes are read as people write them`(text: String, bytes: Int) throws {
        #expect(try ByteSize.parse(text) == bytes)
    }

    @Test(arguments: ["", "GB", "2XB", "-1GB", "0", "0.1B", "1e3", "..", "2GBs", "99999999999TB", "inf"])
    func `what is no size is refused`(text: String) {
        #expect(throws: (any Error).self) { try ByteSize.parse(text) }
    }

    @Test func `fields of TSV lines hold no tab and no newline`() {
        #expect(tsvEscaped("plain, text") == "plain, text")
        #expect(tsvEscaped("a\tb\nc\rd\\e\r\n") == "a\\tb\\nc\\rd\\\\e\\r\\n")
    }

    private func topLevelMembers(_ document: String) -> [(key: ByteString, value: ArraySlice<UInt8>)] {
        let bytes = Array(document.utf8)
        var members: [(key: ByteString, value: ArraySlice<UInt8>)] = []
        forEachMember(of: bytes) { name, value in
            guard let key = decodedString(bytes[name]) else { return false }
            members.append((key, bytes[value]))
            return true
        }
        return members
    }

    @Test func `members of a document keep their order and their text`() {
        let members = topLevelMembers(#"{"b":"x,}\"y","a:":[1,{"c":2}],"n":null,"é\n":-1.50,"o":{"p":[]},"e":{}}"#)
        #expect(members.map(\.key.text) == ["b", "a:", "n", "é\n", "o", "e"])
        #expect(
            members.map { String(decoding: $0.value, as: UTF8.self) } == [
                #""x,}\"y""#, #"[1,{"c":2}]"#, "null", "-1.50", #"{"p":[]}"#, "{}",
            ])
        #expect(topLevelMembers("{}").isEmpty)
        #expect(topLevelMembers("").isEmpty)
        #expect(topLevelMembers("}{\"a").isEmpty)
    }

    @Test func `fault 18: keys and texts of documents are bytes`() throws {
        // One word in two normalizations; a text that begins with a mark; one that ends in a sign that takes in what follows.
        let columns = MetadataColumns([
            "{\"\u{e9}\":\"\u{301}x\",\"e\u{301}\":\"a\u{600}\",\"\u{301}k\":1,\"l\u{600}\":[\"\u{301}\"]}",
            "{\"e\u{301}\":\"b\"}",
        ])
        #expect(
            columns.columns.map { Array($0.title.utf8) }
                == ["\u{e9}", "e\u{301}", "\u{301}k", "l\u{600}"].map { Array($0.utf8) })
        #expect(
            columns.cells.map { $0.map { Array($0.utf8) } } == [
                ["\u{301}x", "a\u{600}", "1", "[\"\u{301}\"]"].map { Array($0.utf8) },
                ["", "b", "", ""].map { Array($0.utf8) },
            ])
        #expect(displayWidth("\u{600}a") == 1 && displayWidth("a\u{301}") == 1)
    }

    @Test func `a column stands for each key in order of appearance`() {
        let columns = MetadataColumns([#"{"year":1999,"t":"a\tb"}"#, nil, #"{"ok":true,"year":null}"#])
        #expect(columns.columns.map(\.title) == ["year", "t", "ok"])
        #expect(columns.cells == [["1999", "a\tb", ""], ["", "", ""], ["", "", "true"]])
        let long = MetadataColumns(["{\"t\":\"\(String(repeating: "x", count: 100))\"}"])
        #expect(long.cells == [[String(repeating: "x", count: 47) + "…"]])
    }

    @Test func `fault 12: of many keys those of the columns are found`() {
        // More keys than columns, with the same last bytes, of the same length, and escaped.
        let first =
            "{" + (0..<60).map { "\"column number \($0)\":\($0)" }.joined(separator: ",")
            + #","\u00e9\n":"e","é":1,"":2,"a\"b":3}"#
        let second =
            "{" + (0..<50_000).map { "\"\($0) number \($0)\":0" }.joined(separator: ",")
            + #","column number 7":"x","é\n":"f","a\"b":4,"":5,"\u00e9":6,"other\n":7}"#
        let columns = MetadataColumns([first, second, nil])
        #expect(columns.columns.count == MetadataColumns.columnLimit && columns.leavesOutKeys)
        #expect(columns.cells[0][0] == "0" && columns.cells[0][60...].elementsEqual(["e", "1", "2", "3"]))
        #expect(columns.cells[1][7] == "x" && columns.cells[1][60...].elementsEqual(["f", "6", "5", "4"]))
        #expect(columns.cells[1].filter { $0.isEmpty }.count == 59 && columns.cells[2].allSatisfy(\.isEmpty))
        #expect(!MetadataColumns([first]).leavesOutKeys)
    }

    @Test(arguments: ["x", "é", "七", "\u{1F469}\u{200D}\u{1F469}", "\\n", "\\\\", "\\u00e9", "\\ud83d\\ude00"])
    func `fault 12: of a long value the beginning is looked at`(part: String) throws {
        func cell(_ count: Int, _ before: String) -> String? {
            let text = before + String(repeating: part, count: count)
            return MetadataColumns(["{\"t\":\"\(text)\",\"u\":1}"]).cells[0].first
        }
        // Whatever the place of the cut is in the text.
        for before in ["", "a", "ab", "abc", "abcd", "abcde", "abcdef"] {
            #expect(cell(100_000, before) == cell(100, before), "\(part)")
        }
        let number = MetadataColumns(["{\"t\":[\(String(repeating: "1,", count: 9000))1]}"]).cells[0][0]
        #expect(number == "[" + String(repeating: "1,", count: 23) + "…")
    }

    @Test(
        arguments: [
            ("[1]", [1]), (" [ 0.1 ,-2e-3,3 ] ", [0.1, -0.002, 3]), ("[3.4028235e38]", [.greatestFiniteMagnitude]),
        ] as [(String, [Float])])
    func `a vector is read from JSON`(text: String, vector: [Float]) throws {
        #expect(try parsedVector(text) == vector)
    }

    @Test(arguments: ["", "1,2", "[", "[]", "[1,]", "[1 2]", "[nan]", "[inf]", "[0x1p3]", "[1e39]", "[1]x", "[[1]]"])
    func `what is no vector is refused`(text: String) {
        #expect(throws: (any Error).self) { try parsedVector(text) }
    }
}
