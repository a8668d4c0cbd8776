import TestSupport
import Testing

@testable import EmbeddingInput

@Suite struct OrdinalTableTests {
    private func table(_ name: String, _ content: [UInt8]) throws -> [[UInt64]] {
        let directory = try TemporaryDirectory()
        return try OrdinalTable(try directory.write(name, content)).rows
    }

    private func header(_ dtype: String, _ shape: String) -> String {
        "{'descr': \(dtype), 'fortran_order': False, 'shape': (\(shape)), }"
    }

    private let rows: [[UInt64]] = [[1, 2], [3, 259]]
    private var values: [UInt64] { rows.flatMap { $0 } }

    @Test func `integers of every width and byte order are ordinals`() throws {
        let files: [(dtype: String, data: [UInt8])] = [
            ("'<i4'", values.flatMap { littleEndianBytes(Int32($0)) }),
            ("'<u4'", values.flatMap { littleEndianBytes(UInt32($0)) }),
            ("'<i8'", values.flatMap { littleEndianBytes(Int64($0)) }),
            ("'<u8'", values.flatMap { littleEndianBytes($0) }),
            ("'>u4'", values.flatMap { littleEndianBytes(UInt32($0).byteSwapped) }),
            ("'>i8'", values.flatMap { littleEndianBytes(Int64($0).byteSwapped) }),
        ]
        for (dtype, data) in files {
            #expect(try table("t.npy", npyFile(header(dtype, "2, 2"), data: data)) == rows, "\(dtype)")
        }
    }

    @Test func `rows may stand behind their lengths, or behind the table's shape and before distances`() throws {
        let prefixed = rows.flatMap { row in ([2] + row).flatMap { littleEndianBytes(UInt32($0)) } }
        #expect(try table("t.ivecs", prefixed) == rows)
        let shaped = ([2, 2] + values).flatMap { littleEndianBytes(UInt32($0)) }
        #expect(try table("t.ibin", shaped) == rows)
        #expect(try table("t.ibin", shaped + littleEndianBytes([0.5, 0.6, 0.7, 0.8])) == rows)
    }

    @Test func `fault 12: a table of more columns than there are candidates is not read`() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let path = try directory.write(
            "t.npy", npyFile(header("'<i4'", "2, 2"), data: values.flatMap { littleEndianBytes(Int32($0)) }))
        #expect(try OrdinalTable(path, queryCount: 2, candidateCount: 2).rows == rows)
        let error = try inputError { _ = try OrdinalTable(path, queryCount: 2, candidateCount: 1) }
        #expect(error.code == .mismatch && error.message.contains("2 ordinals a row"))
    }

    @Test func `fault 18: a negative ordinal is refused with its row and value, signed or not`() throws {
        func words(_ values: Int32...) -> [UInt8] { values.flatMap { littleEndianBytes($0) } }
        let files: [(name: String, content: [UInt8], value: String)] = [
            ("t.ibin", words(2, 2, 0, 1, 1, -1), "ordinal -1 in column 1"),
            ("t.ivecs", words(2, 0, 1, 2, -7, 1), "ordinal -7 in column 0"),
            ("t.npy", npyFile(header("'<u4'", "2, 2"), data: words(0, 1, 1, -1)), "ordinal -1 in column 1"),
            ("t.npy", npyFile(header("'<i4'", "2, 2"), data: words(0, 1, -2, 1)), "ordinal -2 in column 0"),
            ("t.npy", npyFile(header("'<u8'", "2, 1"), data: words(0, 0, -1, -1)), "ordinal -1 in column 0"),
            ("t.npy", npyFile(header("'>i8'", "2, 1"), data: words(0, 0, -1, -1)), "ordinal -1 in column 0"),
        ]
        for (name, content, value) in files {
            let error = try inputError { _ = try table(name, content) }
            #expect(error.code == .invalidValue && error.row == 1 && "\(error)".contains(value), "\(error)")
        }
        // What is large, but no −1, is some other reader's to judge.
        #expect(try table("t.ibin", words(1, 1, -2)) == [[4_294_967_294]])
    }

    @Test func `fault 18: a file's ending is bytes, and a mark before its dot is none of it`() throws {
        let shaped = ([2, 2] + values).flatMap { littleEndianBytes(UInt32($0)) }
        #expect(try table("a\u{600}.IBIN", shaped) == rows)
        #expect(["a\u{600}.npy", "/b.c/A.NPY", "npy", "/a.b/.npy"].map(fileExtension) == ["npy", "npy", nil, nil])
        let names = ["\u{e9}", "e\u{301}"].map { MetadataSchema.Column(name: $0, type: .text) }
        #expect(Set(names).count == 2)
        #expect(ByteString("\u{e9}") != ByteString("e\u{301}") && ByteString(bytes: [0x61]) == ByteString("a"))
    }

    @Test func `what is no table of ordinals is refused`() throws {
        func words(_ values: Int32...) -> [UInt8] { values.flatMap { littleEndianBytes($0) } }
        let files: [(name: String, content: [UInt8], code: InputError.Code)] = [
            ("t.npy", [], .empty), ("t.bin", [1], .unsupported),
            ("t.npy", npyFile(header("'<f4'", "1, 1"), data: words(1)), .unsupported),
            ("t.npy", npyFile(header("'=i4'", "1, 1"), data: words(1)), .unsupported),
            ("t.npy", npyFile(header("[('a', '<i4')]", "1, 1"), data: words(1)), .unsupported),
            ("t.npy", npyFile(header("'<i4'", "1,"), data: words(1)), .unsupported),
            ("t.npy", npyFile(header("'<i4'", "1, 2"), data: words(1)), .malformed),
            ("t.npy", npyFile(header("'<i4'", "1, 1"), data: words(-1)), .invalidValue),
            ("t.ivecs", [1, 0, 0], .malformed), ("t.ivecs", words(-1), .malformed),
            ("t.ivecs", words(1, 5, 2, 6), .malformed), ("t.ivecs", words(2, 5), .malformed),
            ("t.ibin", [1, 0, 0], .truncated), ("t.ibin", words(0, 1), .malformed),
            ("t.ibin", words(-1, -1), .malformed), ("t.ibin", words(1, 2, 3), .malformed),
        ]
        for (name, content, code) in files {
            #expect(try inputError { _ = try table(name, content) }.code == code, "\(name) \(content)")
        }
    }
}
