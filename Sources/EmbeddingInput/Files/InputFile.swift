import FileSystem

/// A regular file, read at explicit offsets and never mapped.
///
/// What the file is (`File.Status`) is taken once, when it is opened; a later look that finds anything else is an error,
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
    /// What the file was when it was opened, and must stay from a first look (its hash, or its header) to the end of the last
    /// pass.
    let stamp: File.Status
    /// `nil` while it is closed.
    private var file: File?
    /// `nil` for a file whose hash nobody knows.
    private var pass: PassHash?

    /// Opens `path`, which must be a regular file; a named pipe is first copied to a temporary file in
    /// `spoolDirectory`, and so is standard input, whose path is `-`.
    ///
    /// - Parameters:
    ///   - expected: what a file was that has been looked at before; another one is refused.
    ///   - byteLimit: asked, when the beginning of a pipe has come, how many bytes there can be; `nil` where only its end tells.
    ///   - isCancelled: asked between chunks while a pipe is copied; an endless pipe without a limit ends no other way.
    static func open(
        _ path: String, expecting expected: File.Status? = nil, spoolDirectory: String?,
        byteLimit: ByteLimit? = nil, isCancelled: () -> Bool
    ) throws(InputError) -> InputFile {
        if path == "-" {
            let name = "standard input"
            let input: File
            do throws(SystemError) { input = try File.standardInput() } catch {
                throw InputError(error, file: name, "could not be read")
            }
            return try InputFile(
                spooling: input, name: name, directory: spoolDirectory, byteLimit: byteLimit, isCancelled: isCancelled)
        }
        let file = try openForReading(path)
        let found = try status(of: file, name: path)
        if let expected, found != expected { throw changed(path) }
        if found.isRegular { return InputFile(name: path, path: path, file: file, found) }
        if found.isPipe {
            return try InputFile(
                spooling: file, name: path, directory: spoolDirectory, byteLimit: byteLimit, isCancelled: isCancelled)
        }
        throw InputError(
            .notAFile, file: path,
            found.isDirectory
                ? "is a directory; name the file inside it that is meant"
                : "is neither a regular file nor a pipe; copy its content to a file first")
    }

    /// Opens `path`, and hashes every pass over it where `manifest` names it; see `open(_:expecting:spoolDirectory:byteLimit:isCancelled:)`.
    static func open(
        _ path: String, hashedBy manifest: ExportManifest?, spoolDirectory: String?,
        byteLimit: ByteLimit? = nil, isCancelled: () -> Bool
    ) throws(InputError) -> InputFile {
        let named = manifest?.file(at: path)
        let file = try open(
            path, expecting: named?.stamp, spoolDirectory: spoolDirectory, byteLimit: byteLimit,
            isCancelled: isCancelled)
        file.pass = named.map { PassHash(expected: $0.sha256) }
        return file
    }

    /// Keeps lines of text in an unnamed temporary file, each with its end, so that they are read like those of any file.
    convenience init(keeping lines: [String], name: String, spoolDirectory: String?) throws(InputError) {
        var spool = try Spool(for: name, in: spoolDirectory)
        var pending: [UInt8] = []
        for (index, line) in lines.enumerated() {
            pending += line.utf8
            pending.append(UInt8(ascii: "\n"))
            if pending.count >= 256 << 10 || index == lines.count - 1 {
                try spool.append(pending.span)
                pending.removeAll(keepingCapacity: true)
            }
        }
        try self.init(spool, name: name)
    }

    private convenience init(
        spooling source: File, name: String, directory: String?, byteLimit: ByteLimit?, isCancelled: () -> Bool
    ) throws(InputError) {
        var spool = try Spool(for: name, in: directory)
        if try !spool.append(contentsOf: source, upTo: Self.beginningByteCount, isCancelled: isCancelled) {
            let limit = try byteLimit?(try InputFile(spool, name: name)) ?? nil
            guard try spool.append(contentsOf: source, upTo: limit.map { $0 + 1 }, isCancelled: isCancelled) else {
                throw InputError(
                    .malformed, file: name,
                    "goes on behind the \(grouped(limit ?? 0)) bytes that its header announces; is it in another format, or "
                        + "two files in one?")
            }
        }
        try self.init(spool, name: name)
    }

    /// How many bytes a file can have of which the beginning is given, as far as that says it; throws where it is of no use.
    typealias ByteLimit = (InputFile) throws(InputError) -> Int?
    /// Longer than any header that is read.
    private static let beginningByteCount = 4 << 20

    private convenience init(_ spool: Spool, name: String) throws(InputError) {
        self.init(name: name, path: nil, file: spool.file, try status(of: spool.file, name: name))
    }

    private init(name: String, path: String?, file: File, _ status: File.Status) {
        self.name = name
        self.path = path
        self.file = file
        byteCount = status.byteCount
        stamp = status
    }

    /// Gives the descriptor back until the next read. A spooled file stays open: nothing else refers to it.
    func close() {
        if path != nil { file = nil }
    }

    /// Throws when the file is no longer the one that was opened first. Called at both ends of every pass.
    func checkUnchanged() throws(InputError) {
        guard let path else { return }
        // By name first: an editor or a trainer that replaces the file leaves the old descriptor looking fine.
        guard try status(of: openForReading(path), name: name) == stamp else { throw Self.changed(name) }
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

    /// Reads `count` numbers at byte `offset` into `buffer`, beginning at place `start`.
    ///
    /// - Throws: `truncated` when the file ends before that.
    func read<Number: StoredNumber>(
        into buffer: inout MutableSpan<Number>, at start: Int, count: Int, offset: Int
    ) throws(InputError) {
        let size = MemoryLayout<Number>.stride
        var part = buffer._mutatingExtracting(start..<start + count)
        let read = try readBytes(into: &part, offset: offset)
        guard read == count * size else {
            try checkUnchanged()
            throw InputError(
                .truncated, file: name,
                "ended at byte \(grouped(offset + read)) while \(grouped(offset + count * size)) bytes were expected; "
                    + "was it cut while it was being read?")
        }
    }

    /// Reads `count` numbers at byte `offset` into the front of `array`.
    func read<Number: StoredNumber>(into array: inout [Number], count: Int, offset: Int) throws(InputError) {
        var span = array.mutableSpan
        try read(into: &span, at: 0, count: count, offset: offset)
    }

    /// Reads up to `count` bytes at `offset` into `buffer` from index `start` on; fewer only at the end of the file.
    func read(
        upTo count: Int, into buffer: inout [UInt8], at start: Int, offset: Int
    ) throws(InputError) -> Int {
        var span = buffer.mutableSpan
        var part = span._mutatingExtracting(start..<start + count)
        return try readBytes(into: &part, offset: offset)
    }

    /// The first `count` bytes, or all of a shorter file.
    func prefix(_ count: Int) throws(InputError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: min(count, byteCount))
        let read = try read(upTo: bytes.count, into: &bytes, at: 0, offset: 0)
        bytes.removeLast(bytes.count - read)
        return bytes
    }

    private func readBytes<Number: StoredNumber>(
        into buffer: inout MutableSpan<Number>, offset: Int
    ) throws(InputError) -> Int {
        let done = try readBytesUnhashed(into: &buffer, offset: offset)
        guard pass != nil, done > 0 else { return done }
        // Whoever reads from an earlier byte on begins another pass.
        if let hashed = pass?.byteCount, offset < hashed { pass?.begin() }
        try hash(to: offset)
        buffer.withBytes { pass?.append($0.extracting(first: done)) }
        return done
    }

    /// Reads, for the hash alone, what lies between its end and `offset`.
    private func hash(to offset: Int) throws(InputError) {
        guard let hashed = pass?.byteCount, hashed < offset else { return }
        var (next, chunk) = (hashed, [UInt8](repeating: 0, count: min(256 << 10, offset - hashed)))
        while next < offset {
            var span = chunk.mutableSpan
            var part = span._mutatingExtracting(first: offset - next)
            let count = try readBytesUnhashed(into: &part, offset: next)
            // unreached: the file would have to be cut off between two reads
            if count == 0 { throw Self.changed(name) }
            pass?.append(chunk.span.extracting(first: count))
            next += count
        }
    }

    private func readBytesUnhashed<Number: StoredNumber>(
        into buffer: inout MutableSpan<Number>, offset: Int
    ) throws(InputError) -> Int {
        let file = try opened()
        do throws(SystemError) { return try file.read(into: &buffer, at: offset) } catch {
            throw InputError(error, file: name, "could not be read at byte \(grouped(error.offset ?? offset))")
        }
    }

    private func opened() throws(InputError) -> File {
        if let file { return file }
        // unreached: only files with a path are closed
        guard let path else { preconditionFailure("a file without a name was closed") }
        let file = try openForReading(path)
        guard try status(of: file, name: name) == stamp else { throw Self.changed(name) }
        self.file = file
        return file
    }
}
