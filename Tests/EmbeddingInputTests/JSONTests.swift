import Testing

@testable import EmbeddingInput

@Suite struct JSONTests {
    private func canonical(_ text: String) throws -> String {
        String(decoding: try JSONDocument(parsing: Array(text.utf8)).bytes, as: UTF8.self)
    }

    private func failure(_ text: [UInt8]) -> JSONFailure? {
        do throws(JSONFailure) {
            _ = try JSONDocument(parsing: text)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        (#" { "b" : 1 , "a" : [ true , false , null , { } , [ ] ] } "#, #"{"b":1,"a":[true,false,null,{},[]]}"#),
        (#""\u0041\/\"\\\b\f\n\r\t\u001f\u007f""#, #""A/\"\\\b\f\n\r\t\u001f"# + "\u{7F}\""),
        (#""\ud83d\ude00é""#, "\"😀é\""), ("-0", "-0"), ("1.50E+02", "1.50E+02"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
    ])
    func `text is brought into one form`(text: String, expected: String) throws {
        #expect(try canonical(text) == expected)
        #expect(try canonical(expected) == expected)
    }

    @Test(arguments: [
        ("", 0), ("{", 1), ("{}x", 2), ("[1 2]", 3), (#"{"a":1,}"#, 7), (#"{"a":1,"a":2}"#, 7),
        (#"{"a":1,"\u0061":2}"#, 7),
        (#"{1:2}"#, 1), (#"{"a" 1}"#, 5), ("01", 0), ("1.", 2), ("-", 1), (".5", 0), ("+1", 0), ("1e", 2), ("nul", 0),
        ("True", 0), ("\"a", 2), ("\"\t\"", 1), (#""\x""#, 1), (#""\u12g4""#, 5), (#""\ud800""#, 1),
        (#""\ud800\u0041""#, 1),
        (#""\udc00""#, 1), ("[1,]", 3), ("'a'", 0), ("NaN", 0), ("\u{FEFF}1", 0),
    ])
    func `everything else is refused at its place`(text: String, offset: Int) throws {
        let found = try #require(failure(Array(text.utf8)))
        #expect(found.offset == offset, "\(found.message)")
    }

    @Test(
        arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] as [[UInt8]])
    func `invalid UTF-8 is refused`(bad: [UInt8]) {
        #expect(failure([0x22] + bad + [0x22]) != nil)
    }

    @Test func `64 levels are read and 65 are not`() {
        for (depth, isGood) in [(64, true), (65, false), (100_000, false)] {
            let arrays = [UInt8](repeating: 0x5B, count: depth) + [UInt8](repeating: 0x5D, count: depth)
            #expect((failure(arrays) == nil) == isGood)
        }
        let objects = String(repeating: "{\"a\":", count: 65) + "1" + String(repeating: "}", count: 65)
        #expect(failure(Array(objects.utf8)) != nil)
    }

    @Test func `a key is found twice among thousands`() {
        let members = (0..<5000).map { "\"k\($0)\":\($0)" }
        #expect(failure(Array("{\(members.joined(separator: ","))}".utf8)) == nil)
        #expect(failure(Array("{\(members.joined(separator: ",")),\"k4321\":0}".utf8)) != nil)
    }

    @Test func `members and elements are walked in order`() throws {
        let text = #"{"a\"":[1,"x]",{"y":[2]}],"b":{"c":"}"},"":null}"#
        let document = try JSONDocument(parsing: Array(text.utf8))
        var members: [String] = []
        document.forEachMember(of: document.root) { key, value in
            members.append(document.unescaped(key) + "=" + document.text(value))
            return true
        }
        #expect(members == [#"a"=[1,"x]",{"y":[2]}]"#, #"b={"c":"}"}"#, "=null"])
        let array = try #require(document.member("a\"", of: document.root))
        var elements: [String] = []
        document.forEachElement(of: array) { value in
            elements.append(document.text(value))
            return true
        }
        #expect(elements == ["1", "\"x]\"", "{\"y\":[2]}"])
    }

    @Test func `what is not there is null, has no elements and no text`() {
        let empty = JSONDocument(canonical: [])
        #expect(empty.kind(empty.root) == .null)
        empty.forEachElement(of: empty.root) { _ in
            Issue.record("nothing has an element")
            return true
        }
        let damaged = JSONDocument(canonical: Array(#""\uZZZZ""#.utf8))
        #expect(damaged.string(damaged.root) == "\0")
    }

    @Test func `a damaged document is walked without harm`() throws {
        let seed: UInt64 = 5
        var random = SplitMix(seed: seed)
        let good = Array(#"{"a":[1,"x",{"y":[2]}],"b":{"c":"\u0001\"}"},"d":-1.5e3}"#.utf8)
        let schema = MetadataSchema(columns: ["a", "b", "d"].map { MetadataSchema.Column(name: $0, type: .real) })
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0...5, using: &random))
            #expect(schema.values(of: bytes).count == 3)
        }
    }
}
