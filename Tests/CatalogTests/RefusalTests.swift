import Foundation
import GRDB
import Testing

@testable import Catalog

/// Fails each COMMIT of a connection with a given error.
private final class FailingCommits: TransactionObserver {
    let error: any Error
    init(_ error: any Error) { self.error = error }

    func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }
    func databaseDidChange(with event: DatabaseEvent) {}
    func databaseWillCommit() throws { throw error }
    func databaseDidCommit(_ db: Database) {}
    func databaseDidRollback(_ db: Database) {}
}

@Test func `a commit that fails says why, and nothing has changed`() throws {
    let scratch = try Scratch()
    let writer = try makeSmallDatabase(scratch)
    let observer = FailingCommits(DatabaseError(resultCode: .SQLITE_FULL))
    try writer.read { db in db.add(transactionObserver: observer) }
    #expect(code { _ = try writer.change(plainSettings, expecting: 1) } == .diskFull)
    try writer.read { db in db.remove(transactionObserver: observer) }
    #expect(try writer.change(plainSettings, expecting: 1) == 2)
}

@Test func `after an input/output error a writer takes no more changes`() throws {
    let scratch = try Scratch()
    let writer = try makeSmallDatabase(scratch)
    let observer = FailingCommits(DatabaseError(resultCode: .SQLITE_IOERR))
    try writer.read { db in db.add(transactionObserver: observer) }
    #expect(code { _ = try writer.change(plainSettings, expecting: 1) } == .system)
    try writer.read { db in db.remove(transactionObserver: observer) }
    do throws(CatalogError) {
        _ = try writer.change(plainSettings, expecting: 1)
        Issue.record("the writer went on")
    } catch { #expect(error.detail.contains("takes no more changes")) }
    #expect(try CatalogWriter.open(scratch.path, checksum: crc32c).change(plainSettings, expecting: 1) == 2)
}

@Test func `errors of any kind become errors of the catalog`() throws {
    let file = try CatalogFile(path: "x", checksum: crc32c)
    #expect(file.mapped(CancellationError()).code == .system)
    #expect(file.mapped(DatabaseError(resultCode: .SQLITE_FULL, message: nil)).code == .diskFull)
}

@Test func `a path that begins like a URI is none`() throws {
    // As a URI this would be a database in memory.
    let scratch = try Scratch()
    let directory = scratch.directory + "/file:x?mode=memory"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    try CatalogWriter.create(
        directory + "/catalog.sqlite", databaseUUID: databaseUUID, settings: plainSettings, checksum: crc32c
    ).close()
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["catalog.sqlite"])
}

@Test func `what no segment can hold is not published`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    try staging.beginMetadata([])
    try staging.stageMetadata([CatalogMetadataRow(ordinal: 0, document: [], values: [])])
    let records = [
        record(1 << 32), record(1, firstOrdinal: .max), record(0),
        SegmentRecord(byteCount: .max, rowCount: 1, headerChecksum: 0, firstOrdinal: 0),
    ]
    for record in records {
        #expect(code { _ = try writer.publish(staging, record, expecting: 0, replacing: .all) } == .invalidArgument)
    }
    #expect(
        code { _ = try writer.publish(staging, record(1), expecting: UInt64(Int64.max), replacing: .all) }
            == .invalidArgument)
    var settings = plainSettings
    settings.metric = "manhattan"
    #expect(
        code { _ = try writer.publish(staging, record(1), expecting: 0, replacing: .all, settings: settings) }
            == .invalidArgument)
    #expect(try writer.publish(staging, record(1), expecting: 0, replacing: .nothing) == 1)
}

@Test func `named segments are replaced, if they are live`() throws {
    let scratch = try Scratch()
    let writer = try makeSmallDatabase(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(2))
    let (live, other) = (SegmentKey(rawValue: 1), SegmentKey(rawValue: 99))
    #expect(
        code { _ = try writer.publish(staging, record(1), expecting: 1, replacing: .segments([live, other])) }
            == .invalidArgument)
    #expect(try writer.publish(staging, record(1), expecting: 1, replacing: .segments([live])) == 2)
    #expect(try writer.contents().segments.map(\.uuid) == [segmentUUID(2)])
    try writer.removeGarbage([other])
    #expect(try writer.contents().deadSegments.map(\.key) == [live])
}

@Test func `a segment is not seen before the generation that published it`() throws {
    let scratch = try Scratch()
    let segment = try makeSmallDatabase(scratch).contents().segments[0]
    #expect(!segment.isLive(in: 0) && segment.isLive(in: 1))
}

@Test func `staging takes nothing for nothing, and refuses queries that cannot be stored`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    try staging.stageQueries([])
    try staging.delete(ordinals: [1])
    try staging.beginMetadata([])
    try staging.stageMetadata([])
    #expect(code { try staging.stageQueries([CatalogQuery(id: "a\0", vector: [1, 2])]) } == .invalidArgument)
    #expect(code { try staging.stageQueries([CatalogQuery(id: "a", vector: [1])]) } == .invalidArgument)
    #expect(staging.queryCount == 0)
    try staging.discard()
    #expect(try writer.contents().stagedSegments.isEmpty)
}

@Test func `ids and queries that no catalog can hold are not found`() throws {
    let scratch = try Scratch()
    _ = try makeSmallDatabase(scratch)
    let snapshot = try openReader(scratch).snapshot()
    #expect(try snapshot.ids(forOrdinals: [.max]) == [nil])
    #expect(try snapshot.queryVector(id: "42\0") == nil)
}

@Test func `a segment without metadata has no columns`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    _ = try writer.publish(staging, record(1), expecting: 0, replacing: .all)
    let snapshot = try openReader(scratch).snapshot()
    #expect(try snapshot.columns(of: snapshot.segments[0]).isEmpty)
}

@Test func `defaults whose cost nobody measured are kept without it`() throws {
    let scratch = try Scratch()
    var settings = fullSettings
    settings.searchDefaults?.meanMicroseconds = nil
    try makeWriter(scratch, settings).close()
    #expect(try openReader(scratch).snapshot().settings == settings)
}

@Test func `a block without bytes is none`() {
    #expect(lz4Decompress([], dictionary: [], count: 0) == nil)
}

@Test func `messages shorten texts`() {
    #expect(quoted(String(repeating: "x", count: 41)) == "'" + String(repeating: "x", count: 40) + "…'")
    #expect(quoted("x") == "'x'")
}

@Test func `verifying ends early when asked, and fails when a writer is in the way`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    let reader = try openReader(scratch, busyTimeoutSeconds: 0.05)
    #expect(try reader.verify(isCancelled: { true }).damage.isEmpty)
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    let blocker = try DatabaseQueue(path: scratch.path, configuration: configuration)
    // In the middle of the verification, then before it.
    for isBlockedLater in [true, false] {
        if !isBlockedLater { try blocker.inDatabase { db in try db.execute(sql: "BEGIN EXCLUSIVE") } }
        #expect(
            code {
                _ = try reader.verify(isCancelled: {
                    try? blocker.inDatabase { db in try db.execute(sql: "BEGIN EXCLUSIVE") }
                    return false
                })
            } == .busy)
        try blocker.inDatabase { db in try db.execute(sql: "ROLLBACK") }
    }
    try blocker.close()
}

@Test func `verifying ends early also without metadata`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    _ = try writer.publish(staging, record(1), expecting: 0, replacing: .all)
    #expect(try openReader(scratch).verify(isCancelled: { true }).damage.isEmpty)
}

@Test func `more threads than connections take turns`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    let pool = try ConnectionPool(
        try CatalogFile(path: scratch.path, checksum: crc32c), access: .read, recovers: false, busyTimeoutSeconds: 2,
        connections: 2)
    let threads = 8
    let generations = try concurrently(threads) {
        try pool.read { db in
            usleep(20_000)
            return try Int.fetchOne(db, sql: "SELECT max(number) FROM generation")
        }
    }
    #expect(generations == [Int?](repeating: 1, count: threads))
}

/// What `body` returns on each of several threads.
private func concurrently<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable () throws -> Value
) throws -> [Value] {
    let (results, group) = (Results<Value>(), DispatchGroup())
    for _ in 0..<count {
        group.enter()
        Thread.detachNewThread {
            results.add(Result { try body() })
            group.leave()
        }
    }
    group.wait()
    return try results.all.map { try $0.get() }
}

private final class Results<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var results: [Result<Value, any Error>] = []
    var all: [Result<Value, any Error>] { lock.withLock { results } }
    func add(_ result: Result<Value, any Error>) { lock.withLock { results.append(result) } }
}
