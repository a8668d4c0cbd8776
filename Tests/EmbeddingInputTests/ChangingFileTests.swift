import Foundation
import TestSupport
import Testing

@testable import EmbeddingInput

/// Files that somebody writes to, or replaces, while a build reads them.
@Suite struct ChangingFileTests {
    /// How a file becomes another one. The size stays, and where it can the modification time.
    enum Change: CaseIterable {
        case replaced
        case rewritten
        case rewrittenWithItsOldTime
    }

    /// Changes one byte of the file at `path`.
    private func change(_ path: String, _ change: Change) throws {
        // File systems count time in ticks of up to ten milliseconds.
        Thread.sleep(forTimeInterval: 0.03)
        try run("cp", "-p", path, path + ".before")
        var content = try bytes(of: path)
        content[content.count - 1] ^= 1
        switch change {
        case .replaced: try Data(content).write(to: URL(filePath: path), options: .atomic)
        case .rewritten, .rewrittenWithItsOldTime:
            let handle = try FileHandle(forWritingTo: URL(filePath: path))
            try handle.write(contentsOf: Data(content))
            try handle.close()
        }
        // To the nanosecond, which Foundation would not.
        if change != .rewritten { try run("touch", "-r", path + ".before", path) }
    }

    private func run(_ arguments: String...) throws {
        let process = try Process.run(URL(filePath: "/usr/bin/env"), arguments: arguments)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    private func export() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        for name in try FileManager.default.contentsOfDirectory(atPath: fixture("export")) {
            try directory.write(name, try bytes(of: fixture("export/" + name)))
        }
        return directory
    }

    /// Opens and reads one file of an export as a build does.
    private static let readers: [(key: String, read: @Sendable (ExportManifest) throws -> Void)] = [
        ("vectors", { _ = try readAll(VectorReader.open([$0.candidates.vectors.path], hashedBy: $0)) }),
        ("ids", { _ = try IDReader.open(#require($0.candidates.ids).path, hashedBy: $0).count() }),
        (
            "metadata",
            { _ = try MetadataReader.open(#require($0.candidates.metadata).path, hashedBy: $0).inferSchema() }
        ),
        ("queries", { _ = try readAll(VectorReader.open([#require($0.queries).vectors.path], hashedBy: $0)) }),
        ("query ids", { _ = try IDReader.open(#require($0.queries?.ids).path, hashedBy: $0).count() }),
        ("test pairs", { _ = try IDReader.open(#require($0.test).pairs.path, hashedBy: $0).count() }),
    ]

    private func path(_ key: String, _ manifest: ExportManifest) throws -> String {
        switch key {
        case "vectors": manifest.candidates.vectors.path
        case "ids": try #require(manifest.candidates.ids).path
        case "metadata": try #require(manifest.candidates.metadata).path
        case "queries": try #require(manifest.queries).vectors.path
        case "query ids": try #require(manifest.queries?.ids).path
        default: try #require(manifest.test).pairs.path
        }
    }

    @Test(arguments: Change.allCases)
    func `fault 10: a file of an export that changed since it was hashed is not read`(change: Change) throws {
        for (key, read) in Self.readers {
            let directory = try export()
            let manifest = try ExportManifest.load(directory: directory.path)
            try read(manifest)
            let path = try path(key, manifest)
            try self.change(path, change)
            let error = try inputError { try read(manifest) }
            #expect(error.code == .changed, "\(key): \(error)")
            #expect(error.file == path)
            #expect(error.message.contains("changed while it was being read"))
        }
    }

    @Test(arguments: Change.allCases)
    func `fault 10: a file that changes while it is hashed is refused`(change: Change) throws {
        let directory = try export()
        let path = directory.path + "/candidates.npy"
        var hasChanged = false
        let error = try inputError {
            _ = try ExportManifest.load(directory: directory.path) {
                if !hasChanged { try? self.change(path, change) }
                hasChanged = true
                return false
            }
        }
        // A replaced file leaves the bytes of the old one to be hashed; what is found at its name counts.
        #expect(error.code == .changed || error.code == .hashMismatch, "\(error)")
        #expect(error.file.hasSuffix("candidates.npy"))
    }

    @Test(arguments: Change.allCases)
    func `fault 10: what changes in the middle of a pass, or between two, is named`(change: Change) throws {
        let directory = try TemporaryDirectory()
        let lines = (0..<40_000).map { "{\"id\":\($0),\"vector\":[\($0 % 7),1]}\n" }.joined()
        let vectors = try directory.write("v.ndjson", lines)
        let ids = try directory.write("ids.txt", (0..<40_000).map { "id \($0)\n" }.joined())
        let table = try directory.write("m.csv", "a,b\n" + (0..<40_000).map { "\($0),x\n" }.joined())
        let reader = try VectorReader.open([vectors])
        var batch = [Float](repeating: 0, count: 200)
        #expect(try reader.read(into: &batch, maxRows: 100) == 100)
        // The last byte is a newline: a pass that does not look would read it as another row, or as damage.
        try self.change(vectors, change)
        let inside = try inputError { while try reader.read(into: &batch, maxRows: 100) > 0 {} }
        #expect(change == .replaced ? inside.code == .changed : [.changed, .malformed].contains(inside.code))
        #expect(try inputError { try reader.rewind() }.code == .changed)

        let idReader = try IDReader.open(ids)
        #expect(try idReader.count() == 40_000)
        _ = try idReader.next()
        try self.change(ids, change)
        #expect(try inputError { while try idReader.next() != nil {} }.code == .changed)
        #expect(try inputError { _ = try idReader.count() }.code == .changed)

        let metadata = try MetadataReader.open(table)
        try metadata.inferSchema()
        _ = try metadata.next()
        try self.change(table, change)
        let late = try inputError { while try metadata.next() != nil {} }
        #expect(change == .replaced ? late.code == .changed : [.changed, .malformed].contains(late.code))
        #expect(try inputError { try metadata.rewind() }.code == .changed)
    }

    /// Pages that were written to before the first look: later writes move no time of the file.
    @Test func `fault 10: what is written through a shared map behind the hash is not read`() throws {
        for (key, read) in Self.readers {
            let directory = try export()
            let path = try path(key, try ExportManifest.load(directory: directory.path))
            let map = try SharedMap(path)
            map.writeLast { $0 }
            let manifest = try ExportManifest.load(directory: directory.path)
            try read(manifest)
            // A digit, or the lowest byte of a float: the file stays what its format wants.
            map.writeLast { $0 ^ 1 }
            let error = try inputError { try read(manifest) }
            #expect(error.code == .changed, "\(key): \(error)")
            #expect(error.file == path)
            map.writeLast { $0 ^ 1 }
            try read(manifest)
        }
    }

    @Test func `fault 10: every pass over a file of an export is hashed, whatever was read before`() throws {
        let directory = try export()
        let map = try SharedMap(directory.path + "/candidates.npy")
        map.writeLast { $0 }
        let manifest = try ExportManifest.load(directory: directory.path)
        let reader = try VectorReader.open([manifest.candidates.vectors.path], hashedBy: manifest)
        for _ in 0..<2 {
            #expect(try readAll(reader).count == manifest.candidates.count)
            try reader.rewind()
        }
        // A pass that is left early says nothing of the next one.
        var batch = [Float](repeating: 0, count: reader.dimensions)
        #expect(try reader.read(into: &batch, maxRows: 1) == 1)
        try reader.rewind()
        #expect(try readAll(reader).count == manifest.candidates.count)
        try reader.rewind()
        map.writeLast { $0 ^ 1 }
        #expect(try inputError { _ = try readAll(reader) }.code == .changed)
    }
}

/// A file as another process has it that maps it to write.
@safe private final class SharedMap {
    private let mapping: UnsafeMutableRawPointer
    private let byteCount: Int
    /// The last byte that is no end of a line and, in a row of floats, the lowest of its float.
    private let place: Int

    init(_ path: String) throws {
        let content = try bytes(of: path)
        byteCount = content.count
        place = path.hasSuffix(".npy") ? content.count - 4 : content.lastIndex { 0x30...0x39 ~= $0 } ?? 0
        let file = try FileHandle(forUpdating: URL(filePath: path))
        let address = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file.fileDescriptor, 0)
        unsafe mapping = try #require(address != MAP_FAILED ? address : nil)
        try file.close()
    }

    deinit { unsafe _ = munmap(mapping, byteCount) }

    func writeLast(_ change: (UInt8) -> UInt8) { store(change(load())) }

    // Out of line, so that a value which is written back is written. `place` is inside the file, whose size stays.

    @inline(never) private func load() -> UInt8 { unsafe mapping.load(fromByteOffset: place, as: UInt8.self) }

    @inline(never) private func store(_ byte: UInt8) {
        unsafe mapping.storeBytes(of: byte, toByteOffset: place, as: UInt8.self)
    }
}
