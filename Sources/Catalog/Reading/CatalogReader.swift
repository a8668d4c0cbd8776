import FileSystem
import GRDB
import Synchronization

/// Reads a catalog from any number of threads, beside a writer in any process.
///
/// No transaction stays open between two calls.
public final class CatalogReader: Sendable {
    /// What a reader may do to the file.
    public enum Mode: Sendable {
        /// Never writes. A hot journal is reported as `recoveryPending`.
        case readOnly
        /// Writes only to roll back the journal that a crashed writer left.
        case recovering
    }

    /// The catalog's name in the directory of its database.
    public static var fileName: String { CatalogFile.name }
    /// The name of the file beside it in which SQLite keeps what a change is to be undone with.
    public static var journalName: String { CatalogFile.name + CatalogFile.journalSuffix }

    public let path: String
    let file: CatalogFile
    let pool: ConnectionPool
    /// Dictionaries of the segments read so far; keys are never reused, so they never change.
    private let dictionaries = Mutex<[SegmentKey: [UInt8]]>([:])

    /// Opens the catalog of a directory and checks its schema.
    ///
    /// - Parameters:
    ///   - checksum: CRC-32C.
    ///   - busyTimeoutSeconds: how long each read waits for a writer's commit.
    ///   - connections: how many threads read at the same time; others wait.
    /// - Throws: `notFound`, `notADatabase`, `unsupportedVersion`, `corrupt`, `recoveryPending`, `busy`, `system`.
    public static func open(
        in directory: Directory, mode: Mode, checksum: @escaping CatalogChecksum, busyTimeoutSeconds: Double = 10,
        connections: Int = 4
    ) throws(CatalogError) -> CatalogReader {
        let file = try CatalogFile(in: directory, checksum: checksum)
        let pool = try ConnectionPool(
            file, access: .read, recovers: mode == .recovering, busyTimeoutSeconds: busyTimeoutSeconds,
            connections: connections)
        return try CatalogReader(file, pool)
    }

    /// Checks the schema through connections that are open.
    init(_ file: CatalogFile, _ pool: ConnectionPool) throws(CatalogError) {
        path = file.path
        self.file = file
        self.pool = pool
        _ = try pool.read { try file.checkedSchema($0) }
        try pool.noteDatabase()
    }

    /// The newest generation: one short SELECT.
    public func currentGeneration() throws(CatalogError) -> UInt64 {
        try pool.read { try file.currentGeneration($0) }
    }

    /// The newest generation with its segments and settings, all verified, from one short transaction.
    public func snapshot() throws(CatalogError) -> CatalogSnapshot {
        let contents = try pool.read { db in
            var contents: CatalogContents?
            try db.inTransaction(.deferred) {
                contents = try file.contents(db)
                return .commit
            }
            return contents
        }
        // unreached: a transaction whose body did not throw has run it
        guard let contents else { throw file.error(.system, "SQLite ended a transaction early") }
        return CatalogSnapshot(reader: self, contents: contents)
    }

    /// The dictionary with which a segment's documents are packed.
    func dictionary(of key: SegmentKey, _ db: Database) throws -> [UInt8] {
        if let known = dictionaries.withLock({ $0[key] }) { return known }
        let dictionary = try file.dictionary(of: key, db)
        dictionaries.withLock { $0[key] = dictionary }
        return dictionary
    }
}
