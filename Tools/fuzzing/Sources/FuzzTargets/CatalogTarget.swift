import Foundation
import GRDB
import VectorKernels

@testable import Catalog
@testable import VecDB

/// A catalog that somebody changed: everything that searches and `verify` read of it; at times a whole database is opened,
/// searched, inspected and verified with it.
///
/// The first byte chooses how much is read; then come ``CatalogEdit``s to a catalog that the library has just built.
final class CatalogTarget: FuzzTarget {
    private let database: String
    private let file: ScratchFile
    private let template: [UInt8]

    private static let dimensions = 3
    private static let rows = 6

    init() throws {
        let directory = try ScratchDirectory("catalog")
        database = directory.pathOf("a.vecdb")
        if !FileManager.default.fileExists(atPath: database) { try Self.build(at: database, beside: directory) }
        let path = database + "/catalog.sqlite"
        template = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        file = try ScratchFile(path)
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
        guard !input.isEmpty, random.oneIn(2) else { return libFuzzerMutation(of: input, limit: limit) }
        // One more edit: a number near an edge, a text, a patch.
        var edit = [UInt8](repeating: 0, count: 8)
        for index in 0..<4 { edit[index] = UInt8(truncatingIfNeeded: random.next()) }
        if !random.oneIn(4) { edit[0] = random.oneIn(4) ? 7 : 1 }
        edit[3] = UInt8(random.next() % 16) | UInt8(random.next() % 3) << 4
        var value = [UInt8](repeating: 0, count: 8)
        value.put(InterestingNumbers.next(0, byteCount: 8, random: &random), at: 0, byteCount: 8)
        edit.put(random.next() << 6 | 8, at: 4, byteCount: 4)
        let start = random.oneIn(2) ? input : [input[0]]
        return start + edit + value
    }

    func run(_ input: [UInt8]) throws {
        guard let choice = input.first else { return }
        let edits = CatalogEdit.list(input[1...])
        try file.replace(with: template)
        try edit(edits)
        for edit in edits where edit.kind == .patch && !edit.value.isEmpty {
            try file.write(edit.value[...], at: edit.place >> 6 % max(1, template.count - edit.value.count))
        }
        try read()
        if choice & 31 == 1 { try readDatabase() }
    }

    private func edit(_ edits: [CatalogEdit]) throws {
        guard edits.contains(where: { $0.kind != .patch }) else { return }
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF") }
        let queue = try DatabaseQueue(path: file.path, configuration: configuration)
        queue.inDatabase { db in
            // What SQLite refuses stays undone.
            for edit in edits { try? edit.apply(db) }
        }
        try queue.close()
    }

    private func read() throws {
        let reader = try CatalogReader.open(file.path, mode: .readOnly, checksum: catalogChecksum)
        _ = try reader.verify()
        let snapshot = try reader.snapshot()
        _ = try snapshot.ids(forOrdinals: [0, 5, 6, .max])
        _ = try snapshot.ordinals(forID: "id 3")
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
