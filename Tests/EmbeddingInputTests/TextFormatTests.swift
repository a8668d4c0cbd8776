import FileSystem
import TestSupport
import Testing

@testable import EmbeddingInput

@Suite struct TextFormatTests {
    @Test(arguments: ["grid.tsv", "grid.csv", "grid.ndjson"])
    func `text is read without knowing its length`(name: String) throws {
        let reader = try VectorReader.open([fixture(name)])
        #expect(reader.dimensions == 3)
        #expect(reader.count == nil)
        #expect(reader.element == .text)
        #expect(try readAll(reader) == gridRows)
        try reader.rewind()
        #expect(try readAll(reader, batch: 100) == gridRows)
    }

    private func rows(_ name: String, _ text: String) throws -> [[Float]] {
        let directory = try TemporaryDirectory()
        return try readAll(VectorReader.open([try directory.write(name, text)]))
    }

    private func error(_ name: String, _ text: String) throws -> InputError {
        let directory = try TemporaryDirectory()
        return try openError([try directory.write(name, text)])
    }

    @Test(
        arguments: [
            ("1,2\n3,4\n", [[1, 2], [3, 4]]), ("1,2\r\n3,4", [[1, 2], [3, 4]]), ("a,b\n1,2\n", [[1, 2]]),
            ("\u{FEFF}1,2\n", [[1, 2]]), (" 1 , -2.5e-1 \n+3,.5\n", [[1, -0.25], [3, 0.5]]), ("5.\n007\n", [[5], [7]]),
            ("\"a,\n\"\"b\",c\n1,2\n", [[1, 2]]), ("a,b\n", []), ("7", [[7]]), ("1E2,1e+2\n", [[100, 100]]),
            ("-Infinity,inf\n", [[-.infinity, .infinity]]),
        ] as [(String, [[Float]])])
    func `numbers in csv are read`(text: String, expected: [[Float]]) throws {
        #expect(try rows("x.csv", text) == expected)
    }

    @Test func `nan in text is read as NaN, for validation to name`() throws {
        #expect(try rows("x.tsv", "1\tNaN\n")[0][1].isNaN)
    }

    @Test(arguments: [
        ("1,2\n3\n", InputError.Code.mismatch, 2, "1 numbers where 2"), ("1,2\n3,4,5\n", .mismatch, 2, "3 numbers"),
        ("1,2\n\n3,4\n", .malformed, 2, "is blank, but line 3 is not"),
        ("1,2\n3,x4\n", .malformed, 2, "field 2 is 'x4'"),
        ("1,2\n3,4x\n", .malformed, 2, "field 2 is '4x'"), ("id,1,2\n", .malformed, 1, "named 'id'"),
        ("1,2\n3,\"x\"\n", .malformed, 2, "field 2 is 'x'"), ("1,2\n3,\"4\"x\n", .malformed, 2, "closing quote"),
        ("x1,1,2\n", .malformed, 1, "field 1 is 'x1'"), ("1,2\n3,0x4\n", .malformed, 2, "field 2"),
        ("1,2\n3,1e\n", .malformed, 2, "field 2"), ("1 2\n1,2\n", .mismatch, 2, "2 numbers where 1"),
        ("a,b,c\n1,2\n", .mismatch, 2, "2 numbers where 3"),
    ])
    func `lines that are no rows are named`(text: String, code: InputError.Code, line: Int, part: String) throws {
        let error = try error("x.csv", text)
        #expect(error.code == code)
        #expect(error.line == line)
        #expect(error.message.contains(part), "\(error)")
    }

    @Test func `dimension 65,536 is refused in text`() throws {
        let numbers = Array(repeating: "0", count: 65_536)
        #expect(try error("x.csv", numbers.joined(separator: ",")).code == .unsupported)
        #expect(try error("x.ndjson", "{\"vector\":[\(numbers.joined(separator: ","))]}").code == .unsupported)
        #expect(try error("x.ndjson", "{\"vector\":[]}").code == .unsupported)
    }

    @Test func `a row's finite number that becomes infinite is reported`() throws {
        let directory = try TemporaryDirectory()
        for (name, text) in [
            ("x.tsv", "1\n1e39\ninf\n-1e999\n"),
            ("x.ndjson", "{\"vector\":[1]}\n{\"vector\":[1e39]}\n{\"vector\":[2]}\n{\"vector\":[-1e999]}\n"),
        ] {
            let reader = try VectorReader.open([try directory.write(name, text)])
            var buffer = [Float](repeating: 0, count: 4)
            #expect(try reader.read(into: &buffer, maxRows: 4) == 4)
            #expect(reader.overflowedRows == [1, 3])
        }
    }

    @Test func `objects give ids and compact documents`() throws {
        let reader = try VectorReader.open([fixture("grid.ndjson")])
        #expect(reader.hasIDs && reader.hasDocuments)
        #expect(reader.metadataSchema == nil)
        var buffer = [Float](repeating: 0, count: 6)
        #expect(try reader.read(into: &buffer, maxRows: 2) == 2)
        #expect(reader.lastIDs == ["item é 0", "item é 1"])
        #expect(
            reader.lastDocuments?.map { String(decoding: $0, as: UTF8.self) } == [
                #"{"year":1990,"tags":["x",0]}"#, #"{"year":1991,"tags":["x",1]}"#,
            ])
        while try reader.read(into: &buffer, maxRows: 2) > 0 {}
        let schema = try #require(reader.metadataSchema)
        #expect(schema.columns == [MetadataSchema.Column(name: "year", type: .integer)])
        try reader.rewind()
        #expect(try reader.read(into: &buffer, maxRows: 1) == 1)
        #expect(schema.values(of: try #require(reader.lastDocuments?.first)) == [.integer(1990)])
    }

    @Test(arguments: [
        (#"{"vector":[1,2],"id":7}"#, "7"), (#"{"id":"","vector":[1,2]}"#, ""),
        (#"{ "id" : -1 , "vector" : [ 1 , 2 ] }"#, "-1"),
        (#"{"\u0069d":"\u00e9\ud83d\ude00\n","vector":[1,2]}"#, "é😀\n"),
        (#"{"id":"18446744073709551616","vector":[1,2]}"#, "18446744073709551616"),
    ])
    func `ids are strings or integers`(line: String, id: String) throws {
        let directory = try TemporaryDirectory()
        let reader = try VectorReader.open([try directory.write("x.ndjson", line)])
        var buffer: [Float] = [0, 0]
        #expect(try reader.read(into: &buffer, maxRows: 1) == 1)
        #expect(buffer == [1, 2])
        #expect(reader.lastIDs == [id])
        #expect(reader.lastDocuments == [Array("{}".utf8)])
    }

    @Test(arguments: [
        (#"{"id":1.5,"vector":[1]}"#, "string or an integer"), (#"{"id":null,"vector":[1]}"#, "string or an integer"),
        (#"{"id":"a"}"#, "no \"vector\""), (#"{"vector":{}}"#, "'['"), (#"{"vector":[1,]}"#, "expected a value"),
        (#"{"vector":[1],"vector":[1]}"#, "twice"), (#"{"vector":["1"]}"#, "without quotes"), (#"[1]"#, "'{'"),
        (#"{"vector":[NaN]}"#, "NaN and Infinity"), (#"{"vector":[-Infinity]}"#, "NaN and Infinity"),
        (#"{"vector":[01]}"#, "number"), (#"{"vector":[+1]}"#, "expected a value"), (#"{"vector":[1.]}"#, "number"),
        (#"{"vector":[1]} {}"#, "nothing more"), (#"{"vector":[1],"a":"\ud800"}"#, "surrogate"), ("", "is blank"),
        (#"{"vector":[1],"id":"\u0000"}"#, "NUL"),
    ])
    func `objects that are no rows are named`(line: String, part: String) throws {
        let error = try error("x.ndjson", "{\"vector\":[1]}\n\(line)\n{\"vector\":[1]}\n")
        #expect(error.code == .malformed)
        #expect(error.line == 2)
        #expect(error.row == 1)
        #expect(error.message.contains(part), "\(error)")
    }

    @Test func `every object has an id, or none`() throws {
        let some = try error("x.ndjson", "{\"vector\":[1],\"id\":1}\n{\"vector\":[1]}\n")
        #expect(some.code == .mismatch && some.line == 2)
        let late = try error("x.ndjson", "{\"vector\":[1]}\n{\"vector\":[1],\"id\":1}\n")
        #expect(late.code == .mismatch && late.line == 2)
        let short = try error("x.ndjson", "{\"vector\":[1]}\n{\"vector\":[1,2]}\n")
        #expect(short.code == .mismatch && short.message.contains("2 numbers"))
    }

    @Test(arguments: [1000, 300_000])
    func `a line without end is refused at the limit`(limit: Int) throws {
        let directory = try TemporaryDirectory()
        for (length, end, isGood) in [
            (limit, "", true), (limit, "\n", true), (limit, "\r\n", true), (limit + 1, "", false),
            (limit + 1, "\n", false), (limit * 3, "", false),
        ] {
            let line = [UInt8](repeating: UInt8(ascii: "1"), count: length)
            let path = try directory.write("x", Array("a\n".utf8) + line + Array(end.utf8))
            let lines = LineReader(try InputFile.open(path, spoolDirectory: nil) { false }, byteLimit: limit)
            #expect(try lines.next()?.count == 1)
            if isGood {
                #expect(try lines.next()?.count == limit)
                #expect(try lines.next() == nil)
            } else {
                let error = try inputError { _ = try lines.next() }
                #expect(error.code == .malformed)
                #expect(error.line == 2)
                #expect(error.message.contains("longer than \(grouped(limit)) bytes"))
            }
        }
    }

    @Test func `decimals are read as the nearest float`() throws {
        let lines = String(decoding: try bytes(of: fixture("decimals.txt")), as: UTF8.self).split(separator: "\n")
        #expect(lines.count > 1000)
        for line in lines {
            let parts = line.split(separator: " ")
            let text = Array(parts[0].utf8)
            var position = 0
            let number = scanNumber(text.span, &position, end: text.count, grammar: .plain)
            #expect(position == text.count)
            #expect(number?.value.bitPattern == UInt32(parts[1], radix: 16), "\(line)")
        }
    }

    @Test func `decimals beside the midpoint of two floats are rounded as the standard library does`() throws {
        let seed: UInt64 = 20_261_123
        var random = SplitMix(seed: seed)
        for _ in 0..<3000 {
            let float = Float(bitPattern: UInt32.random(in: 0x0080_0000..<0x7F00_0000, using: &random))
            let midpoint = (Double(float) + Double(float.nextUp)) / 2
            for value in [midpoint, midpoint.nextUp, midpoint.nextDown] {
                let text = "\(value)"
                let utf8 = Array(text.utf8)
                var position = 0
                let number = scanNumber(utf8.span, &position, end: utf8.count, grammar: .json)
                #expect(number?.value == Float(text), "seed \(seed): \(text)")
            }
        }
    }
}
