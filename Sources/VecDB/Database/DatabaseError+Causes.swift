import Catalog
import EmbeddingInput
import FileSystem
import SegmentFile

// What the errors of the modules below mean to a user of the database.

extension DatabaseError {
    init(_ error: SegmentError) {
        let code: Code =
            switch error.code {
            case .notFound, .notASegment, .damaged, .mismatch, .changedUnderneath: .corrupt
            case .unsupportedVersion: .unsupportedVersion
            case .beingRemoved: .locked
            case .system: .system
            }
        self = DatabaseError(
            code, file: error.file, remedy: error.isMendedByBuild ? .build : nil, error.message
        ).with(section: error.section, systemCode: error.systemCode)
    }

    init(_ error: CatalogError) {
        let code: Code =
            switch error.code {
            case .notFound: .notFound
            case .alreadyExists: .alreadyExists
            // A file under the catalog's name that is none: damage, or somebody's doing.
            case .corrupt, .notADatabase, .recoveryPending, .snapshotGone: .corrupt
            case .unsupportedVersion: .unsupportedVersion
            case .busy, .conflict: .locked
            case .diskFull, .readOnly, .system, .commitUncertain: .system
            case .invalidArgument: .invalidInput
            }
        let remedy: Remedy? = error.code == .recoveryPending ? .recovery : error.isMendedByBuild ? .build : nil
        self = DatabaseError(code, file: error.path, remedy: remedy, error.detail)
            .with(
                ordinal: error.ordinal, limit: error.limit, systemCode: error.systemCode, sqliteCode: error.sqliteCode)
    }

    init(_ error: InputError) {
        guard error.code != .cancelled else {
            self = .interrupted
            return
        }
        self = DatabaseError(
            error.code == .notFound ? .notFound : .invalidInput, place: error.place,
            remedy: error.remedy.flatMap { Remedy(rawValue: $0.rawValue) }, error.message
        ).with(file: error.file, line: error.line, row: error.row, badRowCount: error.badRowCount)
    }

    init(_ error: SystemError) {
        self = DatabaseError(error.isNotFound ? .notFound : .system, file: error.path, error.problem)
            .with(systemCode: error.code)
    }

    static let interrupted = DatabaseError(.cancelled, "interrupted; nothing was left behind")

    /// Any error of the modules below as one of ours.
    init(anyError error: any Error) {
        switch error {
        case let error as DatabaseError: self = error
        case let error as SegmentError: self.init(error)
        case let error as CatalogError: self.init(error)
        case let error as InputError: self.init(error)
        case let error as SystemError: self.init(error)
        default: self.init(.system, "\(error)")
        }
    }

    /// Runs `body` and turns whatever it throws into a ``DatabaseError``.
    static func wrapping<Value>(_ body: () throws -> Value) throws(DatabaseError) -> Value {
        do { return try body() } catch { throw DatabaseError(anyError: error) }
    }
}
