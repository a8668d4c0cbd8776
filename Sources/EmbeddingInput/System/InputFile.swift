#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

// This folder is the module's border with the operating system: every system call and every `unsafe` is here.

/// A regular file, read at explicit offsets and never mapped.
///
/// What the file is (`FileStamp`) is taken once, when it is opened; a later look that finds anything else is an error,
/// because an index is built in several passes that must see the same bytes. A file may be closed between passes
/// (`close()`) and opens itself again, so that a thousand inputs do not need a thousand descriptors.
///
/// No stamp shows what another process writes through a shared map into pages that it had written to before: times move at
/// the first such write only. Therefore every pass over a file of an export is hashed as well, in the order of its bytes as
/// they are handed out, and ends with an error where the manifest has another hash (`endPass()`). What stays undetected:
/// such writes into a file that no manifest names; into a header between the time when it is parsed, once, and the
/// pass; and those that are taken back before a pass comes to them.
///
/// - Complexity: some 7 ns for each byte of an export, in each pass.
final class InputFile {
    /// The name that errors use.
    let name: String
    /// Bytes in the file.
    let byteCount: Int

    /// `nil` for a spooled file: it has no name any more, and stays open.
    private let path: String?
    /// What the file was when it was opened.
    let stamp: FileStamp
    private var descriptor: Int32
    /// `nil` for a file whose hash nobody knows.
    private var pass: PassHash?

    /// Opens `path`, which must be a regular file; a named pipe is first copied to a temporary file in
    /// `spoolDirectory`, and so is standard input, whose path is `-`.
    ///
    /// - Parameters:
    ///   - expected: what a file was that has been looked at before; another one is refused.
    ///   - isCancelled: asked between chunks while a pipe is copied; an endless pipe ends no other way.
    static func open(
        _ path: String, expecting expected: FileStamp? = nil, spoolDirectory: String?, isCancelled: () -> Bool
    ) throws(InputError) -> InputFile {
        if path == "-" {
            return try InputFile(
                spooling: 0, name: "standard input", directory: spoolDirectory, isCancelled: isCancelled)
        }
        let descriptor = try openForReading(path)
        do throws(InputError) {
            let status = try fileStatus(of: descriptor, name: path)
            if let expected, FileStamp(status) != expected { throw changed(path) }
            switch status.st_mode & S_IFMT {
            case S_IFREG:
                return InputFile(name: path, path: path, descriptor: descriptor, status: status)
            case S_IFIFO:
                let file = try InputFile(
                    spooling: descriptor, name: path, directory: spoolDirectory, isCancelled: isCancelled)
                closeDescriptor(descriptor)
                return file
            case S_IFDIR:
                throw InputError(.notAFile, file: path, "is a directory; name the file inside it that is meant")
            default:
                throw InputError(
                    .notAFile, file: path, "is neither a regular file nor a pipe; copy its content to a file first")
            }
        } catch {
            closeDescriptor(descriptor)
            throw error
        }
    }

    /// Opens `path`, and hashes every pass over it where `manifest` names it; see `open(_:expecting:spoolDirectory:isCancelled:)`.
    static func open(
        _ path: String, hashedBy manifest: ExportManifest?, spoolDirectory: String?, isCancelled: () -> Bool
    ) throws(InputError) -> InputFile {
        let named = manifest?.file(at: path)
        let file = try open(
            path, expecting: named?.stamp, spoolDirectory: spoolDirectory, isCancelled: isCancelled)
        file.pass = named.map { PassHash(expected: $0.sha256) }
        return file
    }

    /// Keeps lines of text in an unnamed temporary file, each with its end, so that they are read like those of any file.
    convenience init(keeping lines: [String], name: String, spoolDirectory: String?) throws(InputError) {
        let directory = spoolDirectory ?? defaultSpoolDirectory()
        let file = try unnamedFile(in: directory, name: name)
        do throws(InputError) {
            var pending: [UInt8] = []
            for (index, line) in lines.enumerated() {
                pending += line.utf8
                pending.append(UInt8(ascii: "\n"))
                if pending.count >= 256 << 10 || index == lines.count - 1 {
                    try append(pending, to: file, name: name, directory: directory)
                    pending.removeAll(keepingCapacity: true)
                }
            }
            self.init(name: name, path: nil, descriptor: file, status: try fileStatus(of: file, name: name))
        } catch {
            closeDescriptor(file)
            throw error
        }
    }

    private init(name: String, path: String?, descriptor: Int32, status: stat) {
        self.name = name
        self.path = path
        self.descriptor = descriptor
        byteCount = Int(status.st_size)
        stamp = FileStamp(status)
    }

    private convenience init(
        spooling source: Int32, name: String, directory: String?, isCancelled: () -> Bool
    ) throws(InputError) {
        let directory = directory ?? defaultSpoolDirectory()
        let spool = try spoolToTemporaryFile(source, name: name, directory: directory, isCancelled: isCancelled)
        do throws(InputError) {
            self.init(name: name, path: nil, descriptor: spool, status: try fileStatus(of: spool, name: name))
        } catch {  // unreached: an open file can be examined
            closeDescriptor(spool)
            throw error
        }
    }

    deinit {
        if descriptor >= 0 { closeDescriptor(descriptor) }
    }

    /// Gives the descriptor back until the next read. A spooled file stays open: nothing else refers to it.
    func close() {
        guard path != nil, descriptor >= 0 else { return }
        closeDescriptor(descriptor)
        descriptor = -1
    }

    /// Throws when the file is no longer the one that was opened first. Called at both ends of every pass.
    func checkUnchanged() throws(InputError) {
        guard let path else { return }
        // By name first: an editor or a trainer that replaces the file leaves the old descriptor looking fine.
        let current = try openForReading(path)
        defer { closeDescriptor(current) }
        guard FileStamp(try fileStatus(of: current, name: name)) == stamp else { throw Self.changed(name) }
    }

    /// Throws when the bytes of the pass that ends here, or the file's state, are no longer those that were seen first.
    ///
    /// - Complexity: O(bytes that the pass has not read) where passes are hashed.
    func endPass() throws(InputError) {
        if pass != nil {
            try hash(to: byteCount)
            guard pass?.isExpected == true else { throw Self.changed(name) }
        }
        try checkUnchanged()
    }

    private static func changed(_ name: String) -> InputError {
        InputError(
            .changed, file: name, "changed while it was being read; run the command again when nothing writes to it")
    }

    /// Reads `count` elements' bytes at byte `offset` into `buffer`, beginning at element `start`.
    ///
    /// - Throws: `truncated` when the file ends before that.
    func read<Element: BitwiseCopyable>(
        into buffer: inout MutableSpan<Element>, at start: Int, count: Int, offset: Int
    ) throws(InputError) {
        let size = MemoryLayout<Element>.stride
        let read = try readBytes(into: &buffer, at: start, count: count, offset: offset)
        guard read == count * size else {
            try checkUnchanged()
            throw InputError(
                .truncated, file: name,
                "ended at byte \(grouped(offset + read)) while \(grouped(offset + count * size)) bytes were expected; "
                    + "was it cut while it was being read?")
        }
    }

    /// Reads `count` elements' bytes at byte `offset` into the front of `array`.
    func read<Element: BitwiseCopyable>(into array: inout [Element], count: Int, offset: Int) throws(InputError) {
        var span = array.mutableSpan
        try read(into: &span, at: 0, count: count, offset: offset)
    }

    /// Reads up to `count` bytes at `offset` into `buffer` from index `start` on; fewer only at the end of the file.
    func read(
        upTo count: Int, into buffer: inout [UInt8], at start: Int, offset: Int
    ) throws(InputError) -> Int {
        var span = buffer.mutableSpan
        return try readBytes(into: &span, at: start, count: count, offset: offset)
    }

    /// The first `count` bytes, or all of a shorter file.
    func prefix(_ count: Int) throws(InputError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: min(count, byteCount))
        let read = try read(upTo: bytes.count, into: &bytes, at: 0, offset: 0)
        bytes.removeLast(bytes.count - read)
        return bytes
    }

    private func readBytes<Element: BitwiseCopyable>(
        into buffer: inout MutableSpan<Element>, at start: Int, count: Int, offset: Int
    ) throws(InputError) -> Int {
        let done = try readBytesUnhashed(into: &buffer, at: start, count: count, offset: offset)
        guard pass != nil, done > 0 else { return done }
        // Whoever reads from an earlier byte on begins another pass.
        if let hashed = pass?.byteCount, offset < hashed { pass?.begin() }
        try hash(to: offset)
        let size = MemoryLayout<Element>.stride
        // `done` bytes from `start * size` on were just written, and the span is used inside the call that lends them.
        unsafe buffer.withUnsafeMutableBytes { bytes in
            let read = unsafe UnsafeRawBufferPointer(rebasing: bytes[start * size..<start * size + done])
            unsafe pass?.append(Span<UInt8>(_unsafeBytes: read))
        }
        return done
    }

    /// Reads, for the hash alone, what lies between its end and `offset`.
    private func hash(to offset: Int) throws(InputError) {
        guard let hashed = pass?.byteCount, hashed < offset else { return }
        var (next, chunk) = (hashed, [UInt8](repeating: 0, count: min(256 << 10, offset - hashed)))
        while next < offset {
            let wanted = min(chunk.count, offset - next)
            var span = chunk.mutableSpan
            let count = try readBytesUnhashed(into: &span, at: 0, count: wanted, offset: next)
            // unreached: the file would have to be cut off between two reads
            if count == 0 { throw Self.changed(name) }
            pass?.append(chunk.span.extracting(first: count))
            next += count
        }
    }

    private func readBytesUnhashed<Element: BitwiseCopyable>(
        into buffer: inout MutableSpan<Element>, at start: Int, count: Int, offset: Int
    ) throws(InputError) -> Int {
        precondition(start >= 0 && count >= 0 && offset >= 0 && start <= buffer.count && count <= buffer.count - start)
        if descriptor < 0, let path {
            descriptor = try openForReading(path)
            guard FileStamp(try fileStatus(of: descriptor, name: name)) == stamp else { throw Self.changed(name) }
        }
        let descriptor = descriptor
        let size = MemoryLayout<Element>.stride
        let wanted = count * size
        var failure: Int32 = 0
        // The precondition keeps start...start + count inside the buffer; pread writes at most `wanted - done` bytes
        // at `start * size + done`, and every bit pattern is a value of the integer and float types used here.
        let done = unsafe buffer.withUnsafeMutableBytes { bytes in
            var done = 0
            while done < wanted {
                // unreached: more than no bytes are wanted, so that the buffer has some
                guard let base = bytes.baseAddress else { return done }
                let read = unsafe pread(
                    descriptor, base + start * size + done, wanted - done, off_t(offset + done))
                if read < 0 {
                    // unreached: the kernel interrupts no read of a regular file
                    if errno == EINTR { continue }
                    failure = errno
                    return done
                }
                if read == 0 { return done }
                done += read
            }
            return done
        }
        guard failure == 0 else {
            throw InputError(
                .notReadable, file: name,
                "could not be read at byte \(grouped(offset + done)): \(systemMessage(failure))")
        }
        return done
    }
}

/// The hash of what one pass over a file has read so far, from its first byte on.
private struct PassHash {
    let expected: String
    private(set) var byteCount = 0
    private var hash = SHA256()

    init(expected: String) { self.expected = expected }

    var isExpected: Bool { hash.hexadecimalDigest().utf8.elementsEqual(expected.utf8) }

    mutating func begin() { self = PassHash(expected: expected) }

    mutating func append(_ bytes: Span<UInt8>) {
        hash.update(bytes)
        byteCount += bytes.count
    }
}

/// What must stay the same while a file is read, from a first look (its hash, or its header) to the end of the last pass.
///
/// The time of the last change of the file's status is part of it: unlike the modification time, nobody can set it back.
struct FileStamp: Hashable {
    private let device: UInt64
    private let inode: UInt64
    private let byteCount: Int64
    private let modified: Moment
    private let changed: Moment

    private struct Moment: Hashable {
        let seconds: Int
        let nanoseconds: Int

        init(_ time: timespec) {
            seconds = time.tv_sec
            nanoseconds = time.tv_nsec
        }
    }

    init(_ status: stat) {
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(truncatingIfNeeded: status.st_ino)
        byteCount = Int64(status.st_size)
        #if os(macOS)
            modified = Moment(status.st_mtimespec)
            changed = Moment(status.st_ctimespec)
        #else
            modified = Moment(status.st_mtim)
            changed = Moment(status.st_ctim)
        #endif
    }
}
