import FileSystem

/// What is wrong with a catalog: which file, expected, found, and what to do.
public struct CatalogError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// There is no file.
        case notFound
        /// `create` met an existing file.
        case alreadyExists
        /// It is no SQLite database, or one of another program.
        case notADatabase
        /// A schema version that this library does not know.
        case unsupportedVersion
        /// Stored values are not what their checksums or the rules of the format say.
        case corrupt
        /// A crash left a rollback journal, and this connection must not write.
        case recoveryPending
        /// The rows of a snapshot were removed after another generation replaced it.
        case snapshotGone
        /// Another writer committed a generation in between, or another file took the catalog's place.
        case conflict
        /// Another connection held its lock for longer than the timeout.
        case busy
        /// No space is left.
        case diskFull
        /// The file or its directory cannot be written.
        case readOnly
        /// An I/O error or another refusal of SQLite or the operating system.
        case system
        /// COMMIT failed, and the new generation is there without being safe, or whether it is there cannot be read.
        case commitUncertain
        /// A value that no catalog can hold.
        case invalidArgument
    }

    public let code: Code
    /// The catalog file.
    public let path: String
    /// What was expected, what was found, what to do; without the path.
    public let detail: String
    /// SQLite's extended result code where SQLite reported the problem.
    public let sqliteCode: Int32?
    /// Whether the detail ends in the advice to build again.
    public let isMendedByBuild: Bool

    init(
        _ code: Code, path: String, sqliteCode: Int32? = nil, isMendedByBuild: Bool = false, _ detail: String
    ) {
        self.code = code
        self.path = path
        self.sqliteCode = sqliteCode
        self.isMendedByBuild = isMendedByBuild
        self.detail = isMendedByBuild ? detail + "; restore a backup, or build it again" : detail
    }

    /// What the system says, which begins with the path where it concerns one.
    init(_ error: SystemError, path: String) {
        let text = "\(error)"
        let prefix = (path + ": ").utf8
        let rest = text.utf8.starts(with: prefix) ? String(Substring(text.utf8.dropFirst(prefix.count))) : text
        self.init(.system, path: path, rest)
    }

    public var description: String { "\(path): \(detail)" }
}

/// `text` in quotation marks, at most some forty characters of it.
func quoted(_ text: String) -> String {
    let shown = text.prefix(40)
    return "'" + shown + (shown.endIndex < text.endIndex ? "…'" : "'")
}
