import Catalog
import FileSystem
import Foundation
import SegmentFile
import Synchronization
import TestSupport
import Testing

@testable import VecDB

// Directories, files and the working directory change while somebody is at work.

private func tune(_ path: String) throws {
    var options = TuneOptions()
    (options.targetRecall, options.k, options.lockTimeoutSeconds) = (0.1, 3, 60)
    _ = try VectorDatabase.tune(path, options: options)
}

private func move(_ from: String, _ to: String) throws { try FileManager.default.moveItem(atPath: from, toPath: to) }

/// The files of a directory and their bytes, but for the lock's, which says who had it last.
private func contents(_ path: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: path) where name != "lock" {
        files[name] = try Data(contentsOf: URL(fileURLWithPath: path + "/" + name))
    }
    return files
}

private func isIntact(_ path: String) throws -> Bool { try VectorDatabase.verify(path, deep: true).isIntact }

/// What `body` throws on another thread.
private final class Outcome: Sendable {
    private let error = Mutex<DatabaseError?>(nil)
    private let ended = DispatchSemaphore(value: 0)
    let hasEnded = Atomic(false)

    init(_ body: @escaping @Sendable () throws -> Void) {
        Thread.detachNewThread { [self] in
            do { try body() } catch { self.error.withLock { $0 = DatabaseError(anyError: error) } }
            hasEnded.store(true, ordering: .releasing)
            ended.signal()
        }
    }

    /// What `body` throws here.
    static func of(_ body: () throws -> Void) -> DatabaseError? {
        do { try body() } catch { return DatabaseError(anyError: error) }
        return nil
    }

    func wait() -> DatabaseError? {
        ended.wait()
        return error.withLock { $0 }
    }
}

/// Runs `writer` while the lock of `directory` is held; `change` is what happens while it waits.
private func waiting(
    for directory: String, _ writer: @escaping @Sendable () throws -> Void, while change: () throws -> Void
) throws -> DatabaseError? {
    var lock = try WriterLock.acquire(in: try Directory(opening: directory), timeoutSeconds: 0, holder: "test")
    #expect(lock != nil)
    let outcome = Outcome(writer)
    // It waits once the lock's file is open twice: here and there.
    let deadline = ContinuousClock.now + .seconds(300)
    while try descriptors(of: directory + "/lock") < 2, !outcome.hasEnded.load(ordering: .acquiring) {
        try #require(ContinuousClock.now < deadline, "the writer never opened the lock")
        Thread.sleep(forTimeInterval: 0.01)
    }
    try change()
    lock = nil
    return outcome.wait()
}

/// How many descriptors of this process lead to the file at `path`, by whatever name they were opened.
private func descriptors(of path: String) throws -> Int {
    var file = stat()
    try #require(unsafe stat(path, &file) == 0)
    return try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
        var open = stat()
        guard let descriptor = Int32($0), unsafe fstat(descriptor, &open) == 0 else { return false }
        return open.st_dev == file.st_dev && open.st_ino == file.st_ino
    }
}

private let writers: [(name: String, run: @Sendable (String) throws -> Void)] = [
    ("build", { try overwriteNamed($0) }), ("tune", { try tune($0) }),
]

// The limits are for what never ends: they also count how long a test waits for others to run.
@Test(.timeLimit(.minutes(30)), arguments: [0, 1])
func `fault 03: a writer that waits notices that the directory was swapped`(writer: Int) throws {
    let place = try TemporaryDirectory()
    let (live, next, old) = (place.file("live"), place.file("next"), place.file("old"))
    try makeNamedDatabase(live, "live")
    try makeNamedDatabase(next, "next")
    let before = [try contents(live), try contents(next)]
    let error = try #require(
        try waiting(for: live, { try writers[writer].run(live) }) {
            try move(live, old)
            try move(next, live)
        })
    #expect(error.code == .locked && error.message.contains("moved or replaced"))
    #expect(try contents(old) == before[0] && contents(live) == before[1])
    #expect(try isIntact(old) && isIntact(live))
    // Nothing keeps the next one from its work.
    try overwriteNamed(live)
    try overwriteNamed(old)
    #expect(try isIntact(old) && isIntact(live))
}

@Test(.timeLimit(.minutes(30)), arguments: ["lock", "catalog.sqlite"], [0, 1])
func `fault 03: a writer that waits notices that a file was replaced`(name: String, writer: Int) throws {
    let place = try TemporaryDirectory()
    let live = place.file("live")
    try makeNamedDatabase(live, "live")
    let before = try contents(live)
    let error = try waiting(for: live, { try writers[writer].run(live) }) {
        try move(live + "/" + name, place.file("kept"))
        try FileManager.default.copyItem(atPath: place.file("kept"), toPath: live + "/" + name)
    }
    // A copy of the catalog is as good as the catalog for who has not opened it yet.
    if name == "lock" { #expect(error?.code == .locked) }
    if error != nil { #expect(try contents(live) == before) }
    #expect(try isIntact(live))
}

@Test(.timeLimit(.minutes(30)))
func `fault 03: tune does not write into another database that took the catalog's place`() throws {
    let place = try TemporaryDirectory()
    let (live, next) = (place.file("live"), place.file("next"))
    try makeNamedDatabase(live, "live")
    // At the same generation, with more rows.
    try makeNamedDatabase(next, "next", rows: 500)
    let before = try contents(next)
    // The segment of the database that was there is not the other one's to remove.
    let stays = try contents(live).filter { $0.key.hasSuffix(".vseg") }
    let error = try waiting(for: live, { try tune(live) }) {
        for name in before.keys {
            try? FileManager.default.removeItem(atPath: live + "/" + name)
            try move(next + "/" + name, live + "/" + name)
        }
    }
    #expect(
        error?.code == .locked && error?.message.contains("another database") == true, "\(String(describing: error))")
    #expect(try contents(live) == before.merging(stays) { before, _ in before })
    #expect(try isIntact(live))
}

@Test(.timeLimit(.minutes(30)), arguments: [0, 1])
func `fault 03: segments of the database whose catalog was taken away stay`(writer: Int) throws {
    let place = try TemporaryDirectory()
    let (live, next) = (place.file("live"), place.file("next"))
    try makeNamedDatabase(live, "live")
    try makeNamedDatabase(next, "next")
    // Another database's catalog and segment come to lie in the directory in which the writer waits.
    let (mine, theirs) = (try contents(live), try contents(next))
    _ = try waiting(for: live, { try writers[writer].run(live) }) {
        for name in theirs.keys {
            try? FileManager.default.removeItem(atPath: live + "/" + name)
            try move(next + "/" + name, live + "/" + name)
        }
    }
    let segment = try #require(mine.first { $0.key.hasSuffix(".vseg") })
    #expect(try contents(live)[segment.key] == segment.value)
    #expect(try isIntact(live))
    // With its own catalog it is whole again, and what the other has left stays.
    try mine["catalog.sqlite"]?.write(to: URL(fileURLWithPath: live + "/catalog.sqlite"))
    try overwriteNamed(live)
    #expect(try isIntact(live) && contents(live).count == 3)
}

@Test func `fault 03: only orphans that are provably of the database are removed`() throws {
    let place = try TemporaryDirectory()
    let (live, other) = (place.file("live"), place.file("other"))
    try makeNamedDatabase(live, "live")
    try makeNamedDatabase(other, "other")
    func segment(of path: String) throws -> (name: String, bytes: Data) {
        try #require(try contents(path).first { $0.key.hasSuffix(".vseg") }.map { ($0.key, $0.value) })
    }
    func put(_ bytes: Data, _ name: String) throws { try bytes.write(to: URL(fileURLWithPath: live + "/" + name)) }
    let (foreign, own) = (try segment(of: other), try segment(of: live))
    try overwriteNamed(live)
    let replaced = try segment(of: live).name
    // A finished file of this database whose row is gone, as if a crash had left it, and a scratch file.
    try put(own.bytes, own.name)
    try put(Data([1]), ".scratch-18446744073709551615")
    // What users put there: a segment of another database, one under another's name, one that was cut off, no segment,
    // a link to one, and names that are nearly ours.
    let uuids = (1...4).map { "segment-" + String(repeating: String($0), count: 32) + ".vseg" }
    try put(foreign.bytes, foreign.name)
    try put(own.bytes, uuids[0])
    try put(own.bytes.prefix(10_000), uuids[1])
    try put(Data("notes".utf8), uuids[2])
    try FileManager.default.createSymbolicLink(atPath: live + "/" + uuids[3], withDestinationPath: own.name)
    for name in [".scratch-", ".scratch-07", ".scratch-x", ".scratch-18446744073709551616"] { try put(Data([2]), name) }
    let before = try FileManager.default.contentsOfDirectory(atPath: live)
    try overwriteNamed(live)
    let after = try FileManager.default.contentsOfDirectory(atPath: live)
    #expect(Set(before).subtracting(after) == [own.name, replaced, ".scratch-18446744073709551615"])
    #expect(try isIntact(live))
}

@Test(arguments: [false, true])
func `fault 03: what a crash staged is removed, unless it is another database's`(isForeign: Bool) throws {
    let place = try TemporaryDirectory()
    let (live, other) = (place.file("live"), place.file("other"))
    try makeNamedDatabase(live, "live")
    try makeNamedDatabase(other, "other")
    let name = try #require(try contents(other).keys.first { $0.hasSuffix(".vseg") })
    let uuid = try #require(SegmentUUID(segmentFileName: name))
    do {
        let catalog = try CatalogWriter.open(in: try Directory(opening: live), checksum: catalogChecksum)
        _ = try catalog.beginStaging(segmentUUID: uuid)
        try catalog.close()
    }
    // A file that was never finished is without a header.
    let file = URL(fileURLWithPath: live + "/" + name)
    try (isForeign ? Data(contentsOf: URL(fileURLWithPath: other + "/" + name)) : Data(count: 10_000)).write(to: file)
    try tune(live)
    #expect(FileManager.default.fileExists(atPath: file.path) == isForeign)
    let catalog = try CatalogWriter.open(in: try Directory(opening: live), checksum: catalogChecksum)
    #expect(try catalog.contents().stagedSegments.isEmpty)
}

@Test func `fault 03: a swap in the middle of a build is noticed at its commit`() throws {
    let place = try TemporaryDirectory()
    let (live, next, old) = (place.file("live"), place.file("next"), place.file("old"))
    // Before that, nothing is open but the place.
    for phase in BuildPhase.allCases where phase != .read {
        for path in [live, next, old] where FileManager.default.fileExists(atPath: path) {
            try FileManager.default.removeItem(atPath: path)
        }
        try makeNamedDatabase(live, "live")
        try makeNamedDatabase(next, "next")
        let before = [try contents(live), try contents(next)]
        var options = BuildOptions()
        (options.overwrite, options.index, options.leaves) = (true, .treeAH, 4)
        var isSwapped = false
        let vectors = clusteredVectors(count: 300, dimensions: 4, seed: 2)
        let error = Outcome.of {
            _ = try VectorDatabase.build(at: live, from: .memory(vectors: vectors, dimensions: 4), options: options) {
                if !isSwapped, $0.phase == phase {
                    isSwapped = true
                    try? move(live, old)
                    try? move(next, live)
                }
            }
        }
        // Not each phase of a small build is reported.
        #expect((error?.code == .locked) == isSwapped && (isSwapped || phase != .sync), "\(phase)")
        guard isSwapped else { continue }
        #expect(try contents(live) == before[1], "\(phase)")
        #expect(try contents(old).keys.sorted() == before[0].keys.sorted() && isIntact(old), "\(phase)")
    }
}

@Test func `fault 03: a new database whose place was moved away is not made`() throws {
    let place = try TemporaryDirectory()
    try FileManager.default.createDirectory(atPath: place.file("a"), withIntermediateDirectories: false)
    var isMoved = false
    let error = #expect(throws: DatabaseError.self) {
        try VectorDatabase.build(at: place.file("a/new.vecdb"), from: .memory(vectors: [1, 2], dimensions: 1)) { _ in
            if !isMoved { try? move(place.file("a"), place.file("b")) }
            isMoved = true
        }
    }
    #expect(error?.code == .locked)
    #expect(place.names == ["b"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.file("b")).isEmpty)
}

@Test func `fault 04: a snapshot keeps to its database when directories are swapped`() throws {
    let place = try TemporaryDirectory()
    let (live, next, old) = (place.file("live"), place.file("next"), place.file("old"))
    try makeNamedDatabase(live, "live")
    try makeNamedDatabase(next, "next")
    let database = try VectorDatabase.open(live)
    try move(live, old)
    try move(next, live)
    try checkAnswers(of: database, "live")
    #expect(try !database.refresh())
}

@Test func `fault 04: a catalog that was copied over the open one is noticed by every read`() throws {
    let place = try TemporaryDirectory()
    let (live, next) = (place.file("live"), place.file("next"))
    try makeNamedDatabase(live, "live")
    try makeNamedDatabase(next, "next")
    let database = try VectorDatabase.open(live)
    var options = SearchOptions(k: 5)
    options.includesMetadata = true
    let query = clusteredVectors(count: 1, dimensions: 4, seed: 9)
    let hits = try database.search(query, options: options)
    // As `cp` does it: the file stays the same.
    let catalog = try Data(contentsOf: URL(fileURLWithPath: live + "/catalog.sqlite"))
    func copy(_ bytes: Data) throws {
        let handle = try #require(FileHandle(forWritingAtPath: live + "/catalog.sqlite"))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: bytes)
        try handle.close()
    }
    try copy(Data(contentsOf: URL(fileURLWithPath: next + "/catalog.sqlite")))
    for error in [
        Outcome.of { _ = try database.refresh() }, Outcome.of { _ = try database.search(query, options: options) },
    ] {
        #expect(error?.code == .locked && error?.message.contains("was put in its place") == true)
    }
    try copy(catalog)
    #expect(try !database.refresh() && database.search(query, options: options) == hits)
}

@Test func `fault 04: a relative path means what it meant when it was given`() throws {
    let place = try TemporaryDirectory()
    for name in ["here", "there"] {
        try FileManager.default.createDirectory(atPath: place.file(name), withIntermediateDirectories: false)
        try makeNamedDatabase(place.file(name + "/db"), name)
    }
    let origin = FileManager.default.currentDirectoryPath
    defer { _ = FileManager.default.changeCurrentDirectoryPath(origin) }
    #expect(FileManager.default.changeCurrentDirectoryPath(place.file("here")))
    let database = try VectorDatabase.open("db")
    #expect(FileManager.default.changeCurrentDirectoryPath(place.file("there")))
    try checkAnswers(of: database, "here")
    // A build goes where it was told to, wherever the process is when it gets there.
    let before = try contents(place.file("there/db"))
    #expect(FileManager.default.changeCurrentDirectoryPath(place.file("here")))
    for path in ["db", "new"] {
        var options = BuildOptions()
        options.overwrite = true
        try VectorDatabase.build(at: path, from: .memory(vectors: [1, 2], dimensions: 1), options: options) { _ in
            _ = FileManager.default.changeCurrentDirectoryPath(place.file("there"))
        }
        #expect(FileManager.default.changeCurrentDirectoryPath(place.file("here")))
    }
    #expect(try VectorDatabase.open(place.file("here/db")).info.rows == 2)
    #expect(try VectorDatabase.open(place.file("here/new")).info.rows == 2)
    #expect(try contents(place.file("there/db")) == before)
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.file("there")) == ["db"])
}

/// Searches from several threads, with documents, so that connections are opened one after the other.
private func checkAnswers(of database: VectorDatabase, _ name: String) throws {
    let strangers = Mutex(0)
    DispatchQueue.concurrentPerform(iterations: 400) { index in
        let query = clusteredVectors(count: 1, dimensions: 4, seed: UInt64(index))
        var options = SearchOptions(k: 5)
        options.includesMetadata = true
        let hits = (try? database.search(query, options: options)) ?? []
        let isRight =
            hits.count == 5
            && hits.allSatisfy {
                $0.id?.hasPrefix(name + " ") == true && $0.metadata?.contains("\"\(name)\"") == true
            }
        if !isRight { strangers.withLock { $0 += 1 } }
    }
    #expect(strangers.withLock { $0 } == 0)
}
