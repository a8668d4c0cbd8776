import Foundation
import GRDB
import Testing

@testable import Catalog

/// A database as a crash in the middle of a transaction leaves it: changed pages and a rollback journal.
private func makeCrashed() throws -> Scratch {
    let source = try Scratch()
    try makeSmallDatabase(source).close()
    let crashed = try Scratch()
    let queue = try DatabaseQueue(path: source.path)
    try queue.inDatabase { db in
        // A tiny cache makes SQLite sync the journal and write pages before the commit.
        try db.execute(sql: "PRAGMA cache_size=2; PRAGMA journal_mode=DELETE")
        try db.inTransaction(.immediate) {
            try db.execute(sql: "UPDATE candidate_1 SET id = 'changed ' || ordinal; DELETE FROM setting")
            try db.execute(
                sql: """
                    WITH RECURSIVE n(x) AS (SELECT 10 UNION ALL SELECT x + 1 FROM n WHERE x < 20000)
                    INSERT INTO candidate_1 SELECT x, 'half written ' || x FROM n
                    """)
            for suffix in ["", "-journal"] {
                try FileManager.default.copyItem(atPath: source.path + suffix, toPath: crashed.path + suffix)
            }
            return .rollback
        }
    }
    try queue.close()
    return crashed
}

private func checkRecovered(_ snapshot: CatalogSnapshot) throws {
    #expect(snapshot.generation == 1)
    #expect(try snapshot.ids(forOrdinals: [0, 2, 10]) == ["Fargo (1996)", "Amélie", nil])
}

@Test func `a read-only reader reports a hot journal and changes nothing`() throws {
    let scratch = try makeCrashed()
    let before = try Data(contentsOf: URL(fileURLWithPath: scratch.path))
    let journal = try Data(contentsOf: URL(fileURLWithPath: scratch.path + "-journal"))
    #expect(code { _ = try openReader(scratch, .readOnly) } == .recoveryPending)
    #expect(try Data(contentsOf: URL(fileURLWithPath: scratch.path)) == before)
    #expect(try Data(contentsOf: URL(fileURLWithPath: scratch.path + "-journal")) == journal)
}

@Test func `a recovering reader rolls the journal back`() throws {
    let scratch = try makeCrashed()
    try checkRecovered(try openReader(scratch, .recovering).snapshot())
    #expect(!FileManager.default.fileExists(atPath: scratch.path + "-journal"))
    try checkRecovered(try openReader(scratch, .readOnly).snapshot())
}

@Test func `a writer rolls the journal back`() throws {
    let scratch = try makeCrashed()
    let writer = try CatalogWriter.open(scratch.path, checksum: crc32c)
    #expect(try writer.contents().generation == 1)
    try checkRecovered(try openReader(scratch).snapshot())
}

@Test func `a journal that appears while a reader is open is rolled back or reported`() throws {
    let crashed = try makeCrashed()
    for mode in [CatalogReader.Mode.recovering, .readOnly] {
        let scratch = try Scratch()
        try makeSmallDatabase(scratch).close()
        let reader = try openReader(scratch, mode)
        try checkRecovered(try reader.snapshot())
        // The same file, changed in place as the crashing writer would have changed it.
        let handle = try #require(FileHandle(forWritingAtPath: scratch.path))
        try FileManager.default.copyItem(atPath: crashed.path + "-journal", toPath: scratch.path + "-journal")
        try handle.write(contentsOf: Data(contentsOf: URL(fileURLWithPath: crashed.path)))
        try handle.close()
        if mode == .recovering {
            try checkRecovered(try reader.snapshot())
        } else {
            #expect(code { _ = try reader.snapshot() } == .recoveryPending)
        }
    }
}

@Test func `fault 27: no read goes without locks`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    let blocker = try DatabaseQueue(path: scratch.path)
    try blocker.inDatabase { db in
        try db.execute(sql: "BEGIN EXCLUSIVE")
        for mode in [CatalogReader.Mode.readOnly, .recovering] {
            #expect(code { _ = try openReader(scratch, mode, busyTimeoutSeconds: 0.05) } == .busy)
        }
        try db.execute(sql: "ROLLBACK")
    }
    try blocker.close()
    try checkRecovered(try openReader(scratch, .readOnly).snapshot())
}

@Test func `paths that look like URIs or hold odd characters are paths`() throws {
    let scratch = try Scratch()
    let directory = scratch.directory + "/odd ?#%41 ü"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    let path = directory + "/catalog.sqlite"
    let writer = try CatalogWriter.create(
        path, databaseUUID: databaseUUID, settings: plainSettings, checksum: crc32c)
    try writer.close()
    for mode in [CatalogReader.Mode.readOnly, .recovering] {
        #expect(try CatalogReader.open(path, mode: mode, checksum: crc32c).snapshot().generation == 0)
    }
}

@Test func `a lock that another holds is busy after the timeout`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    let writer = try CatalogWriter.open(scratch.path, checksum: crc32c, busyTimeoutSeconds: 0.05)
    let other = try DatabaseQueue(path: scratch.path)
    try other.inDatabase { db in
        try db.execute(sql: "BEGIN IMMEDIATE")
        do throws(CatalogError) {
            _ = try writer.beginStaging(segmentUUID: segmentUUID(9))
            Issue.record("two writers at once")
        } catch {
            #expect(error.code == .busy && error.sqliteCode == 5 && error.path == scratch.path)
        }
        try db.execute(sql: "ROLLBACK")
    }
    _ = try writer.beginStaging(segmentUUID: segmentUUID(9))
}

@Test func `SQLite's refusals become errors with a remedy`() throws {
    let scratch = try Scratch()
    let file = try CatalogFile(path: scratch.path, checksum: crc32c)
    let expected: [(ResultCode, CatalogError.Code)] = [
        (.SQLITE_FULL, .diskFull), (.SQLITE_IOERR_WRITE, .system), (.SQLITE_BUSY, .busy), (.SQLITE_LOCKED, .busy),
        (.SQLITE_READONLY, .readOnly), (.SQLITE_READONLY_ROLLBACK, .recoveryPending), (.SQLITE_NOTADB, .notADatabase),
        (.SQLITE_CORRUPT, .corrupt), (.SQLITE_CANTOPEN, .system), (.SQLITE_MISUSE, .system),
    ]
    for (code, meaning) in expected {
        let error = file.mapped(DatabaseError(resultCode: code, message: "said so"))
        #expect(error.code == meaning && error.sqliteCode == code.rawValue)
        #expect(error.description.hasPrefix(scratch.path + ": ") && error.detail.contains("said so"))
    }
}

@Test func `a full disk keeps the old state, and the writer goes on when there is room`() throws {
    let scratch = try Scratch()
    let writer = try makeSmallDatabase(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(2))
    let pages: Int = try writer.read { db in try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0 }
    try writer.read { db in try db.execute(sql: "PRAGMA max_page_count=\(pages + 3)") }
    #expect(code { try staging.stageIDs((0..<5000).map { "id \($0)" }, firstOrdinal: 0) } == .diskFull)
    #expect(staging.idCount == 0)
    try checkRecovered(try openReader(scratch).snapshot())
    try writer.read { db in try db.execute(sql: "PRAGMA max_page_count=1000000") }
    try staging.stageIDs((0..<5000).map { "id \($0)" }, firstOrdinal: 0)
    #expect(try writer.publish(staging, record(5000), expecting: 1, replacing: .all) == 2)
}
