import FileSystem

/// What is wrong with an input: which file, which row or line, what was expected, what was found, and what to do next.
public struct InputError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of problem, for programs that react to it.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// The file or directory does not exist.
        case notFound
        /// The operating system refused to open or read it.
        case notReadable
        /// A directory or a device stands where a file should.
        case notAFile
        /// The file has no bytes.
        case empty
        /// The content is well formed, but of a kind that is not read here.
        case unsupported
        /// The content breaks the rules of its format.
        case malformed
        /// The file ends before its content does.
        case truncated
        /// Two inputs that must agree do not.
        case mismatch
        /// A number is one that no search can work with (NaN, an infinity, an overflow, a zero vector under cosine).
        case invalidValue
        /// A file's SHA-256 differs from the manifest's.
        case hashMismatch
        /// The file changed between two passes over it.
        case changed
        /// Standard input or a pipe could not be kept in a temporary file.
        case spoolFailed
        /// The caller asked to stop.
        case cancelled
    }

    /// What a caller may set to get past the error. Messages do not name it: a library's caller knows it under another name
    /// than the user of a command.
    public enum Remedy: String, Sendable, Hashable, CaseIterable {
        /// The format of the files.
        case inputFormat
        /// Which tensor of a file is meant.
        case tensor
        /// Whether a text file has a header, and which column holds ids.
        case textLayout
    }

    public let code: Code
    /// The file as the caller named it; `standard input` for `-`.
    public let file: String
    /// The zero-based number of the first row concerned, counted over all files of one input.
    public let row: Int?
    /// The one-based line of a text file.
    public let line: Int?
    /// How many rows have a problem, when all of them were counted.
    public let badRowCount: Int?
    /// What was expected, what was found, what to do; without file, row and line.
    public let message: String
    /// What to set, where that helps.
    public let remedy: Remedy?

    public init(
        _ code: Code, file: String, row: Int? = nil, line: Int? = nil, badRowCount: Int? = nil,
        remedy: Remedy? = nil, _ message: String
    ) {
        self.code = code
        self.file = file
        self.row = row
        self.line = line
        self.badRowCount = badRowCount
        self.message = message
        self.remedy = remedy
    }

    /// The file, and where in it.
    public var place: String {
        file + (line.map { ", line \(grouped($0))" } ?? "") + (row.map { ", row \(grouped($0))" } ?? "")
    }

    public var description: String { "\(place): \(message)" }
}

/// `bytes` as printable text of at most `limit` characters, for messages that quote what was found.
func quoted(_ bytes: some Collection<UInt8>, limit: Int = 40) -> String {
    let shown = bytes.prefix(limit)
    var text = ""
    for scalar in String(decoding: shown, as: UTF8.self).unicodeScalars {
        text +=
            scalar.properties.generalCategory == .control ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }
    return "'" + text + (shown.count < bytes.count ? "…'" : "'")
}
