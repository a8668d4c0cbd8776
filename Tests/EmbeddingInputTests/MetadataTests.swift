import TestSupport
import Testing

@testable import EmbeddingInput

@Suite struct MetadataTests {
    private func read(_ name: String, _ text: String) throws -> (MetadataSchema, [MetadataRow]) {
        let directory = try TemporaryDirectory()
        let reader = try MetadataReader.open(try directory.write(name, text))
        let schema = try reader.inferSchema()
        var rows: [MetadataRow] = []
        while let row = try reader.next() { rows.append(row) }
        #expect(reader.rowCount == rows.count)
        #expect(try reader.next() == nil)
        try reader.rewind()
        #expect(try reader.next() == rows.first)
        return (schema, rows)
    }

    private func error(_ name: String, _ text: String) throws -> InputError {
        try inputError { _ = try read(name, text) }
    }

    private func text(_ row: MetadataRow) -> String {
        String(decoding: row.document, as: UTF8.self)
    }

    @Test func `objects become documents and typed columns`() throws {
        let (schema, rows) = try read(
            "x.ndjson",
            """
            {"title": "Toy Story (1995)", "year": 1995, "score": 1, "seen": true, "genres": ["Comedy"], "note": null}
            {"year": 1996, "title": "GoldenEye", "score": 2.5, "seen": null, "extra": {"a": 1}, "late": "x"}

            """)
        #expect(schema.columns.map(\.name) == ["title", "year", "score", "seen", "note", "late"])
        #expect(schema.columns.map(\.type) == [.text, .integer, .real, .bool, .text, .text])
        #expect(
            rows.map(text) == [
                #"{"title":"Toy Story (1995)","year":1995,"score":1,"seen":true,"genres":["Comedy"],"note":null}"#,
                #"{"year":1996,"title":"GoldenEye","score":2.5,"seen":null,"extra":{"a":1},"late":"x"}"#,
            ])
        #expect(rows[0].values == [.text("Toy Story (1995)"), .integer(1995), .real(1), .bool(true), .null, .null])
        #expect(rows[1].values == [.text("GoldenEye"), .integer(1996), .real(2.5), .null, .null, .text("x")])
    }

    @Test(arguments: [
        (["1", "2"], MetadataSchema.ColumnType.integer, [MetadataValue.integer(1), .integer(2)]),
        (["1", "2.0"], .real, [.real(1), .real(2)]),
        (["1", "null"], .integer, [.integer(1), .null]),
        (["null", "null"], .text, [.null, .null]),
        (["true", "false"], .bool, [.bool(true), .bool(false)]),
        (["true", "1"], .text, [.text("true"), .text("1")]),
        (["1.50", "\"a\\n\""], .text, [.text("1.50"), .text("a\n")]),
        (["9223372036854775807", "-9223372036854775808"], .integer, [.integer(.max), .integer(.min)]),
        (["9223372036854775808", "1"], .real, [.real(9223372036854775808), .real(1)]),
        (["1e999", "1"], .text, [.text("1e999"), .text("1")]),
        (["1", "[2]"], .integer, [.integer(1), .null]),
        (["1e2", "-0"], .real, [.real(100), .real(-0.0)]),
    ])
    func `a column's type holds all its values`(
        values: [String], type: MetadataSchema.ColumnType, expected: [MetadataValue]
    ) throws {
        let (schema, rows) = try read("x.jsonl", values.map { "{\"a\":\($0)}" }.joined(separator: "\n"))
        #expect(schema.columns == [MetadataSchema.Column(name: "a", type: type)])
        #expect(rows.map(\.values) == expected.map { [$0] })
    }

    @Test func `arrays alone make no column`() throws {
        let (schema, rows) = try read("x.ndjson", "{\"a\":[1]}\n{\"a\":{}}\n{}\n")
        #expect(schema.columns.isEmpty)
        #expect(rows.map(\.values) == [[], [], []])
    }

    @Test func `csv is quoted as RFC 4180 says`() throws {
        let (schema, rows) = try read(
            "x.csv",
            "title,year,\"a \"\"b\"\"\"\r\n\"Good, Bad\",1966,\r\n\"two\r\nlines\",,\"\"\"\"\r\nplain,1.5,x\r\n")
        #expect(schema.columns.map(\.name) == ["title", "year", "a \"b\""])
        #expect(schema.columns.map(\.type) == [.text, .real, .text])
        #expect(
            rows.map(text) == [
                #"{"title":"Good, Bad","year":1966,"a \"b\"":null}"#,
                #"{"title":"two\r\nlines","year":null,"a \"b\"":"\""}"#, #"{"title":"plain","year":1.5,"a \"b\"":"x"}"#,
            ])
        #expect(rows[0].values == [.text("Good, Bad"), .real(1966), .null])
        #expect(rows[1].values == [.text("two\r\nlines"), .null, .text("\"")])
    }

    @Test func `tsv is raw`() throws {
        let (schema, rows) = try read("x.tsv", "\u{FEFF}id\tquote\tzip\n1\t\"a, b\"\t01234\n-2\tc\\t\t99999\n")
        #expect(schema.columns.map(\.type) == [.integer, .text, .text])
        #expect(
            rows.map(\.values) == [
                [.integer(1), .text("\"a, b\""), .text("01234")], [.integer(-2), .text("c\\t"), .text("99999")],
            ])
        #expect(text(rows[0]) == #"{"id":1,"quote":"\"a, b\"","zip":"01234"}"#)
    }

    @Test func `an empty line is a null in a table of one column`() throws {
        let (_, rows) = try read("x.csv", "a\n\n1\n")
        #expect(rows.map(\.values) == [[.null], [.integer(1)]])
    }

    @Test(
        arguments: [
            ("x.csv", "", InputError.Code.empty, nil), ("x.csv", "a,b\n1\n", .malformed, 2),
            ("x.csv", "a,b\n1,2,3\n", .malformed, 2),
            ("x.csv", "a,a\n", .malformed, 1), ("x.csv", "a,\n", .malformed, 1), ("x.csv", "a\nb\"c\n", .malformed, 2),
            ("x.csv", "a\n\"b\"c\n", .malformed, 2), ("x.csv", "a\n1\n\"b\n\n", .malformed, 3),
            ("x.tsv", "", .empty, nil),
            ("x.tsv", "a\tb\n1\n", .malformed, 2), ("x.ndjson", "{}\n\n{}\n", .malformed, 2),
            ("x.ndjson", "{}\n[]\n", .malformed, 2),
            ("x.ndjson", "{\"a\":1,\"a\":1}\n", .malformed, 1), ("x.ndjson", "{}\n{\"a\":}\n", .malformed, 2),
            ("x.txt", "a\n", .unsupported, nil),
        ] as [(String, String, InputError.Code, Int?)])
    func `what is no table is refused with its line`(
        name: String, text: String, code: InputError.Code, line: Int?
    ) throws {
        let error = try error(name, text)
        #expect(error.code == code)
        #expect(error.line == line)
    }

    @Test func `text that is not UTF-8 is refused`() throws {
        let directory = try TemporaryDirectory()
        for (name, prefix) in [("x.csv", "a\n"), ("x.tsv", "a\n"), ("x.ndjson", "{}\n")] {
            let path = try directory.write(name, Array(prefix.utf8) + [0x22, 0xFF, 0x22, 0x0A])
            let error = try inputError { _ = try MetadataReader.open(path).inferSchema() }
            #expect(error.line == 2)
        }
        // Two halves of a letter in two fields are no letter.
        for (name, separator) in [("x.csv", ","), ("x.tsv", "\t")] {
            let halves = Array("a\(separator)b\n".utf8) + [0xC3] + Array(separator.utf8) + [0xA9]
            let path = try directory.write(name, halves)
            #expect(try inputError { _ = try MetadataReader.open(path).inferSchema() }.line == 2)
        }
    }

    @Test func `1,000 columns are read and 1,001 are not`() throws {
        for (count, isGood) in [(1000, true), (1001, false)] {
            let object = "{" + (0..<count).map { "\"k\($0)\":1" }.joined(separator: ",") + "}"
            let header = (0..<count).map { "k\($0)" }.joined(separator: ",")
            for (name, text) in [("x.ndjson", object), ("x.csv", header)] {
                if isGood {
                    #expect(try read(name, text).0.columns.count == count)
                } else {
                    #expect(try error(name, text).code == .unsupported)
                }
            }
        }
    }

    @Test func `columns that come in another order are found`() throws {
        let schema = MetadataSchema(columns: [
            .init(name: "a", type: .integer), .init(name: "b\"", type: .text), .init(name: "c", type: .real),
        ])
        let document = try JSONDocument(parsing: Array(#"{"c":1,"x":0,"b\"":"t","a":2}"#.utf8))
        #expect(schema.values(of: document.bytes) == [.integer(2), .text("t"), .real(1)])
    }

    @Test func `inference stops when asked`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("x.csv", "a\n" + String(repeating: "1\n", count: 2000))
        let reader = try MetadataReader.open(path)
        #expect(try inputError { try reader.inferSchema(isCancelled: { true }) }.code == .cancelled)
        #expect(try reader.inferSchema().columns.count == 1)
    }
}
