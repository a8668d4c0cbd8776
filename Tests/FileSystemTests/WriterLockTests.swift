import Foundation
import TestSupport
import Testing

@testable import FileSystem

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
    #expect(WriterLock.lastWriter(in: place.directory) == "pid 1 on here, test")
    #expect(WriterLock.holder(in: place.directory) == nil)
}

@Test func `fault 11: who holds the lock is named, and nobody else`() throws {
    let place = try Place()
    let own = "pid \(getpid()) on here, test"
    do {
        let held = try lock(place, holder: own)
        #expect(WriterLock.holder(in: place.directory) == own)
        withExtendedLifetime(held) {}
    }
    do { _ = try lock(place, holder: "pid 1 on here, an innocent one") }
    let file = try place.directory.open("lock")
    #expect(try file.tryLock(exclusive: true))
    let holder = try #require(WriterLock.holder(in: place.directory))
    #expect(holder.hasPrefix("pid \(getpid()), ") && !holder.contains("innocent"))
}

@Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/flock")))
func `fault 11: a holder is named only while it lives`() throws {
    let place = try Place()
    do { _ = try lock(place, holder: "pid 1 on here, an innocent one") }
    // 'flock' takes the lock of a descriptor that it inherited, and ends; the descriptor's heirs hold it from then on.
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "exec 9<>lock; flock 9; echo held; exec sleep 600"]
    process.currentDirectoryURL = URL(filePath: place.file(""))
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    defer { process.terminate() }
    #expect(output.fileHandleForReading.availableData == Data("held\n".utf8))
    #expect(try !WriterLock.isFree(in: place.directory))
    #expect(WriterLock.holder(in: place.directory) == nil)
}

@Test func `fault 11: the system's list of locks is read`() throws {
    let place = try Place()
    let status = try place.directory.create("lock").status()
    let numbers = LockHolders.device(of: status)
    let device = String(numbers.major, radix: 16) + ":" + String(numbers.minor, radix: 16)
    let locks = """
        1: FLOCK  ADVISORY  WRITE 812 \(device):\(status.inode) 0 EOF
        1: -> FLOCK  ADVISORY  WRITE 813 \(device):\(status.inode) 0 EOF
        2: POSIX  ADVISORY  WRITE 814 \(device):\(status.inode) 0 EOF
        3: FLOCK  ADVISORY  WRITE 0 \(device):\(status.inode) 0 EOF
        4: FLOCK  ADVISORY  READ  815 \(device):\(status.inode + 1) 0 EOF
        5: FLOCK  ADVISORY  READ  816 ff:fe:\(status.inode) 0 EOF
        nonsense
        """
    #expect(LockHolders.processes(of: status, in: locks) == [812])
}

@Test func `fault 02: a lock that is no file of its own is refused, unharmed`() throws {
    let place = try Place()
    let other = try place.directory.create("other")
    let content = [UInt8](repeating: 7, count: 300)
    try other.write(content.span, at: 0)
    try FileManager.default.linkItem(atPath: place.file("other"), toPath: place.file("lock"))
    #expect(throws: SystemError(code: EINVAL, operation: "use as a lock", path: place.file("lock"))) {
        try WriterLock.acquire(in: place.directory, timeoutSeconds: 0, holder: "me")
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: place.file("other"))) == Data(repeating: 7, count: 300))
    try place.directory.remove("lock")
    #expect(unsafe mkfifo(place.file("lock"), 0o600) == 0)
    #expect(throws: SystemError(code: EINVAL, operation: "use as a lock", path: place.file("lock"))) {
        try WriterLock.acquire(in: place.directory, timeoutSeconds: 0, holder: "me")
    }
}

@Test func `fault 03: a lock that was replaced is known for one`() throws {
    let place = try Place()
    let held = try lock(place)
    #expect(held.isStill(in: place.directory))
    try place.directory.rename("lock", toFreeName: "old")
    #expect(!held.isStill(in: place.directory))
    _ = try place.directory.create("lock")
    #expect(!held.isStill(in: place.directory))
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
    #expect(WriterLock.lastWriter(in: place.directory) == String(repeating: "→", count: 63))
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
    try place.directory.createDirectory("lock")
    #expect(throws: SystemError(code: EISDIR, operation: "open", path: place.file("lock"))) {
        try WriterLock.acquire(in: place.directory, timeoutSeconds: 0, holder: "me")
    }
    #expect(WriterLock.holder(in: place.directory) == nil)
}
