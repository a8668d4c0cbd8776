import Foundation
import GRDB

/// Computes a CRC-32C. Injected, because the instruction for it lives in another module.
public typealias CatalogChecksum = @Sendable (RawSpan) -> UInt32

/// What every function of the module needs to read rows and to say what is wrong with them.
struct CatalogFile: Sendable {
    static let applicationID = 0x7665_6364  // "vecd"
    static let schemaVersion = 1
    static let remedy = "restore a backup or rebuild with 'vecdb build'"

    let path: String
    let checksum: CatalogChecksum

    func error(_ code: CatalogError.Code, _ detail: String) -> CatalogError {
        CatalogError(code, path: path, detail)
    }

    func damaged(_ detail: String) -> CatalogError {
        CatalogError(.corrupt, path: path, detail + "; " + Self.remedy)
    }

    /// For a value that a later version may define, in a row that matches its checksum.
    func unsupported(_ detail: String) -> CatalogError {
        CatalogError(.unsupportedVersion, path: path, detail + ", which this vecdb does not know; use a newer vecdb")
    }

    func checksum(of bytes: [UInt8]) -> UInt32 { unsafe checksum(bytes.span.bytes) }
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
        let (code, explanation) = Self.meaning(of: error)
        let number = error.extendedResultCode.rawValue
        // unreached: GRDB gives every error a message
        let message = error.message.map { ": \($0)" } ?? ""
        return CatalogError(
            code, path: path, sqliteCode: number, "\(explanation) (SQLite error \(number)\(message))")
    }

    private static func meaning(of error: DatabaseError) -> (CatalogError.Code, String) {
        switch error.extendedResultCode {
        case .SQLITE_READONLY_ROLLBACK, .SQLITE_READONLY_RECOVERY, .SQLITE_READONLY_CANTINIT:
            return (
                .recoveryPending,
                "a crash left a rollback journal beside it; run 'vecdb verify' with write permission to recover"
            )
        default: break
        }
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return (.busy, "is locked by another process; wait for it to finish and try again")
        case .SQLITE_FULL:
            return (.diskFull, "the disk is full; make room and try again, what was committed is still there")
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            return (.readOnly, "cannot be written; check the permissions of the file and its directory")
        case .SQLITE_NOTADB:
            return (.notADatabase, "is no SQLite database; \(remedy), or name a directory that 'vecdb build' made")
        case .SQLITE_CORRUPT:
            return (.corrupt, "SQLite finds it damaged; \(remedy)")
        case .SQLITE_TOOBIG:
            return (.corrupt, "holds a value that is longer than any of a catalog's; \(remedy)")
        case .SQLITE_INTERRUPT:
            return (.corrupt, "holds more than a catalog can, or its pages lead in circles; \(remedy)")
        case .SQLITE_CANTOPEN:
            return (
                .system,
                "cannot be opened; check the permissions of the file and its directory, and the limit of open files"
            )
        case .SQLITE_IOERR:
            return (.system, "the operating system reports an input/output error; check the disk")
        default:
            return (.system, "SQLite refuses the operation")
        }
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
