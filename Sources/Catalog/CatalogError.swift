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
    /// What was expected and what was found.
    public let problem: String
    /// The candidate whose id or metadata cannot be stored.
    public let ordinal: UInt64?
    /// The most that can be stored of what there is too much of.
    public let limit: Int?
    /// `errno` where the operating system refused.
    public let systemCode: Int32?
    /// SQLite's extended result code where SQLite reported the problem.
    public let sqliteCode: Int32?
    /// Whether to build again, which the detail ends in.
    public let isMendedByBuild: Bool

    init(
        _ code: Code, path: String, ordinal: UInt64? = nil, limit: Int? = nil, systemCode: Int32? = nil,
        sqliteCode: Int32? = nil, isMendedByBuild: Bool = false, _ problem: String
    ) {
        (self.code, self.path, self.problem) = (code, path, problem)
        (self.ordinal, self.limit) = (ordinal, limit)
        (self.systemCode, self.sqliteCode) = (systemCode, sqliteCode)
        self.isMendedByBuild = isMendedByBuild
    }

    /// What the system says, with its path where that is another one.
    init(_ error: SystemError, path: String) {
        let isOfPath = error.path.utf8.elementsEqual(path.utf8)
        self.init(.system, path: path, systemCode: error.code, isOfPath ? error.problem : "\(error)")
    }

    /// The problem and what to do; without the path.
    public var detail: String { isMendedByBuild ? problem + "; restore a backup, or build it again" : problem }

    public var description: String { "\(path): \(detail)" }
}

/// `text` in quotation marks, at most some forty characters of it.
func quoted(_ text: String) -> String {
    let shown = text.prefix(40)
    return "'" + shown + (shown.endIndex < text.endIndex ? "…'" : "'")
}
