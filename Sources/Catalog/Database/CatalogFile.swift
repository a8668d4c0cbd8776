import FileSystem
import Foundation
import GRDB

/// Computes a CRC-32C. Injected, because the instruction for it lives in another module.
public typealias CatalogChecksum = @Sendable (Span<UInt8>) -> UInt32

/// What every function of the module needs to read rows and to say what is wrong with them.
struct CatalogFile: Sendable {
    static let applicationID = 0x7665_6364  // "vecd"
    static let schemaVersion = 1

    /// The catalog's name in the directory of its database.
    static let name = "catalog.sqlite"
    static let journalSuffix = "-journal"
    static let logSuffix = "-wal"

    let path: String
    let checksum: CatalogChecksum
    let files: CatalogFiles

    init(in directory: Directory, checksum: @escaping CatalogChecksum) throws(CatalogError) {
        path = directory.pathOf(Self.name)
        self.checksum = checksum
        files = try CatalogFiles(in: directory, path: path, checksum: checksum)
    }

    func error(
        _ code: CatalogError.Code, ordinal: UInt64? = nil, limit: Int? = nil, _ problem: String
    ) -> CatalogError {
        CatalogError(code, path: path, ordinal: ordinal, limit: limit, problem)
    }

    func damaged(_ problem: String) -> CatalogError {
        CatalogError(.corrupt, path: path, isMendedByBuild: true, problem)
    }

    /// For a value that a later version may define, in a row that matches its checksum.
    func unsupported(_ problem: String) -> CatalogError {
        CatalogError(.unsupportedVersion, path: path, problem + ", which this vecdb does not know; use a newer vecdb")
    }

    func checksum(of bytes: [UInt8]) -> UInt32 { checksum(bytes.span) }
}

extension CatalogError {
    /// Whether SQLite could not even open the file, for want of descriptors or permission: then nothing is known about it.
    public var isUnopened: Bool {
        sqliteCode.map { ResultCode(rawValue: $0).primaryResultCode == .SQLITE_CANTOPEN } ?? false
    }
}

extension CatalogFile {
    /// Any error as the one that users get.
    func mapped(_ error: any Error) -> CatalogError {
        if let error = error as? CatalogError { return error }
        guard let error = error as? DatabaseError else { return self.error(.system, "\(error)") }
        if error.resultCode == .SQLITE_CANTOPEN, let reason = files.takeRefusal() { return reason }
        let (code, explanation, isMendedByBuild) = Self.meaning(of: error)
        let number = error.extendedResultCode.rawValue
        // unreached: GRDB gives every error a message
        let message = error.message.map { ": \($0)" } ?? ""
        return CatalogError(
            code, path: path, sqliteCode: number, isMendedByBuild: isMendedByBuild,
            "\(explanation) (SQLite error \(number)\(message))")
    }

    private static func meaning(
        of error: DatabaseError
    ) -> (code: CatalogError.Code, explanation: String, isMendedByBuild: Bool) {
        switch error.extendedResultCode {
        case .SQLITE_READONLY_ROLLBACK, .SQLITE_READONLY_RECOVERY, .SQLITE_READONLY_CANTINIT:
            return (
                .recoveryPending,
                "a crash left a rollback journal beside it; open it once with write permission, which recovers it",
                false
            )
        case .SQLITE_READONLY_DBMOVED:
            return (
                .conflict, "was moved or replaced while it was open; nothing was changed, open the database again",
                false
            )
        default: break
        }
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return (.busy, "is locked by another process; wait for it to finish and try again", false)
        case .SQLITE_FULL:
            return (.diskFull, "the disk is full; make room and try again, what was committed is still there", false)
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            return (.readOnly, "cannot be written; check the permissions of the file and its directory", false)
        case .SQLITE_NOTADB:
            return (.notADatabase, "is no SQLite database; name the directory of a database", true)
        case .SQLITE_CORRUPT:
            return (.corrupt, "SQLite finds it damaged", true)
        case .SQLITE_TOOBIG:
            return (.corrupt, "holds a value that is longer than any of a catalog's", true)
        case .SQLITE_INTERRUPT:
            return (.corrupt, "holds more than a catalog can, or its pages lead in circles", true)
        case .SQLITE_CANTOPEN:
            return (
                .system,
                "cannot be opened; check the permissions of the file and its directory, and the limit of open files",
                false
            )
        case .SQLITE_IOERR:
            return (.system, "the operating system reports an input/output error; check the disk", false)
        default:
            return (.system, "SQLite refuses the operation", false)
        }
    }

    /// What SQLite is told instead of a reason: a kind of `SQLITE_CANTOPEN` that it does not know, and so passes on.
    static let refusalCode: Int32 = 14 | 0xF0 << 8

    static func replaced(_ path: String) -> CatalogError {
        CatalogError(
            .conflict, path: path,
            "another file was put in its place while it was open; nothing was changed, open the database again")
    }

    static func writeAheadLog(_ path: String) -> CatalogError {
        CatalogError(
            .corrupt, path: path + logSuffix, isMendedByBuild: true,
            "no catalog has a write-ahead log; another program has opened this one")
    }

    /// SQLite would follow a link, put the journal beside what it leads to, and wait for ever for a pipe.
    static func irregular(_ path: String, _ status: File.Status) -> CatalogError {
        CatalogError(
            .corrupt, path: path,
            "is no regular file but a \(status.isDirectory ? "directory" : "symbolic link, pipe, socket or device"); put "
                + "the file itself there, or restore a backup into an empty directory")
    }

    /// Runs `body`, which may throw anything, and translates what it throws.
    func translating<Result>(_ body: () throws -> Result) throws(CatalogError) -> Result {
        do {
            return try body()
        } catch {
            throw mapped(error)
        }
    }
}
