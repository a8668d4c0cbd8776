#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The file `lock` of a database: an exclusive flock for writers, who holds it, and a hint that the catalog may have
/// changed (`Formats/database.md`).
public final class WriterLock: Sendable {
    public static let fileName = "lock"
    static let byteCount = 256
    private static let holderOffset = 64

    private let file: File
    private let processID = getpid()

    private init(file: File) { self.file = file }

    /// Waits for the lock.
    ///
    /// - Parameters:
    ///   - timeoutSeconds: how long; 0, less and not a number try once, infinity waits without end.
    ///   - holder: who asks, for others to read: `pid 12 on host since …, build`.
    ///   - isCancelled: asked between attempts.
    /// - Returns: `nil` when another holds it to the end, or when cancelled.
    public static func acquire(
        in directory: Directory, timeoutSeconds: Double, holder: String, isCancelled: () -> Bool = { false }
    ) throws(SystemError) -> WriterLock? {
        let file = try directory.openOrCreate(fileName)
        // Its bytes will be written: they must be nobody else's.
        let status = try file.status()
        guard status.isRegular, status.nameCount <= 1 else {
            throw SystemError(code: EINVAL, operation: "use as a lock", path: file.path)
        }
        let deadline = ContinuousClock.now + .seconds(patience(timeoutSeconds))
        var pauseMicroseconds: UInt32 = 1_000
        while try !file.tryLock(exclusive: true) {
            guard ContinuousClock.now < deadline, !isCancelled() else { return nil }
            usleep(pauseMicroseconds)
            pauseMicroseconds = min(pauseMicroseconds * 2, 50_000)
        }
        let lock = WriterLock(file: file)
        // Where another file has this name now, another writer holds that one.
        if lock.isStill(in: directory), directory.isStillThere { try lock.write(holder: holder) }
        return lock
    }

    /// Seconds that a clock can count: thirty years stand for everything longer.
    private static func patience(_ seconds: Double) -> Double { seconds > 0 ? min(seconds, 1e9) : 0 }

    /// Whether the lock of `directory` is this file still, and not one that was put in its place.
    public func isStill(in directory: Directory) -> Bool {
        guard let mine = try? file.status(), let found = try? directory.status(of: Self.fileName) else { return false }
        return found.isSameFile(as: mine)
    }

    /// Whether nobody holds the lock of a directory that has one: then its last writer is done, or dead.
    public static func isFree(in directory: Directory) throws(SystemError) -> Bool {
        guard try directory.status(of: fileName) != nil else { return true }
        return try directory.open(fileName).tryLock(exclusive: true)
    }

    /// Who holds the lock: what the last writer wrote about itself if it is this one that does, its process if another does,
    /// and `nil` where that cannot be known. Any program that may read the file can hold its flock.
    public static func holder(in directory: Directory) -> String? {
        guard let status = try? directory.status(of: fileName) else { return nil }
        let processes = LockHolders.processes(of: status)
        guard let first = processes.first else { return nil }
        if let text = lastWriter(in: directory),
            processes.contains(where: { text.utf8.starts(with: "pid \($0) ".utf8) })
        {
            return text
        }
        return "pid \(first), which is not the writer that the lock file names"
    }

    /// What the last writer wrote about itself, which may have ended since.
    static func lastWriter(in directory: Directory) -> String? {
        guard let file = try? directory.open(fileName) else { return nil }
        var bytes = [UInt8](repeating: 0, count: byteCount - holderOffset)
        var span = bytes.mutableSpan
        guard let count = try? file.read(into: &span, at: holderOffset) else { return nil }
        let text = String(decoding: bytes.prefix(count).prefix { $0 != 0 }, as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    /// Marks the catalog as changing (odd) or settled (even). Only a hint, so a failure to write it is no failure.
    ///
    /// - Parameter changing: `true` before a COMMIT, `false` after it.
    public func markCatalog(changing: Bool) {
        precondition(processID == getpid(), "a lock does not survive a fork")
        var bytes = [UInt8](repeating: 0, count: 8)
        var span = bytes.mutableSpan
        guard (try? file.read(into: &span, at: 0)) == 8 else { return }
        var sequence = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        sequence &+= (sequence % 2 == 1) == changing ? 2 : 1
        let written = (0..<8).map { UInt8(truncatingIfNeeded: sequence >> (8 * $0)) }
        try? file.write(written.span, at: 0)
    }

    private func write(holder: String) throws(SystemError) {
        if try file.status().byteCount != Self.byteCount { try file.truncate(to: Self.byteCount) }
        var bytes = [UInt8](repeating: 0, count: Self.byteCount - Self.holderOffset)
        // Whole characters only, and at least one zero behind them.
        var count = 0
        for character in holder {
            let utf8 = Array(character.utf8)
            guard count + utf8.count < bytes.count else { break }
            bytes.replaceSubrange(count..<count + utf8.count, with: utf8)
            count += utf8.count
        }
        try file.write(bytes.span, at: Self.holderOffset)
    }

    /// Makes the lock file itself survive a loss of power; once, when a database is made.
    public func synchronize() throws(SystemError) { try file.synchronize() }
}
