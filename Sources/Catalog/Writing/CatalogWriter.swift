import FileSystem
import Foundation
import GRDB
import Synchronization

/// Changes a catalog. The caller holds the database's writer lock as long as the writer is in use.
///
/// Every transaction is synced before it returns. After an input/output error the writer refuses all further changes:
/// what a failed sync left in the system's caches is unknown. Open the catalog again.
public final class CatalogWriter: Sendable {
    public let path: String
    let file: CatalogFile
    private let connection: DatabaseQueue
    private let failure = Mutex<CatalogError?>(nil)

    /// Makes a new catalog of generation 0, without segments.
    ///
    /// - Parameters:
    ///   - directory: where there must be none yet.
    ///   - databaseUUID: repeated in every segment's header.
    ///   - checksum: CRC-32C.
    public static func create(
        in directory: Directory, databaseUUID: SegmentUUID, settings: CatalogSettings,
        checksum: @escaping CatalogChecksum, busyTimeoutSeconds: Double = 10
    ) throws(CatalogError) -> CatalogWriter {
        let file = try CatalogFile(in: directory, checksum: checksum)
        if let problem = settings.problem { throw file.error(.invalidArgument, problem) }
        let connection = try file.connect(.create, busyTimeoutSeconds: busyTimeoutSeconds)
        let writer = CatalogWriter(file, connection)
        try writer.write(naming: false) { db in
            try db.execute(
                sql: "PRAGMA application_id=\(CatalogFile.applicationID); "
                    + "PRAGMA user_version=\(CatalogFile.schemaVersion)")
            for (_, statement) in Schema.fixed.sorted(by: { $0.key < $1.key }) { try db.execute(sql: statement) }
            var rows = settings.rows
            rows[.databaseUUID] = "\(databaseUUID)"
            rows[.nextSegmentKey] = "1"
            rows[.transaction] = TransactionName().text
            try file.store(rows, db)
            try file.insertGeneration(0, db)
        }
        return writer
    }

    /// Opens an existing catalog, rolls back what a crash left, and checks its schema and that it can be written.
    ///
    /// - Parameter isCancelled: asked while another program holds the catalog; `true` ends the wait with `busy`.
    public static func open(
        in directory: Directory, checksum: @escaping CatalogChecksum, busyTimeoutSeconds: Double = 10,
        isCancelled: () -> Bool = { false }
    ) throws(CatalogError) -> CatalogWriter {
        let file = try CatalogFile(in: directory, checksum: checksum)
        let milliseconds = Int(1000 * min(max(busyTimeoutSeconds, 0), 86_400))
        let deadline = ContinuousClock.now + .milliseconds(milliseconds)
        // SQLite's own wait cannot be ended: it waits a little, again and again.
        while true {
            do throws(CatalogError) {
                let connection = try file.connect(.write, busyTimeoutSeconds: min(busyTimeoutSeconds, 0.1))
                let writer = CatalogWriter(file, connection)
                // SQLite opens a file without write permission all the same; the first lock for writing tells.
                try writer.write(naming: false) { db in
                    _ = try file.checkedSchema(db)
                    try db.execute(sql: "PRAGMA busy_timeout=\(milliseconds)")
                }
                return writer
            } catch {
                guard error.code == .busy, ContinuousClock.now < deadline, !isCancelled() else { throw error }
            }
        }
    }

    private init(_ file: CatalogFile, _ connection: DatabaseQueue) {
        path = file.path
        self.file = file
        self.connection = connection
    }

    /// Whether the directory still names the file that is open.
    public var isInPlace: Bool { file.files.isInPlace }

    /// Releases the file. Later calls fail.
    public func close() throws(CatalogError) {
        try file.translating { try connection.close() }
    }

    /// Everything small, verified: generation, settings, live, dead and staged segments.
    public func contents() throws(CatalogError) -> CatalogContents {
        let contents = try read { db in
            var contents: CatalogContents?
            try db.inTransaction(.deferred) {
                contents = try file.contents(db)
                return .commit
            }
            return contents
        }
        // unreached: a transaction whose body did not throw has run it
        guard let contents else { throw file.error(.system, "SQLite ended a transaction early") }
        return contents
    }

    /// The newest generation.
    public func currentGeneration() throws(CatalogError) -> UInt64 {
        try read { try file.currentGeneration($0) }
    }

    /// Starts to stage the rows of a new segment; no reader sees them before ``publish(_:_:expecting:replacing:settings:)``.
    ///
    public func beginStaging(segmentUUID: SegmentUUID) throws(CatalogError) -> CatalogStaging {
        let key = try write { db in
            let key = try file.nextSegmentKey(try file.settingRows(db))
            try file.store([.nextSegmentKey: String(key + 1)], db)
            try db.execute(
                sql: "INSERT INTO staging(key, uuid, file_name, started_at) VALUES (?, ?, ?, ?)",
                arguments: [key, Data(segmentUUID.bytes), segmentUUID.segmentFileName, CatalogFile.now()])
            return SegmentKey(rawValue: key)
        }
        return CatalogStaging(writer: self, key: key, uuid: segmentUUID)
    }

    func read<Result>(_ body: (Database) throws -> Result) throws(CatalogError) -> Result {
        try file.translating { try connection.inDatabase(body) }
    }

    /// Runs `body` in a transaction that holds SQLite's write lock from its beginning.
    ///
    /// - Parameter isNamed: whether the transaction gets a name, see ``TransactionName``: not where nothing is changed, and not
    ///   where nothing is there yet.
    func write<Result>(
        naming isNamed: Bool = true, _ body: (Database) throws -> Result
    ) throws(CatalogError) -> Result {
        if let failure = failure.withLock({ $0 }) { throw failure }
        do throws(CatalogError) {
            return try file.translating {
                try connection.inDatabase { db in
                    var result: Result?
                    try db.inTransaction(.immediate) {
                        if isNamed { try file.nameTransaction(db) }
                        result = try body(db)
                        return .commit
                    }
                    // unreached: a transaction whose body did not throw has run it
                    guard let result else { throw file.error(.system, "SQLite ended a transaction early") }
                    return result
                }
            }
        } catch {
            noteFailure(error)
            throw error
        }
    }

    private func noteFailure(_ error: CatalogError) {
        // The low byte of an extended code is its class; 10 is SQLITE_IOERR.
        guard let code = error.sqliteCode, code & 0xFF == 10 else { return }
        failure.withLock {
            $0 = CatalogError(
                error.code, path: path, sqliteCode: code,
                "takes no more changes after an input/output error; close it, check the disk and open it again ("
                    + error.detail + ")")
        }
    }
}

extension CatalogFile {
    /// Replaces the rows of these settings.
    func store(_ rows: [SettingKey: String], _ db: Database) throws {
        let statement = try db.cachedStatement(sql: "INSERT OR REPLACE INTO setting(key, value, crc) VALUES (?, ?, ?)")
        for (key, value) in rows.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            try statement.execute(arguments: sealed([.text(key.rawValue), .text(value)]))
        }
    }

    func insertGeneration(_ number: Int64, _ db: Database) throws {
        try db.execute(
            sql: "INSERT INTO generation(number, created_at, crc) VALUES (?, ?, ?)",
            arguments: sealed([.integer(number), .text(Self.now())]))
    }

    /// ISO 8601, UTC, to the second.
    static func now() -> String { Date.now.formatted(.iso8601) }
}
