/// The ids of a `--ids` file: one a line, UTF-8.
///
/// A line ends at `\n` or `\r\n`, the last may lack its end, and the empty string is an id: `"a\n\n"` holds `a` and the
/// empty string, `"a\n"` only `a`, and an empty file none. Nothing is trimmed. Ids should be compared by their UTF-8
/// bytes: Swift's `==` takes different spellings of an accented letter for the same.
///
/// Memory: one line (at most 1 MiB) and a buffer. Not for use by several threads at once.
public final class IDReader {
    /// The longest id accepted, in bytes: 1 MiB.
    public static let byteLimit = 1 << 20

    /// The file's name as given.
    public let file: String
    /// Ids that `next()` returned since the beginning or the last `rewind()`.
    public private(set) var idsRead = 0

    private let source: InputFile
    private let lines: LineReader

    /// Opens a file of ids; `path` may name a pipe, which is kept in a temporary file as `VectorReader` does.
    ///
    /// - Parameter manifest: the export whose file this is; one that changed since it was hashed is refused.
    public static func open(
        _ path: String, hashedBy manifest: ExportManifest? = nil, spoolDirectory: String? = nil,
        isCancelled: () -> Bool = { false }
    ) throws(InputError) -> IDReader {
        let source = try InputFile.open(
            path, hashedBy: manifest, spoolDirectory: spoolDirectory, isCancelled: isCancelled)
        try ForeignFormat.refuse(source, head: source.prefix(ForeignFormat.headByteCount), ending: nil)
        return IDReader(source)
    }

    private init(_ source: InputFile) {
        self.source = source
        file = source.name
        lines = LineReader(source, byteLimit: Self.byteLimit)
    }

    /// The next id, or `nil` after the last.
    ///
    /// - Throws: `malformed` with the line for invalid UTF-8, a NUL byte, or a line above the limit; `changed` at the end
    ///   of a file that is no longer what it was.
    public func next() throws(InputError) -> String? {
        guard let line = try lines.next() else { return nil }
        guard let id = String(validating: lines.buffer[line], as: UTF8.self) else {
            throw lines.error(.malformed, row: idsRead, "is not valid UTF-8; save the file as UTF-8")
        }
        guard !lines.buffer[line].contains(0) else {
            throw lines.error(.malformed, row: idsRead, "holds a NUL byte; ids are text, one a line")
        }
        idsRead += 1
        return id
    }

    /// Reads to the end to check and count all ids, and begins again.
    ///
    /// - Parameter isCancelled: asked every ten thousand ids; `true` throws `cancelled`.
    public func count(isCancelled: () -> Bool = { false }) throws(InputError) -> Int {
        try rewind()
        while try next() != nil {
            if idsRead.isMultiple(of: 10_000), isCancelled() {
                throw InputError(.cancelled, file: file, "stopped while it was being read")
            }
        }
        let count = idsRead
        try rewind()
        return count
    }

    /// Begins again with the first id.
    ///
    /// - Throws: `changed` when the file is no longer what it was at the first look.
    public func rewind() throws(InputError) {
        source.close()
        try source.checkUnchanged()
        lines.rewind()
        idsRead = 0
    }
}
