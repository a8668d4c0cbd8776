import Glibc

/// A directory in memory whose files are rewritten in place for every input.
final class ScratchDirectory {
    let path: String

    /// What could not be done, and the system's word for it.
    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ operation: String, _ path: String) {
            // The system's string lives until the next call; it is copied at once.
            let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "?"
            description = "cannot \(operation) \(path): \(reason)"
        }
    }

    /// Makes a directory of this process' own below `FUZZ_SCRATCH`, which the harness removes.
    init(_ name: String) throws {
        // The string is copied at once.
        let parent = unsafe getenv("FUZZ_SCRATCH").map { unsafe String(cString: $0) } ?? "/dev/shm"
        path = "\(parent)/\(name)-\(getpid())"
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw Failure("create", path) }
    }

    func pathOf(_ name: String) -> String { "\(path)/\(name)" }

    /// A file of it that stays open to be rewritten.
    func file(_ name: String) throws -> ScratchFile { try ScratchFile(pathOf(name)) }

    /// A file that is written once.
    func write(_ name: String, _ bytes: [UInt8]) throws { try file(name).replace(with: bytes) }
}

/// A file whose content is replaced again and again.
final class ScratchFile {
    let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        // With O_CREAT, open takes the mode as its third argument.
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw ScratchDirectory.Failure("create", path) }
    }

    deinit { close(descriptor) }

    /// Makes it hold `bytes` and nothing else.
    func replace(with bytes: [UInt8]) throws {
        try resize(to: bytes.count)
        try write(bytes[...], at: 0)
    }

    /// Makes it hold `byteCount` zeros.
    func clear(to byteCount: Int) throws {
        try resize(to: 0)
        try resize(to: byteCount)
    }

    /// Overwrites part of it.
    func write(_ bytes: ArraySlice<UInt8>, at offset: Int) throws {
        guard !bytes.isEmpty else { return }
        // pwrite reads the slice's own bytes, as many as it has.
        let written = unsafe bytes.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, offset) }
        guard written == bytes.count else { throw ScratchDirectory.Failure("write", path) }
    }

    private func resize(to byteCount: Int) throws {
        guard ftruncate(descriptor, byteCount) == 0 else { throw ScratchDirectory.Failure("resize", path) }
    }
}
