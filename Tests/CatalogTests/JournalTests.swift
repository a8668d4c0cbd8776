import Foundation
import GRDB
import TestSupport
import Testing

@testable import Catalog
@testable import FileSystem

// Journals beside a catalog: SQLite believes what lies there, and removes the files that it names.

private func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

private func bigEndian(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

private let magic: [UInt8] = [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7]

/// A journal's header, with which a sector begins.
private func header(records: UInt32 = 0, pages: UInt32, sector: UInt32 = 512, page: UInt32 = 4096) -> [UInt8] {
    let fields = magic + bigEndian(records) + bigEndian(0) + bigEndian(pages) + bigEndian(sector) + bigEndian(page)
    return fields + [UInt8](repeating: 0, count: 512 - fields.count)
}

/// The trailer that names a super-journal.
private func trailer(_ name: String) -> [UInt8] {
    let text = Array(name.utf8)
    return bigEndian(0x4000_0000) + text + bigEndian(UInt32(text.count))
        + bigEndian(text.reduce(0) { $0 &+ UInt32($1) }) + magic
}

/// All that opens a catalog, each with the code of what it throws.
private func attempts(_ scratch: Scratch) -> [CatalogError.Code?] {
    [
        code { _ = try openReader(scratch, .readOnly).snapshot() },
        code { _ = try openReader(scratch, .recovering).snapshot() },
        code { _ = try CatalogWriter.open(scratch.path, checksum: crc32c) },
    ]
}

private func pageCount(_ scratch: Scratch) throws -> UInt32 { UInt32(try bytes(of: scratch.path).count / 4096) }

/// A catalog and the journal of a change to it that was not committed; `change` runs with hardly any cache, in a transaction
/// that begins as the writer's do.
///
/// - Parameter source: gets the catalog as it is without the change.
private func makeCrashed(
    _ database: SegmentUUID, cache: Int = 2, from source: Scratch? = nil, _ changes: String...
) throws -> Scratch {
    let source = try source ?? Scratch()
    try makeDatabase(source, database).close()
    let crashed = try Scratch()
    let queue = try DatabaseQueue(path: source.path)
    try queue.inDatabase { db in
        try db.execute(sql: "PRAGMA cache_size=\(cache); PRAGMA journal_mode=DELETE")
        try db.inTransaction(.immediate) {
            try db.execute(sql: nameAgain)
            for change in changes { try db.execute(sql: change) }
            for suffix in ["", "-journal"] {
                try FileManager.default.copyItem(atPath: source.path + suffix, toPath: crashed.path + suffix)
            }
            return .rollback
        }
    }
    try queue.close()
    return crashed
}

private let fill = """
    WITH RECURSIVE n(x) AS (SELECT 1000 UNION ALL SELECT x + 1 FROM n WHERE x < 3000)
    INSERT INTO candidate_1 SELECT x, 'half written ' || x FROM n
    """
private let fillMore = fill.replacingOccurrences(of: "SELECT x, 'half", with: "SELECT x + 5000, 'half")
private let nameAgain =
    "UPDATE setting SET value = substr(value, 17) || lower(hex(randomblob(8))) WHERE key = 'transaction'"
private let changedSettings = "UPDATE setting SET value = value || 'x'"

@Test func `fault 01: a journal that names a super-journal is refused, and the file it names stays`() throws {
    let scratch = try Scratch()
    try makeDatabase(scratch, databaseUUID).close()
    let victim = scratch.directory + "/victim"
    let before = try bytes(of: scratch.path)
    // A super-journal lists the journals of the databases in one transaction; SQLite removes it when none needs it.
    try put(Array("/nonexistent/journal\0".utf8), at: victim)
    for start in [header(pages: try pageCount(scratch)), [UInt8](repeating: 0, count: 512)] {
        let journal = start + trailer(victim)
        try put(journal, at: scratch.path + "-journal")
        #expect(attempts(scratch) == [.corrupt, .corrupt, .corrupt])
        #expect(try isThere(victim) && bytes(of: scratch.path + "-journal") == journal)
        #expect(try bytes(of: scratch.path) == before)
    }
}

@Test func `fault 01: a journal of another database does not overwrite this one`() throws {
    for change in [[changedSettings, fill], [changedSettings], [fill, fillMore]] {
        let foreign = try makeCrashed(otherUUID, cache: change.count == 1 ? 0 : 2, change[0], change.last ?? "")
        let scratch = try Scratch()
        try makeDatabase(scratch, databaseUUID).close()
        let before = try bytes(of: scratch.path)
        let journal = try bytes(of: foreign.path + "-journal")
        guard journal.starts(with: magic) else { continue }  // nothing was written yet
        try put(journal, at: scratch.path + "-journal")
        #expect(attempts(scratch) == [.corrupt, .corrupt, .corrupt])
        #expect(try bytes(of: scratch.path) == before && bytes(of: scratch.path + "-journal") == journal)
    }
}

@Test func `fault 01: journals whose pages, sizes or numbers do not fit are refused`() throws {
    let crashed = try makeCrashed(databaseUUID, changedSettings, fill)
    let journal = try bytes(of: crashed.path + "-journal"), catalog = try bytes(of: crashed.path)
    func patched(_ offset: Int, _ value: UInt32) -> [UInt8] {
        journal[..<offset] + bigEndian(value) + journal[(offset + 4)...]
    }
    func check(_ journal: [UInt8], _ place: SourceLocation = #_sourceLocation) throws {
        try put(journal, at: crashed.path + "-journal")
        #expect(attempts(crashed) == [.corrupt, .corrupt, .corrupt], sourceLocation: place)
        #expect(try bytes(of: crashed.path) == catalog, sourceLocation: place)
        #expect(try bytes(of: crashed.path + "-journal") == journal, sourceLocation: place)
    }
    try check(patched(16, 0))  // pages of the file
    try check(patched(16, 3))
    try check(patched(16, 1_000_000))
    try check(patched(24, 0))  // bytes of a page
    try check(patched(24, 512))
    // No record is right with another salt; what is left empties nothing, and writes nothing back.
    try put(patched(12, 7), at: crashed.path + "-journal")
    #expect(!attempts(crashed).contains(.snapshotGone))
    // Of another state of the same database: a backup that was restored beside the journal.
    var later = catalog
    later.replaceSubrange(24..<28, with: bigEndian(77))
    later.replaceSubrange(92..<96, with: bigEndian(77))
    try put(later, at: crashed.path)
    try put(journal, at: crashed.path + "-journal")
    #expect(attempts(crashed) == [.corrupt, .corrupt, .corrupt])
}

@Test func `fault 13: a backup that was restored beside a hot journal is refused`() throws {
    let scratch = try Scratch()
    let writer = try makeDatabase(scratch, databaseUUID)
    let backup = try bytes(of: scratch.path)
    // The database goes on, and a later change crashes.
    _ = try writer.change(plainSettings, expecting: 1)
    try writer.close()
    let queue = try DatabaseQueue(path: scratch.path)
    var journal: [UInt8] = []
    try queue.inDatabase { db in
        try db.execute(sql: "PRAGMA cache_size=2")
        try db.inTransaction(.immediate) {
            try db.execute(sql: "CREATE TABLE more(a); \(changedSettings); \(fill)")
            journal = try bytes(of: scratch.path + "-journal")
            return .rollback
        }
    }
    try queue.close()
    #expect(journal.starts(with: magic))
    try put(backup, at: scratch.path)
    try put(journal, at: scratch.path + "-journal")
    #expect(attempts(scratch) == [.corrupt, .corrupt, .corrupt])
    #expect(try bytes(of: scratch.path) == backup)
}

@Test func `fault 13: the journal of a change beside another state that counts the same is refused`() throws {
    let base = try Scratch()
    try makeDatabase(base, databaseUUID).close()
    // Two histories of one database, as long as each other.
    let states = try (0..<2).map { _ in
        let state = try Scratch()
        try put(try bytes(of: base.path), at: state.path)
        let writer = try CatalogWriter.open(state.path, checksum: crc32c)
        _ = try writer.change(plainSettings, expecting: 1)
        try writer.close()
        return state
    }
    // An optimiser lets arrays go when nobody looks at them any more, and their directories with them.
    defer { withExtendedLifetime(states) {} }
    let queue = try DatabaseQueue(path: states[0].path)
    var journal: [UInt8] = []
    try queue.inDatabase { db in
        try db.execute(sql: "PRAGMA cache_size=2")
        try db.inTransaction(.immediate) {
            try db.execute(sql: "\(nameAgain); \(fill)")
            journal = try bytes(of: states[0].path + "-journal")
            return .rollback
        }
    }
    try queue.close()
    #expect(journal.starts(with: magic))
    let other = try bytes(of: states[1].path)
    try put(journal, at: states[1].path + "-journal")
    #expect(attempts(states[1]) == [.corrupt, .corrupt, .corrupt])
    #expect(try bytes(of: states[1].path) == other)
}

@Test func `fault 01: a journal that does not say of which database it is is refused`() throws {
    let scratch = try Scratch()
    try makeDatabase(scratch, databaseUUID).close()
    let queue = try DatabaseQueue(path: scratch.path)
    var journal: [UInt8] = []
    var catalog: [UInt8] = []
    try queue.inDatabase { db in
        try db.execute(sql: "PRAGMA cache_size=2")
        try db.inTransaction(.immediate) {
            try db.execute(sql: fill)
            (journal, catalog) = (try bytes(of: scratch.path + "-journal"), try bytes(of: scratch.path))
            return .rollback
        }
    }
    try queue.close()
    #expect(journal.starts(with: magic))
    try put(catalog, at: scratch.path)
    try put(journal, at: scratch.path + "-journal")
    #expect(attempts(scratch) == [.corrupt, .corrupt, .corrupt])
    #expect(try bytes(of: scratch.path) == catalog)
}

@Test func `every change has a name that follows the one before`() throws {
    let scratch = try Scratch()
    let writer = try makeDatabase(scratch, databaseUUID)
    func name() throws -> TransactionName? {
        let queue = try DatabaseQueue(path: scratch.path)
        let text = try queue.inDatabase { db in
            try String.fetchOne(db, sql: "SELECT value FROM setting WHERE key = 'transaction'")
        }
        return text.flatMap { TransactionName($0) }
    }
    let before = try #require(try name())
    _ = try writer.change(plainSettings, expecting: 1)
    let after = try #require(try name())
    #expect(after.previous == before.current && after.current != before.current)
    #expect(after.follows(before) && before.follows(before) && !before.follows(after))
    // Of a catalog that had no names yet.
    #expect(TransactionName().follows(nil) && !after.follows(nil))
}

@Test func `fault 01: what a crash can leave is rolled back`() throws {
    for changes in [
        [changedSettings], [fill], [changedSettings, fill], [fill, changedSettings, "CREATE TABLE more(a)"],
    ] {
        for cache in [0, 1, 2, 10, 1000] {
            let crashed = try makeCrashed(databaseUUID, cache: cache, changes.joined(separator: ";"))
            let isHot = try bytes(of: crashed.path + "-journal").starts(with: magic)
            #expect(attempts(crashed).dropFirst() == [nil, nil])
            #expect(try openReader(crashed).snapshot().generation == 1)
            if isHot { #expect(!isThere(crashed.path + "-journal")) }
        }
    }
    // Of a journal that was not synced any part may be there, and of the catalog nothing is changed.
    let scratch = try Scratch()
    let crashed = try makeCrashed(databaseUUID, from: scratch, changedSettings, fill)
    let journal = try bytes(of: crashed.path + "-journal")
    let whole = try bytes(of: scratch.path)
    var states = [0, 1, 7, 8, 27, 28, 100, 511, 512, 513, 600, 4096, 5000, journal.count / 2].map {
        Array(journal[..<$0])
    }
    states += [8, 100, 512, 1024].map { [UInt8](repeating: 0, count: $0) + journal[min($0, journal.count)...] }
    states += [2, 5].map { magic[..<$0] + [UInt8](repeating: 0, count: 8 - $0) + journal[8...] }
    states += [header(pages: try pageCount(scratch)), [UInt8](repeating: 0, count: 28) + journal[28...]]
    // Where a file has grown before its bytes came, anything may stand there.
    for byteCount in [512, 516, 4612, 4616, 4620, 12_820] {
        let torn = [UInt8](repeating: 0xA5, count: byteCount)
        states.append(torn)
        states.append(Array(torn[..<512]) + journal[512..<max(512, min(byteCount, journal.count))])
    }
    for state in states {
        try put(whole, at: scratch.path)
        try put(state, at: scratch.path + "-journal")
        #expect(attempts(scratch).dropFirst() == [nil, nil], "\(state.count) bytes")
        #expect(try bytes(of: scratch.path) == whole)
    }
}

@Test func `fault 01: a file under the journal's name that is no journal is left alone`() throws {
    let zeros = [UInt8](repeating: 0, count: 20)
    // The last two are not hot for SQLite, which would write over them.
    let foreign: [[UInt8]] = [
        [UInt8](repeating: 0x5A, count: 511), [UInt8](repeating: 0x5A, count: 513), Array("notes of mine\n".utf8),
        [0x5A], [UInt8](repeating: 0x5A, count: 3000), magic[..<7] + [0x41],
        [0] + Array("notes".utf8), zeros + bigEndian(513) + bigEndian(4096),
    ]
    for content in foreign {
        let scratch = try Scratch()
        try makeDatabase(scratch, databaseUUID).close()
        let catalog = try bytes(of: scratch.path)
        let reader = try openReader(scratch, .recovering),
            writer = try CatalogWriter.open(scratch.path, checksum: crc32c)
        try put(content, at: scratch.path + "-journal")
        #expect(code { _ = try writer.change(plainSettings, expecting: 1) } == .corrupt)
        if content[0] != 0 {
            #expect(attempts(scratch) == [.corrupt, .corrupt, .corrupt])
            #expect(code { _ = try reader.snapshot() } == .corrupt)
        }
        #expect(try bytes(of: scratch.path + "-journal") == content && bytes(of: scratch.path) == catalog)
        try FileManager.default.removeItem(atPath: scratch.path + "-journal")
        #expect(try reader.snapshot().generation == 1)
        #expect(try CatalogWriter.open(scratch.path, checksum: crc32c).change(plainSettings, expecting: 1) == 2)
    }
}

@Test func `fault 01: a journal with a second name is refused, and a copy of the directory recovers`() throws {
    let crashed = try makeCrashed(databaseUUID, changedSettings, fill)
    let files = FileManager.default
    let backup = try Scratch(), copy = try Scratch()
    for suffix in ["", "-journal"] {
        try files.linkItem(atPath: crashed.path + suffix, toPath: backup.path + suffix)
        try files.copyItem(atPath: crashed.path + suffix, toPath: copy.path + suffix)
    }
    let before = [try bytes(of: crashed.path), try bytes(of: crashed.path + "-journal")]
    #expect(attempts(crashed) == [.corrupt, .corrupt, .corrupt] && attempts(backup) == attempts(crashed))
    #expect(try [bytes(of: crashed.path), bytes(of: crashed.path + "-journal")] == before)
    #expect(try openReader(copy, .recovering).snapshot().generation == 1)
}

// The limit is for what never ends: it also counts how long a test waits for others to run.
@Test(.timeLimit(.minutes(30)))
func `fault 02: whatever lies under the journal's name, nobody waits for it and nobody follows it`() throws {
    let scratch = try Scratch()
    try makeDatabase(scratch, databaseUUID).close()
    let (journal, victim) = (scratch.path + "-journal", scratch.directory + "/victim")
    try put([UInt8](repeating: 0, count: 1000), at: victim)
    let kinds: [() throws -> Void] = [
        { #expect(unsafe mkfifo(journal, 0o600) == 0) },
        { try FileManager.default.createDirectory(atPath: journal, withIntermediateDirectories: false) },
        { try FileManager.default.createSymbolicLink(atPath: journal, withDestinationPath: "victim") },
        { try FileManager.default.createSymbolicLink(atPath: journal, withDestinationPath: "nowhere") },
        { try FileManager.default.createSymbolicLink(atPath: journal, withDestinationPath: "/dev/zero") },
        { try FileManager.default.linkItem(atPath: victim, toPath: journal) },
    ]
    for make in kinds {
        try make()
        #expect(attempts(scratch) == [.corrupt, .corrupt, .corrupt])
        // Also one that appears while the catalog is open.
        try FileManager.default.removeItem(atPath: journal)
        let reader = try openReader(scratch, .recovering),
            writer = try CatalogWriter.open(scratch.path, checksum: crc32c)
        try make()
        #expect(code { _ = try reader.snapshot() } == .corrupt)
        #expect(code { _ = try writer.change(plainSettings, expecting: 1) } == .corrupt)
        #expect(try bytes(of: victim) == [UInt8](repeating: 0, count: 1000))
        try FileManager.default.removeItem(atPath: journal)
        #expect(try reader.snapshot().generation == 1)
    }
}

@Test func `fault 02: a write-ahead log is refused whatever it is, also when it appears later`() throws {
    let scratch = try Scratch()
    try makeDatabase(scratch, databaseUUID).close()
    let reader = try openReader(scratch, .recovering)
    #expect(unsafe mkfifo(scratch.path + "-wal", 0o600) == 0)
    #expect(attempts(scratch) == [.corrupt, .corrupt, .corrupt])
    #expect(code { _ = try reader.snapshot() } == .corrupt)
    try FileManager.default.removeItem(atPath: scratch.path + "-wal")
    #expect(try reader.snapshot().generation == 1)
    try put([1, 2, 3], at: scratch.path + "-wal")
    #expect(attempts(scratch) == [.corrupt, .corrupt, .corrupt])
    #expect(try bytes(of: scratch.path + "-wal") == [1, 2, 3])
}

@Test func `fault 02: the journal of an empty catalog is not done away with`() throws {
    let crashed = try makeCrashed(databaseUUID, changedSettings, fill)
    try put([], at: crashed.path)
    let journal = try bytes(of: crashed.path + "-journal")
    #expect(!attempts(crashed).contains(nil))
    #expect(try bytes(of: crashed.path + "-journal") == journal)
}
