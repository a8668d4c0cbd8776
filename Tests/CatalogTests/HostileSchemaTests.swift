import Foundation
import GRDB
import Testing

@testable import Catalog

/// Names that begin as SQLite's own do, which only who writes into the schema itself can give.
@Test(arguments: [
    ("trigger", "sqlite_more", "CREATE TRIGGER sqlite_more AFTER INSERT ON segment BEGIN DELETE FROM setting; END"),
    ("trigger", "sqlite_stat1", "CREATE TRIGGER sqlite_stat1 AFTER INSERT ON segment BEGIN DELETE FROM setting; END"),
    ("view", "sqlite_more", "CREATE VIEW sqlite_more AS SELECT 1"),
    ("index", "sqlite_more", "CREATE INDEX sqlite_more ON segment(uuid)"),
])
func `an object that passes for one of SQLite's own is damage`(type: String, name: String, sql: String) throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    let root = type == "index" ? "(SELECT rootpage FROM sqlite_schema WHERE name = 'candidate_1_id')" : "0"
    let table = type == "view" ? name : "segment"
    try scratch.tamper(
        "PRAGMA writable_schema=ON; INSERT INTO sqlite_schema VALUES('\(type)', '\(name)', '\(table)', \(root), '\(sql)')"
    )
    #expect(code { _ = try openReader(scratch) } == .corrupt)
    #expect(code { _ = try CatalogWriter.open(scratch.path, checksum: crc32c) } == .corrupt)
}

@Test func `statistics of SQLite's are no damage`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper("ANALYZE")
    #expect(try openReader(scratch).snapshot().generation == 1)
}

@Test(arguments: [CatalogReader.Mode.readOnly, .recovering])
func `a catalog that wants a write-ahead log is damage, and nothing is written beside it`(
    mode: CatalogReader.Mode
) throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper("PRAGMA journal_mode=WAL")
    #expect(code { _ = try openReader(scratch, mode) } == .corrupt)
    #expect(code { _ = try CatalogWriter.open(scratch.path, checksum: crc32c) } == .corrupt)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.directory) == ["catalog.sqlite"])
}

@Test(arguments: ["query_count = 0", "ids = 'implicit'", "document_count = NULL"])
func `a table that the row of its segment denies is damage`(change: String) throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper("UPDATE segment SET \(change)")
    let queue = try DatabaseQueue(path: scratch.path)
    let file = try CatalogFile(path: scratch.path, checksum: crc32c)
    try queue.inDatabase { db in
        let row = try #require(try Row.fetchOne(db, sql: "SELECT * FROM segment"))
        let fields: [Field] = row.databaseValues.dropLast().map { value -> Field in
            switch value.storage {
            case .int64(let number): .integer(number)
            case .string(let text): .text(text)
            case .blob(let data): .blob([UInt8](data))
            default: .null
            }
        }
        try db.execute(sql: "UPDATE segment SET crc = ?", arguments: [Int64(file.checksum(of: fields))])
    }
    try queue.close()
    #expect(code { _ = try openReader(scratch).snapshot() } == .corrupt)
}

@Test func `an index of queries that leads to another one is damage`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper(
        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema "
            + "WHERE name = 'candidate_1_id') WHERE name = 'query_1_id'")
    let snapshot = try openReader(scratch).snapshot()
    #expect(code { _ = try snapshot.queryVector(id: "Fargo (1996)") } == .corrupt)
}
