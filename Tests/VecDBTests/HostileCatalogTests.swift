import Foundation
import TestSupport
import Testing

@testable import VecDB

/// Damage of SQLite's pages that SQLite does not notice: they have no checksums.
@Suite struct HostileCatalogTests {
    private static let vectors: [Float] = [1, 0, 0, 1, 1, 1, 2, 0, 0, 2]

    /// Five candidates; the catalog's bytes after `change`.
    private func database(
        ids: [String]? = nil, metadata: [String]? = nil, in place: TemporaryDirectory,
        change: (inout Data) throws -> Void
    ) throws -> VectorDatabase {
        let path = place.file("a.vecdb")
        try VectorDatabase.build(
            at: path, from: .memory(vectors: Self.vectors, dimensions: 2, ids: ids, metadata: metadata),
            options: BuildOptions())
        let catalog = URL(fileURLWithPath: path + "/catalog.sqlite")
        var bytes = try Data(contentsOf: catalog)
        try change(&bytes)
        try bytes.write(to: catalog)
        return try VectorDatabase.open(path)
    }

    @Test func `a document that SQLite does not find any more is damage where every candidate has one`() throws {
        let place = try TemporaryDirectory()
        let documents = (0..<5).map { "{\"number\":\($0)}" }
        let database = try database(metadata: documents, in: place) { bytes in
            // The leaf page with as many cells as there are documents: its last one is not counted any more.
            let page = try #require(
                stride(from: 4096, to: bytes.count, by: 4096).first { bytes[$0] == 0x0D && bytes[$0 + 4] == 5 })
            bytes[page + 4] = 4
        }
        #expect(try database.metadata(ordinal: 3) == documents[3])
        #expect(try database.metadata(ordinal: 99) == nil)
        #expect { try database.metadata(ordinal: 4) } throws: { ($0 as? DatabaseError)?.code == .corrupt }
        let options = SearchOptions(k: 5, includesMetadata: true)
        #expect { try database.search([1, 1], options: options) } throws: { ($0 as? DatabaseError)?.code == .corrupt }
    }

    @Test func `an id that SQLite's index leads to another candidate is damage`() throws {
        let place = try TemporaryDirectory()
        let database = try database(ids: ["alpha", "beta", "gamma", "delta", "epsilon"], in: place) { bytes in
            // The last cell of an index entry is the ordinal: 2 of gamma becomes 3.
            let entry = try #require(bytes.range(of: Data("gamma".utf8 + [2])))
            bytes[entry.upperBound - 1] = 3
        }
        #expect(try database.ordinals(id: "beta") == [1])
        #expect { try database.ordinals(id: "gamma") } throws: { ($0 as? DatabaseError)?.code == .corrupt }
        let options = SearchOptions(excludedIDs: ["gamma"])
        #expect { try database.search([1, 1], options: options) } throws: { ($0 as? DatabaseError)?.code == .corrupt }
    }

    @Test(arguments: [Data(), Data("no database at all, and longer than that".utf8)])
    func `a file under the catalog's name that is none is damage`(content: Data) throws {
        let place = try TemporaryDirectory()
        #expect {
            try database(in: place) { $0 = content }
        } throws: { ($0 as? DatabaseError)?.code == .corrupt }
    }

    @Test func `a write-ahead log beside the catalog is damage`() throws {
        let place = try TemporaryDirectory()
        _ = try database(in: place) { _ in }
        try Data().write(to: URL(fileURLWithPath: place.file("a.vecdb/catalog.sqlite-wal")))
        #expect { try VectorDatabase.open(place.file("a.vecdb")) } throws: { ($0 as? DatabaseError)?.code == .corrupt }
    }

    @Test func `verify notes a directory that everybody may write to`() throws {
        let place = try TemporaryDirectory()
        _ = try database(in: place) { _ in }
        #expect(try VectorDatabase.verify(place.file("a.vecdb")).notes.isEmpty)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: place.file("a.vecdb"))
        let report = try VectorDatabase.verify(place.file("a.vecdb"))
        #expect(report.isIntact && report.notes.count == 1 && report.notes[0].contains("everybody"))
    }
}
