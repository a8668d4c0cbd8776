import Foundation
import Testing

@testable import SegmentFile

private func lock(_ place: Place, holder: String = "pid 1 on here, test") throws -> WriterLock {
    try #require(try WriterLock.acquire(in: place.directory, timeoutSeconds: 0, holder: holder))
}

@Test func `a directory without a lock has no writer`() throws {
    let place = try Place()
    #expect(try WriterLock.isFree(in: place.directory))
    #expect(WriterLock.holder(in: place.directory) == nil)
}

@Test func `an empty lock file names no holder`() throws {
    let place = try Place()
    _ = try place.directory.create("lock")
    #expect(WriterLock.holder(in: place.directory) == nil)
}

@Test func `a lock that was let go is free, and the last holder's name stays`() throws {
    let place = try Place()
    do { try lock(place).synchronize() }
    #expect(try WriterLock.isFree(in: place.directory))
    #expect(WriterLock.holder(in: place.directory) == "pid 1 on here, test")
}

@Test func `who is cancelled waits no longer`() throws {
    let place = try Place()
    let held = try lock(place)
    let started = ContinuousClock.now
    let second = try WriterLock.acquire(
        in: place.directory, timeoutSeconds: 3600, holder: "other", isCancelled: { true })
    #expect(second == nil)
    #expect(ContinuousClock.now - started < .seconds(600))
    withExtendedLifetime(held) {}
}

@Test func `a holder's name is cut between characters`() throws {
    let place = try Place()
    // 191 bytes fit, which is no multiple of three.
    let held = try lock(place, holder: String(repeating: "→", count: 100))
    #expect(WriterLock.holder(in: place.directory) == String(repeating: "→", count: 63))
    withExtendedLifetime(held) {}
}

@Test func `the catalog is marked as changing and as settled, once each`() throws {
    let place = try Place()
    let held = try lock(place)
    func sequence() throws -> UInt8 { try Data(contentsOf: URL(fileURLWithPath: place.file("lock")))[0] }
    held.markCatalog(changing: true)
    #expect(try sequence() == 1)
    // As after a crash: odd already, and another change.
    held.markCatalog(changing: true)
    #expect(try sequence() == 3)
    held.markCatalog(changing: false)
    #expect(try sequence() == 4)
}

@Test func `a mark that cannot be read is not written`() throws {
    let place = try Place()
    let held = try lock(place)
    try place.cutOff("lock", at: 0)
    held.markCatalog(changing: true)
    #expect(try place.directory.status(of: "lock")?.byteCount == 0)
}

@Test func `a directory in the lock's place is an error`() throws {
    let place = try Place()
    try Directory.create(place.file("lock"))
    #expect(throws: SystemError(code: EISDIR, operation: "open", path: place.file("lock"))) {
        try WriterLock.acquire(in: place.directory, timeoutSeconds: 0, holder: "me")
    }
    #expect(WriterLock.holder(in: place.directory) == nil)
}
