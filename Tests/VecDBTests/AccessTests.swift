import FileSystem
import Foundation
import TestSupport
import Testing

import class GRDB.DatabaseQueue

@testable import VecDB

// Who may open the files of a database, and who holds them.

@Test func `fault 09: what an overwriting build makes is as open as the catalog`() throws {
    let place = try TemporaryDirectory()
    let path = place.file("a")
    try makeNamedDatabase(path, "a")
    for mode in [0o600, 0o640, 0o664] {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path + "/catalog.sqlite")
        try FileManager.default.removeItem(atPath: path + "/lock")
        try overwriteNamed(path)
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            let found = try FileManager.default.attributesOfItem(atPath: path + "/" + name)[.posixPermissions] as? Int
            #expect(found == mode, "\(name)")
        }
    }
}

@Test func `fault 09: all files of a new database are for the same people`() throws {
    let place = try TemporaryDirectory()
    let path = place.file("a")
    try makeNamedDatabase(path, "a")
    let modes = try FileManager.default.contentsOfDirectory(atPath: path).map {
        try #require(try FileManager.default.attributesOfItem(atPath: path + "/" + $0)[.posixPermissions] as? Int)
    }
    // SQLite's own choice would be narrower than 666 less the umask, whatever that is.
    #expect(modes.count == 3 && Set(modes).count == 1, "\(modes)")
    let probe = place.file("probe")
    unsafe close(open(probe, O_CREAT | O_WRONLY, 0o666))
    #expect(try FileManager.default.attributesOfItem(atPath: probe)[.posixPermissions] as? Int == modes[0])
}

/// The database is held, not damaged, and a writer that waits for it can be stopped.
@Test func `fault 11: a catalog that another program holds is locked for all`() throws {
    let place = try TemporaryDirectory()
    let path = place.file("a")
    try makeNamedDatabase(path, "a")
    let blocker = try DatabaseQueue(path: path + "/catalog.sqlite")
    try blocker.inDatabase { db in try db.execute(sql: "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT") }
    let inspected = #expect(throws: DatabaseError.self) { _ = try VectorDatabase.inspect(path) }
    #expect(inspected?.code == .locked)
    let started = ContinuousClock.now
    let stopped = #expect(throws: DatabaseError.self) {
        _ = try WriterSession(
            opening: path, in: try Directory(opening: path), purpose: "test", timeoutSeconds: 0,
            allowsNetworkFileSystem: true, isCancelled: { ContinuousClock.now - started > .milliseconds(50) })
    }
    #expect(stopped?.code == .cancelled && ContinuousClock.now - started < .seconds(5))
    try blocker.close()
    #expect(try VectorDatabase.inspect(path).problems.isEmpty)
}

@Test func `fault 11: a lock that another program holds is not put down to the last writer`() throws {
    let place = try TemporaryDirectory()
    let path = place.file("a")
    try makeNamedDatabase(path, "a")
    let text = "pid 1 on here since yesterday, build"
    do { _ = try WriterLock.acquire(in: try Directory(opening: path), timeoutSeconds: 0, holder: text) }
    let lock = try Directory(opening: path).open("lock")
    #expect(try lock.tryLock(exclusive: true))
    let error = #expect(throws: DatabaseError.self) { try overwriteNamed(path, timeoutSeconds: 0) }
    #expect(error?.code == .locked && error?.message.contains("yesterday") == false)
    withExtendedLifetime(lock) {}
}
