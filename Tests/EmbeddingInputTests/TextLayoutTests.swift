import TestSupport
import Testing

@testable import EmbeddingInput

/// What the first line of a text file of vectors is, and which column holds ids.
@Suite struct TextLayoutTests {
    private func read(
        _ name: String, _ text: String, _ layout: TextLayout = TextLayout()
    ) throws -> (rows: [[Float]], ids: [String]?) {
        let directory = try TemporaryDirectory()
        let reader = try VectorReader.open([try directory.write(name, text)], text: layout)
        var ids: [String] = []
        var rows: [[Float]] = []
        var buffer = [Float](repeating: .nan, count: reader.dimensions)
        while try reader.read(into: &buffer, maxRows: 1) == 1 {
            rows.append(buffer)
            ids += reader.lastIDs ?? []
        }
        return (rows, reader.hasIDs ? ids : nil)
    }

    private func refusal(_ name: String, _ text: String, _ layout: TextLayout = TextLayout()) throws -> InputError {
        try inputError { _ = try read(name, text, layout) }
    }

    @Test(arguments: [
        ("0,1\n.5,.25\n", "counts from 0 to 1"), ("0,1,2\n", "counts from 0 to 2"), ("0\n1\n", "counts from 0 to 0"),
        ("\"0\",\"1\"\n.5,.25\n", "counts from 0 to 1"), (" 0 , 1\r\n.5,.25\n", "counts from 0 to 1"),
        (",e0,e1\n0,.5,.25\n", "without a name"), (",0,1\n0,.5,.25\n", "without a name"),
        ("\"\",\"e0\"\n0,.5\n", "without a name"), ("item,e0,e1\n7,.5,.25\n", "named 'item'"),
        ("id,e0\n7,.5\n", "named 'id'"), ("Index,e0\n7,.5\n", "named 'Index'"), ("movie_id,e0\n7,.5\n", "'movie_id'"),
        ("userId,e0\n7,.5\n", "'userId'"), ("Unnamed: 0,e0\n7,.5\n", "'Unnamed: 0'"), ("name,0,1\n7,.5,1\n", "'name'"),
        ("Fargo (1996),.5,.25\n", "field 1 is 'Fargo (1996)'"), ("0.0,1.0\n.5,.25\n", "counts from 0 to 1"),
        ("0.0\n1\n", "counts from 0 to 0"), (",0.0,1.0\n0,.5,.25\n", "without a name"),
        ("0,1,id\n.5,.25,7\n", "field 3 is 'id'"),
        ("0.0,1.0,item_id\n.5,.25,7\n", "field 3 is 'item_id'"), ("e0,e1,id\n.5,.25,7\n", "has a column named 'id'"),
        ("e0,title,e1\n.5,1,.25\n", "named 'title'"), ("e0,e1,\n.5,.25,7\n", "without a name"),
        ("product,e0,e1\n7,.5,.25\n", "named 'product'"), ("e0,sku,e1\n.5,7,.25\n", "named 'sku'"),
        ("e0,e1,e2,weight\n.5,.25,1,7\n", "named 'weight'"), ("#,dim_0,dim_1\n7,.5,.25\n", "named '#'"),
        (".5,.25,7,\n", "field 4 is ''"), (".5,.25,Fargo (1996)\n", "field 3 is 'Fargo (1996)'"),
    ])
    func `fault 17: a first line that may be something else is refused`(text: String, part: String) throws {
        for (name, text) in [("x.csv", text), ("x.tsv", text.contains("\"") ? "" : text.replacing(",", with: "\t"))]
        where !text.isEmpty {
            let error = try refusal(name, text)
            #expect(error.code == .malformed && error.line == 1)
            #expect(error.remedy == .textLayout)
            #expect(error.message.contains(part), "\(error)")
        }
    }

    @Test(
        arguments: [
            ("e0,e1\n0,1\n", [[0, 1]]), ("x,y\n1,2\n", [[1, 2]]), ("item_0,item_1\n1,2\n", [[1, 2]]),
            ("x,y,z\n1,2,3\n", [[1, 2, 3]]), ("a1,b1,c2,c3\n1,2,3,4\n", [[1, 2, 3, 4]]), ("p,x1\n1,2\n", [[1, 2]]),
            ("identity,y\n1,2\n", [[1, 2]]), ("0,1,3\n", [[0, 1, 3]]), ("0,1.0\n", [[0, 1]]), ("0.0,1\n", [[0, 1]]),
            ("0.0,1.0,3.0\n", [[0, 1, 3]]), ("0.00,1.00\n", [[0, 1]]), ("1,0\n", [[1, 0]]),
        ] as [(String, [[Float]])])
    func `fault 17: what can only be one thing needs no word`(text: String, expected: [[Float]]) throws {
        #expect(try read("x.csv", text).rows == expected)
    }

    @Test func `fault 17: what the caller says of the first line holds`() throws {
        #expect(try read("x.csv", "0,1\n.5,.25\n", TextLayout(hasHeader: true)).rows == [[0.5, 0.25]])
        #expect(try read("x.csv", "0,1\n.5,.25\n", TextLayout(hasHeader: false)).rows == [[0, 1], [0.5, 0.25]])
        #expect(try read("x.csv", "item,e0\n7,.5\n", TextLayout(hasHeader: true)).rows == [[7, 0.5]])
        #expect(try refusal("x.csv", "item,e0\n7,.5\n", TextLayout(hasHeader: false)).message.contains("'item'"))
        #expect(try read("x.csv", "0.0,1.0\n.5,.25\n", TextLayout(hasHeader: true)).rows == [[0.5, 0.25]])
        #expect(try read("x.csv", "0.0,1.0\n.5,.25\n", TextLayout(hasHeader: false)).rows == [[0, 1], [0.5, 0.25]])
        #expect(try read("x.csv", "e0,id\n.5,7\n", TextLayout(hasHeader: true)).rows == [[0.5, 7]])
        // A mixture of names and numbers is a header as well, when it is said to be one.
        #expect(try read("x.csv", "a,1\n7,.5\n", TextLayout(hasHeader: true)).rows == [[7, 0.5]])
    }

    @Test(arguments: [
        ("item,e0,e1\n007,.5,1\n\"a, \"\"b\"\"\n\",2,\"3\"\n", "item", ["007", "a, \"b\"\n"]),
        (",0,1\n7,.5,1\n,2,3\n", "", ["7", ""]), ("0,id,1\n.5,é,1\n2,x y,3\n\n", "id", ["é", "x y"]),
        ("0,1,2\n.5,1,a\n2,3,b\n", "2", ["a", "b"]), ("0,1,id\n.5,1,7\n2,3,08\n", "id", ["7", "08"]),
        ("e0,e1,id\n.5,1,7\n2,3,8\n", "id", ["7", "8"]), ("0.0,1.0,id\n.5,1,7\n2,3,8\n", "id", ["7", "8"]),
    ])
    func `fault 17: a column of ids gives the ids`(text: String, column: String, ids: [String]) throws {
        let found = try read("x.csv", text, TextLayout(idColumn: column))
        #expect(found.rows == [[0.5, 1], [2, 3]])
        #expect(found.ids == ids)
    }

    @Test func `fault 17: without a header the column of ids goes by its number`() throws {
        let text = "7\t.5\t1\n8\t2\t3\n"
        let found = try read("x.tsv", text, TextLayout(hasHeader: false, idColumn: "1"))
        #expect(found.rows == [[0.5, 1], [2, 3]] && found.ids == ["7", "8"])
        for number in ["0", "4", "item", ""] {
            let error = try refusal("x.tsv", text, TextLayout(hasHeader: false, idColumn: number))
            #expect(error.message.contains("1 to 3") && error.remedy == .textLayout)
        }
    }

    @Test func `fault 17: columns that are not there, repeated or alone are refused`() throws {
        let named = try refusal("x.csv", "a,b\n1,2\n", TextLayout(idColumn: "item"))
        #expect(named.message.contains("names no column 'item'") && named.message.contains("'a', 'b'"))
        #expect(try refusal("x.csv", "a,a\n1,2\n", TextLayout(idColumn: "a")).message.contains("more than one"))
        #expect(try refusal("x.csv", "a\n1\n", TextLayout(idColumn: "a")).message.contains("alone"))
        #expect(try refusal("x.csv", "id,a\n\u{0},2\n", TextLayout(idColumn: "id")).message.contains("NUL"))
        let short = try refusal("x.csv", "id,a,b\nx,2,3\ny,2\n", TextLayout(idColumn: "id"))
        #expect(short.code == .mismatch && short.line == 3 && short.message.contains("2 fields where 3"))
    }

    @Test func `fault 21: what is said of another kind of file is refused`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("x.ndjson", "{\"vector\":[1]}\n")
        for (layout, tensor) in [
            (TextLayout(hasHeader: true), nil), (TextLayout(idColumn: "id"), nil), (TextLayout(), "embedding"),
        ] as [(TextLayout, String?)] {
            let error = try inputError { _ = try VectorReader.open([path], tensor: tensor, text: layout) }
            #expect(error.code == .unsupported && error.message.contains("leave that out"))
        }
        // One of several files is enough.
        let words = try directory.write("x.vec", "a 1\n")
        #expect(throws: InputError.self) { try VectorReader.open([words], text: TextLayout(idColumn: "a")) }
        #expect(
            try VectorReader.open([fixture("grid.tsv"), fixture("grid.csv")], text: TextLayout(hasHeader: false))
                .dimensions == 3)
    }

    @Test(arguments: [
        ("2 3\nthe 1 2 3\ncat .5 -1 1e2\n", ["the", "cat"]), ("the 1 2 3 \ncat .5 -1 1e2\n\n", ["the", "cat"]),
        (". . 1 2 3\r\nat name 7 .5 -1 1e2", [". .", "at name 7"]), ("2 3\n1 1 2 3\n2 .5 -1 1e2\n", ["1", "2"]),
    ])
    func `fault 23: word2vec and GloVe text is read, the words are the ids`(text: String, ids: [String]) throws {
        for name in ["x.vec", "x.txt"] {
            let found = try read(name, text)
            #expect(found.rows == [[1, 2, 3], [0.5, -1, 100]])
            #expect(found.ids == ids)
        }
    }

    @Test(arguments: [
        ("3 2\na 1 2\nb 1 2\n", InputError.Code.mismatch, "announces 3 words"), ("2 3\na 1 2\n", .mismatch, "3 fields"),
        ("a 1 2\nb 1 x\n", .malformed, "field 3 is 'x'"), ("1.5 2 3\n", .malformed, "begins with the number '1.5'"),
        ("1\t2\n", .malformed, "separated by spaces"), ("a 1\n\nb 2\n", .malformed, "is blank"),
        ("\n\n", .empty, "no lines"), ("a b\n", .unsupported, "0 dimensions"), ("1 0\n", .unsupported, "0 dimensions"),
    ])
    func `fault 23: lines that are no words and numbers are named`(
        text: String, code: InputError.Code, part: String
    ) throws {
        let error = try refusal("x.txt", text)
        #expect(error.code == code)
        #expect(error.message.contains(part), "\(error)")
    }

    @Test func `fault 23: a word and one number can be told from word2vec's first line`() throws {
        #expect(try refusal("x.vec", "5 3\n7 2\n").code == .mismatch)
        let found = try read("x.vec", "5 3\n7 2\n", TextLayout(hasHeader: false))
        #expect(found.rows == [[3], [2]] && found.ids == ["5", "7"])
        #expect(try refusal("x.vec", "a 3\n", TextLayout(hasHeader: true)).message.contains("two integers"))
    }

    @Test(
        arguments: [
            ("x.csv", "1,2\n\n", [[1, 2]]), ("x.csv", "1,2\n \n\r\n\n", [[1, 2]]), ("x.tsv", "1\t2\n\n", [[1, 2]]),
            ("x.ndjson", "{\"vector\":[1,2]}\n\n \n", [[1, 2]]), ("x.csv", "1,\"2\"\n\" 3 \",4\n", [[1, 2], [3, 4]]),
            ("x.csv", "\"1\",\"2\"\n", [[1, 2]]),
        ] as [(String, String, [[Float]])])
    func `fault 23: blank last lines and quoted numbers are read`(
        name: String, text: String, expected: [[Float]]
    ) throws {
        #expect(try read(name, text).rows == expected)
    }

    @Test func `fault 23: blank last lines of metadata are no rows`() throws {
        let directory = try TemporaryDirectory()
        for (name, text, rows) in [
            ("a.ndjson", "{}\n{}\n\n\n", 2), ("a.csv", "a,b\n1,2\n\n", 1), ("a.tsv", "a\tb\n1\t2\n\n \n", 1),
            ("b.csv", "a\n1\n\n", 2), ("b.tsv", "a\tb\n\t\n", 1),
        ] {
            let reader = try MetadataReader.open(try directory.write(name, text))
            try reader.inferSchema()
            #expect(reader.rowCount == rows, "\(name)")
            var found = 0
            while try reader.next() != nil { found += 1 }
            #expect(found == rows)
        }
        for (name, text) in [("c.ndjson", "{}\n\n{}\n"), ("c.csv", "a,b\n\n1,2\n")] {
            let error = try inputError { try MetadataReader.open(try directory.write(name, text)).inferSchema() }
            #expect(error.line == 2 && error.message.contains("is blank, but line 3 is not"))
        }
    }

    @Test(arguments: [
        (#"{"vector":[NaN]}"#, "correct or remove the row"),
        (#"{"vector":[1,-Infinity]}"#, "correct or remove the row"),
        (#"{"vector":[null]}"#, "holds numbers alone"), (#"{"vector":[1],"year":NaN}"#, "write a number or null"),
        (#"{"vector":[1],"id":-Infinity}"#, "a string or an integer"),
    ])
    func `fault 23: the advice about NaN is one that is taken`(line: String, part: String) throws {
        let error = try refusal("x.ndjson", line)
        #expect(error.message.contains(part), "\(error)")
        #expect(error.message.contains("null") == part.contains("null") || line.contains("null"))
    }
}
