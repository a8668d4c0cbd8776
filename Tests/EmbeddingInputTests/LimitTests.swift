import TestSupport
import Testing

@testable import EmbeddingInput

/// Inputs without rows, with too much of something, and readers that are asked to stop.
@Suite struct LimitTests {
    @Test(arguments: ["tsv", "csv", "ndjson"])
    func `a byte order mark alone is no line`(ending: String) throws {
        let directory = try TemporaryDirectory()
        #expect(try openError([try directory.write("x.\(ending)", "\u{FEFF}")]).code == .empty)
    }

    @Test func `a quoted field over more lines than a record may have is refused`() throws {
        let directory = try TemporaryDirectory()
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 4 << 20) + [UInt8(ascii: "\n")]
        let path = try directory.write("x.csv", Array("a\n\"".utf8) + line + line + line + line + line)
        let error = try inputError { _ = try MetadataReader.open(path).inferSchema() }
        #expect(error.code == .malformed && error.message.contains("closing quote"))
    }

    @Test func `counting ids and looking for columns can be stopped`() throws {
        let directory = try TemporaryDirectory()
        let ids = try directory.write("ids.txt", String(repeating: "a\n", count: 10_000))
        #expect(try inputError { _ = try IDReader.open(ids).count(isCancelled: { true }) }.code == .cancelled)
        for (name, line) in [("x.ndjson", "{}\n"), ("x.tsv", "a\n")] {
            let path = try directory.write(name, String(repeating: line, count: 1_001))
            let error = try inputError { try MetadataReader.open(path).inferSchema(isCancelled: { true }) }
            #expect(error.code == .cancelled)
        }
    }

    @Test func `a name without an ending names no metadata format`() throws {
        #expect(try inputError { _ = try MetadataReader.open("") }.code == .unsupported)
    }

    @Test func `the first row may be asked for before the columns are known`() throws {
        let directory = try TemporaryDirectory()
        let reader = try MetadataReader.open(try directory.write("x.ndjson", "{\"a\":1}\n"))
        #expect(try reader.next()?.values == [.integer(1)])
    }

    @Test func `of two columns with one name the first gets the values`() {
        let column = MetadataSchema.Column(name: "a", type: .integer)
        #expect(MetadataSchema(columns: [column, column]).values(of: Array("{\"a\":1}".utf8)) == [.integer(1), .null])
    }

    @Test func `rows of more keys than there may be columns are refused`() throws {
        let directory = try TemporaryDirectory()
        let keys = (0...MetadataSchema.columnLimit).map { "\"k\($0)\":1" }.joined(separator: ",")
        let error = try openError([try directory.write("x.ndjson", "{\"vector\":[1],\(keys)}\n")])
        #expect(error.code == .unsupported && error.row == 0)
    }

    @Test func `a file with ids behind one without is named`() throws {
        let directory = try TemporaryDirectory()
        let bare = try directory.write("bare.ndjson", "{\"vector\":[1,2,3]}\n")
        #expect(try openError([bare, fixture("grid.ndjson")]).message.contains("has ids"))
    }

    @Test func `a row's place is in the first file as long as nothing was read`() throws {
        let reader = try VectorReader.open([fixture("grid.tsv")])
        #expect(reader.location(ofRow: 3) == (fixture("grid.tsv"), 3))
    }

    @Test func `text has no width`() {
        #expect(VectorElement.text.byteCount == 0)
    }
}
