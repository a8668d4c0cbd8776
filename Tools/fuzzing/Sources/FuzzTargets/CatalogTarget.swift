import Foundation
import GRDB
import FileSystem
import SegmentFile
import VectorKernels

@testable import Catalog
@testable import VecDB

/// A catalog that somebody changed: everything that searches and `verify` read of it; at times a whole database is opened,
/// searched, inspected and verified with it.
///
/// The first byte chooses what is read and how (``Reading``); then come ``CatalogEdit``s to a catalog that the library has just
/// built. Opening connections would take most of the time, so that mostly the same ones go on, as those of a long-lived
/// reader do beside a writer; where the file's header was patched, they are always new.
final class CatalogTarget: FuzzTarget {
    private let database: String
    private let place: Directory
    private let file: ScratchFile
    private var template: [UInt8]
    private let editor: CatalogEditor
    private let pool: ConnectionPool
    /// What the next input's file has for its change counter, so that connections see that it is another one.
    private var stamp: UInt32 = 1 << 16

    private static let dimensions = 3
    private static let rows = 6

    /// How an input is read.
    private struct Reading {
        let choice: UInt8

        /// With the whole database that the catalog belongs to.
        var opensDatabase: Bool { choice & 31 == 1 }
        /// With new connections.
        var isAnew: Bool { choice & 31 == 2 }
        var verifies: Bool { choice & 32 == 0 }
        var looksUp: Bool { choice & 64 == 0 }

        /// What takes long is seldom worth it: one of the two ways on connections that are open.
        static func quick(_ random: inout SplitMix) -> UInt8 { random.oneIn(2) ? 32 : 64 }
    }

    /// Where the page ends that holds the whole schema.
    private static let schemaByteCount = 4096
    private static let headerByteCount = 100

    init() throws {
        let directory = try ScratchDirectory("catalog")
        database = directory.pathOf("a.vecdb")
        if !FileManager.default.fileExists(atPath: database) { try Self.build(at: database, beside: directory) }
        let path = database + "/catalog.sqlite"
        template = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        // A B-tree of one page: a leaf.
        precondition(template[Self.headerByteCount] == 13, "the schema takes more than a page")
        place = try Directory(opening: database)
        file = try ScratchFile(path)
        editor = try CatalogEditor(path: path, in: place)
        pool = try ConnectionPool(
            CatalogFile(in: place, checksum: catalogChecksum), access: .read, recovers: false, busyTimeoutSeconds: 10,
            connections: 1)
    }

    /// A database with everything that a catalog can hold.
    private static func build(at path: String, beside directory: ScratchDirectory) throws {
        let numbers = (0..<rows * dimensions).map { Double($0 * 7 % 11) - 5 }
        let lines = (0..<rows).map { row in
            "{\"id\":\"id \(row)\",\"vector\":\(numbers[row * dimensions..<(row + 1) * dimensions].map { $0 }),"
                + "\"title\":\"film \(row)\",\"year\":\(1990 + row),\"good\":\(row % 2 == 0),\"score\":\(row).5}"
        }
        let vectors = directory.pathOf("vectors.ndjson")
        let text = Array(lines.joined(separator: "\n").utf8)
        try directory.write("vectors.ndjson", text)
        try directory.write("queries.csv", Array("1,2,3\n4,5,6\n".utf8))
        try directory.write("queries.txt", Array("anna\nbert\n".utf8))
        var files = BuildFiles(vectors: [vectors])
        files.queryVectors = directory.pathOf("queries.csv")
        files.queryIDs = directory.pathOf("queries.txt")
        var options = BuildOptions()
        options.index = .treeAH
        try VectorDatabase.build(at: path, from: .files(files), options: options)
    }

    func mutated(_ input: [UInt8], limit: Int, random: inout SplitMix) -> [UInt8] {
        var changed: [UInt8]
        if !input.isEmpty, random.oneIn(2) {
            changed = (random.oneIn(2) ? input : [input[0]]) + oneMoreEdit(&random)
        } else {
            changed = libFuzzerMutation(of: input, limit: limit)
        }
        if !changed.isEmpty, !random.oneIn(32) { changed[0] = Reading.quick(&random) }
        return changed
    }

    /// A number near an edge, a text, a patch.
    private func oneMoreEdit(_ random: inout SplitMix) -> [UInt8] {
        var edit = [UInt8](repeating: 0, count: 8)
        for index in 0..<4 { edit[index] = UInt8(truncatingIfNeeded: random.next()) }
        if !random.oneIn(4) { edit[0] = random.oneIn(4) ? 7 : 1 }
        edit[3] = UInt8(random.next() % 16) | UInt8(random.next() % 3) << 4
        var value = [UInt8](repeating: 0, count: 8)
        value.put(InterestingNumbers.next(0, byteCount: 8, random: &random), at: 0, byteCount: 8)
        edit.put(random.next() << 6 | 8, at: 4, byteCount: 4)
        return edit + value
    }

    func run(_ input: [UInt8]) throws {
        guard let choice = input.first else { return }
        let edits = CatalogEdit.list(input[1...])
        let patches = edits.filter { $0.kind == .patch && !$0.value.isEmpty }.map { edit in
            (place: edit.place >> 6 % max(1, template.count - edit.value.count), bytes: edit.value)
        }
        let firstPatch = patches.map(\.place).min() ?? .max
        let isSchemaNew = firstPatch < Self.schemaByteCount || edits.contains { $0.kind == .schema }
        try file.replace(with: stamped(isSchemaNew: isSchemaNew))
        editor.apply(edits)
        for patch in patches { try file.write(patch.bytes[...], at: patch.place) }
        let reading = Reading(choice: choice)
        if firstPatch < Self.headerByteCount || reading.isAnew {
            try read(CatalogReader.open(in: place, mode: .readOnly, checksum: catalogChecksum), reading)
        } else {
            try read(CatalogReader(pool.file, pool), reading)
        }
        if reading.opensDatabase { try readDatabase() }
    }

    /// The sound catalog with a change counter of its own and, where it does not keep the schema, a schema cookie as well:
    /// by these SQLite knows whether what it remembers of a file still holds.
    private func stamped(isSchemaNew: Bool) -> [UInt8] {
        stamp &+= 64
        var content = template
        for offset in isSchemaNew ? [24, 92, 40] : [24, 92] {
            content.put(UInt64(stamp.byteSwapped), at: offset, byteCount: 4)
        }
        return content
    }

    private func read(_ reader: CatalogReader, _ reading: Reading) throws {
        if reading.verifies { _ = try reader.verify() }
        guard reading.looksUp else { return }
        let snapshot = try reader.snapshot()
        _ = try snapshot.ids(forOrdinals: [0, 5, 6, .max])
        _ = try snapshot.ordinals(forIDs: ["id 3"])
        _ = try snapshot.queryVector(id: "anna")
        _ = try snapshot.documents(forOrdinals: [0, 3, 99])
        for segment in snapshot.segments { _ = try snapshot.columns(of: segment) }
    }

    private func readDatabase() throws {
        _ = try VectorDatabase.inspect(database)
        _ = try VectorDatabase.verify(database, deep: true)
        let opened = try VectorDatabase.open(database, mode: .readOnly)
        let query = try opened.queryVector(id: "bert") ?? [1, 2, 3]
        let options = SearchOptions(k: 3, excludedIDs: ["id 1"], includesMetadata: true)
        let hits = try opened.search(query, options: options)
        precondition(hits.count <= 3)
        _ = try opened.storedQueries(from: 0, limit: 5)
        _ = try opened.metadata(id: "id 2")
        _ = opened.info
    }
}
