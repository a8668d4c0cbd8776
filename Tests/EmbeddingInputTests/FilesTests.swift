import Foundation
import TestSupport
import Testing

@testable import EmbeddingInput

/// Several files, rewinding, pipes, recognition.
@Suite struct FilesTests {
    @Test func `several files are one input`() throws {
        let paths = [
            fixture("grid-f4-little.npy"), fixture("zero-rows.npy"), fixture("grid-f4-big.npy"), fixture("grid.fbin"),
        ]
        let reader = try VectorReader.open(paths)
        #expect(reader.count == 15)
        #expect(reader.files == paths)
        let expected = gridRows + gridRows + gridRows
        for batch in [1, 4, 7, 15, 100] {
            #expect(try readAll(reader, batch: batch) == expected)
            #expect(reader.location(ofRow: 4) == (paths[0], 4))
            #expect(reader.location(ofRow: 5) == (paths[2], 0))
            #expect(reader.location(ofRow: 14) == (paths[3], 4))
            try reader.rewind()
        }
    }

    @Test func `a batch is full although files end inside it`() throws {
        let reader = try VectorReader.open([fixture("grid.tsv"), fixture("grid.csv")])
        var buffer = [Float](repeating: 0, count: 24)
        #expect(try reader.read(into: &buffer, maxRows: 8) == 8)
        #expect(buffer.elementsEqual((gridRows + gridRows[..<3]).flatMap { $0 }))
        #expect(try reader.read(into: &buffer, maxRows: 8) == 2)
    }

    @Test func `files that disagree are both named`() throws {
        let directory = try TemporaryDirectory()
        let two = try directory.write("two.tsv", "1\t2\n")
        let bare = try directory.write("bare.ndjson", "{\"vector\":[1,2,3]}\n")
        for (paths, part) in [
            ([fixture("grid.tsv"), two], "2 dimensions"), ([fixture("grid-u1.npy"), fixture("grid-i1.npy")], "int8"),
            ([fixture("grid.tsv"), fixture("grid.ndjson")], "ndjson"), ([fixture("grid.ndjson"), bare], "no ids"),
        ] {
            let error = try openError(paths)
            #expect(error.code == .mismatch)
            #expect(error.file == paths[1])
            #expect(error.message.contains(paths[0]) && error.message.contains(part), "\(error)")
        }
    }

    @Test func `a row behind the first file has its number in the whole input`() throws {
        let directory = try TemporaryDirectory()
        let second = try directory.write("second.tsv", "1\t2\t3\n1\t2\tx\n")
        let error = try openError([fixture("grid.tsv"), second])
        #expect(error.row == 6)
        #expect(error.line == 2)
        #expect(error.file == second)
    }

    @Test func `rewinding in the middle begins again`() throws {
        for name in ["grid-f8-big.npy", "grid.fvecs", "grid.csv", "grid.ndjson", "many.safetensors"] {
            let reader = try VectorReader.open([fixture(name)], tensor: name.hasPrefix("many") ? "bf16" : nil)
            var buffer = [Float](repeating: 0, count: 9)
            #expect(try reader.read(into: &buffer, maxRows: 3) == 3)
            try reader.rewind()
            #expect(reader.rowsRead == 0)
            #expect(try readAll(reader) == gridRows)
        }
    }

    @Test func `a file that changes between passes is refused`() throws {
        let directory = try TemporaryDirectory()
        let content = try bytes(of: fixture("grid-f4-little.npy"))
        let path = try directory.write("x.npy", content)
        let reader = try VectorReader.open([path])
        _ = try readAll(reader)
        try FileManager.default.removeItem(atPath: path)
        #expect(try inputError { try reader.rewind() }.code == .notFound)
        try directory.write("x.npy", content + [0])
        #expect(try inputError { try reader.rewind() }.code == .changed)
    }

    @Test func `a file that shrinks while it is read has changed`() throws {
        let directory = try TemporaryDirectory()
        let rows = 5_000
        let data = [UInt8](repeating: 1, count: rows * 4)
        let path = try directory.write("x.u8bin", littleEndianBytes(UInt32(rows)) + littleEndianBytes(UInt32(4)) + data)
        let reader = try VectorReader.open([path])
        var buffer = [Float](repeating: 0, count: 4000)
        #expect(try reader.read(into: &buffer, maxRows: 1000) == 1000)
        let handle = try FileHandle(forWritingTo: URL(filePath: path))
        try handle.truncate(atOffset: 100)
        let error = try inputError { while try reader.read(into: &buffer, maxRows: 1000) > 0 {} }
        #expect(error.code == .changed)
        #expect(error.file == path)
    }

    @Test(arguments: ["grid-f8-little.npy", "grid.ndjson", "grid.fbin"])
    func `a pipe is spooled, and leaves no file`(name: String) throws {
        let directory = try TemporaryDirectory()
        let spool = try TemporaryDirectory()
        let path = try directory.pipe(try bytes(of: fixture(name)))
        let format = VectorFileFormat(rawValue: String(try #require(name.split(separator: ".").last)))
        let reader = try VectorReader.open([path], format: format, spoolDirectory: spool.path)
        #expect(try FileManager.default.contentsOfDirectory(atPath: spool.path).isEmpty)
        #expect(try readAll(reader) == gridRows)
        try reader.rewind()
        #expect(try readAll(reader) == gridRows)
    }

    @Test func `a pipe longer than the buffer is spooled whole`() throws {
        let directory = try TemporaryDirectory()
        let data = (0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let content = littleEndianBytes(UInt32(15_000)) + littleEndianBytes(UInt32(100)) + data
        let reader = try VectorReader.open(
            [try directory.pipe(content)], format: .u8bin, spoolDirectory: directory.path)
        #expect(try readAll(reader, batch: 512).flatMap { $0 } == data.map(Float.init))
    }

    /// A pipe has no size to hold against its header before it has ended.
    @Test func `fault 12: of a pipe no more is kept than its header announces, and nothing in vain`() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        func refusal(_ shape: String) throws -> InputError {
            let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(shape)), }"
            let path = try directory.pipe(npyFile(header, data: [UInt8](repeating: 0, count: 6 << 20)))
            return try inputError { _ = try VectorReader.open([path], spoolDirectory: directory.path) }
        }
        // Of the whole file these would be other errors.
        #expect(
            try refusal("1099511627776, 4").message.contains("announces 1,099,511,627,776 rows; one input has at most"))
        #expect(try refusal("100, 4").message.contains("goes on behind the 1,6"))
        #expect(try refusal("2000000, 4").code == .truncated)
        for (name, limit) in [("grid-f4-little.npy", 188), ("grid.ndjson", nil)] {
            let file = try InputFile.open(fixture(name), spoolDirectory: nil) { false }
            #expect(try VectorSource.byteLimit(file, isStandardInput: true, format: nil) == limit)
        }
        let file = try InputFile.open(fixture("grid.csv"), spoolDirectory: nil) { false }
        #expect(
            try inputError { _ = try VectorSource.byteLimit(file, isStandardInput: true, format: nil) }.code
                == .unsupported)
        #expect(try VectorSource.byteLimit(file, isStandardInput: true, format: .csv) == nil)
    }

    @Test func `spooling stops when asked, and says when it has no place`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.pipe([1, 2, 3])
        let cancelled = try inputError {
            _ = try VectorReader.open([path], spoolDirectory: directory.path, isCancelled: { true })
        }
        #expect(cancelled.code == .cancelled)
        let again = try directory.pipe([1, 2, 3])
        let nowhere = try inputError { _ = try VectorReader.open([again], spoolDirectory: "/nonexistent") }
        #expect(nowhere.code == .spoolFailed)
        #expect(nowhere.message.contains("/nonexistent"))
    }

    @Test func `standard input is recognised as npy or NDJSON alone`() throws {
        for (name, format) in [("grid-f4-little.npy", VectorFileFormat.npy), ("grid.ndjson", .ndjson)] {
            let file = try InputFile.open(fixture(name), spoolDirectory: nil) { false }
            #expect(try VectorSource(file, isStandardInput: true, format: nil, tensor: nil).format == format)
        }
        let file = try InputFile.open(fixture("grid.csv"), spoolDirectory: nil) { false }
        let error = try inputError { _ = try VectorSource(file, isStandardInput: true, format: nil, tensor: nil) }
        #expect(error.code == .unsupported)
        #expect(try VectorSource(file, isStandardInput: true, format: .csv, tensor: nil).dimensions == 3)
    }

    @Test func `standard input is named only once`() throws {
        #expect(try openError(["-", "-"]).file == "standard input")
    }

    @Test(arguments: [
        ("grid-f4-little.npy", "items.bin"), ("grid-f4-little.npy", "items.fbin"), ("grid.ndjson", "items.JSONL"),
        ("grid.ndjson", "items"), ("one.safetensors", "model.bin"), ("grid.csv", "items.CSV"),
    ])
    func `magic and content tell what a name does not`(source: String, name: String) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write(name, try bytes(of: fixture(source)))
        #expect(try readAll(VectorReader.open([path])) == gridRows)
    }

    @Test func `a format that nothing tells must be named`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("items.bin", try bytes(of: fixture("grid.fbin")))
        let error = try openError([path])
        #expect(error.code == .unsupported)
        #expect(error.message.contains("name it: npy, fbin") && error.remedy == .inputFormat)
        #expect(try readAll(VectorReader.open([path], format: .fbin)) == gridRows)
        #expect(try openError([path], format: .npy).code == .malformed)
    }
}
