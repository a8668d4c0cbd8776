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
    fileprivate let descriptor: Int32

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

    /// Overwrites part of it.
    func write(_ bytes: ArraySlice<UInt8>, at offset: Int) throws {
        guard !bytes.isEmpty else { return }
        // pwrite reads the slice's own bytes, as many as it has.
        let written = unsafe bytes.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, offset) }
        guard written == bytes.count else { throw ScratchDirectory.Failure("write", path) }
    }

    fileprivate func resize(to byteCount: Int) throws {
        guard ftruncate(descriptor, byteCount) == 0 else { throw ScratchDirectory.Failure("resize", path) }
    }
}

/// A large file of a few bytes and many zeros, written through a mapping of it: of what the last input left, only that is
/// wiped which it wrote.
@safe final class ScratchMapping {
    private let file: ScratchFile
    /// Proof for all uses: `byteLimit` bytes are mapped until `deinit`, and only the first `byteCount`, which the file has,
    /// are touched.
    private let base: UnsafeMutableRawPointer
    private let byteLimit: Int
    private var byteCount = 0
    private var written: [Range<Int>] = []

    init(_ file: ScratchFile, byteLimit: Int) throws {
        (self.file, self.byteLimit) = (file, byteLimit)
        try file.resize(to: 0)
        let address = unsafe mmap(nil, byteLimit, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw ScratchDirectory.Failure("map", file.path)
        }
        unsafe base = address
    }

    deinit { unsafe munmap(base, byteLimit) }

    /// Makes the file hold `byteCount` zeros.
    func clear(to byteCount: Int) throws {
        precondition(byteCount <= byteLimit)
        if byteCount != self.byteCount { try file.resize(to: byteCount) }
        for range in written where range.lowerBound < byteCount {
            unsafe memset(base + range.lowerBound, 0, min(range.upperBound, byteCount) - range.lowerBound)
        }
        written.removeAll(keepingCapacity: true)
        self.byteCount = byteCount
    }

    /// Overwrites part of it; what is beyond its end is left out.
    func write(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        guard offset < byteCount, !bytes.isEmpty else { return }
        let count = min(bytes.count, byteCount - offset)
        unsafe bytes.withUnsafeBytes { bytes in
            if let first = bytes.baseAddress { unsafe memcpy(base + offset, first, count) }
        }
        written.append(offset..<offset + count)
    }
}
