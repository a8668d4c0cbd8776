import FileSystem
import Foundation
import GRDB
import GRDBSQLite
import Synchronization

extension CatalogFile {
    /// How a connection may use the file.
    enum Access {
        case create
        case write
        case read
    }

    /// Opens one connection.
    ///
    /// - Throws: `notFound`, `notADatabase`, `recoveryPending`, `busy`, `system`.
    func connect(_ access: Access, busyTimeoutSeconds: Double) throws(CatalogError) -> DatabaseQueue {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(min(max(busyTimeoutSeconds, 0), 86_400))
        configuration.readonly = access == .read
        // The connection keeps its way to the files, and with it the directory, until it has closed them.
        configuration.prepareDatabase { [self, files] db in
            _ = files
            try refuseWriteAheadLog(db)
            try loadSchema(db)
            try db.execute(sql: "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=OFF")
            guard access == .create || access == .write else { return }
            if access == .create { try db.execute(sql: "PRAGMA page_size=4096; PRAGMA auto_vacuum=NONE") }
            // A cache of 32 MiB holds a staging transaction: spilling it would lock readers out until its end.
            try db.execute(
                sql: "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA; PRAGMA fullfsync=ON; "
                    + "PRAGMA secure_delete=FAST; PRAGMA cache_size=-32768")
        }
        try checkEntries(access)
        let mode =
            switch access {
            case .create: "rwc"
            case .write: "rw"
            case .read: "ro"
            }
        return try translating { try DatabaseQueue(path: files.uri(mode: mode), configuration: configuration) }
    }

    /// Looks at what SQLite would open, before it does.
    private func checkEntries(_ access: Access) throws(CatalogError) {
        let directory = files.directory
        let found: File.Status?, journal: File.Status?, log: File.Status?
        do throws(SystemError) {
            found = try directory.status(of: Self.name)
            journal = try directory.status(of: Self.name + Self.journalSuffix)
            // SQLite would read on in any write-ahead log that lies there, whatever the file says of itself.
            log = try directory.status(of: Self.name + Self.logSuffix)
        } catch { throw CatalogError(error, path: path) }
        guard log == nil else { throw Self.writeAheadLog(path) }
        guard access != .create else {
            if found != nil { throw error(.alreadyExists, "exists already; open it, or choose another path") }
            return
        }
        guard let found else { throw error(.notFound, "does not exist; name the directory of a database") }
        if found.isDirectory { throw error(.notADatabase, "is a directory, where a file was expected") }
        guard found.isRegular else { throw Self.irregular(path, found) }
        if let journal {
            guard journal.isRegular else { throw Self.irregular(path + Self.journalSuffix, journal) }
            // SQLite would take the catalog for a new one, and do away with the journal.
            if found.byteCount == 0, journal.byteCount > 0 {
                throw damaged("is empty, and a rollback journal lies beside it")
            }
        }
    }

    /// Lets SQLite roll a hot journal back, which needs a connection that may write.
    func recover(busyTimeoutSeconds: Double) throws(CatalogError) {
        let connection = try connect(.write, busyTimeoutSeconds: busyTimeoutSeconds)
        // Any read rolls back first; opening has done one.
        try translating { try connection.close() }
    }
}

/// A few read-only connections, opened as they are needed, so that several threads can read at once.
final class ConnectionPool: Sendable {
    let file: CatalogFile
    private let access: CatalogFile.Access
    private let recovers: Bool
    private let busyTimeoutSeconds: Double
    private let slots: Mutex<[Slot]>
    /// `nil` until ``noteDatabase()``.
    private let identity = Mutex<Identity?>(nil)

    private struct Slot {
        var connection: DatabaseQueue?
        var users = 0
        /// What the file was like when the connection was last seen to be of the same database.
        var checked: File.Status?
    }

    /// What must never change under those who read.
    private struct Identity {
        /// As it is stored.
        var databaseUUID: String?
        /// The newest that was seen.
        var generation: UInt64 = 0
    }

    /// Opens the first connection.
    ///
    /// - Parameter recovers: whether a connection that may write is opened when a hot journal has to be rolled back.
    init(
        _ file: CatalogFile, access: CatalogFile.Access, recovers: Bool, busyTimeoutSeconds: Double, connections: Int
    ) throws(CatalogError) {
        self.file = file
        self.access = access
        self.recovers = recovers
        self.busyTimeoutSeconds = busyTimeoutSeconds
        let first: DatabaseQueue
        do throws(CatalogError) {
            first = try file.connect(access, busyTimeoutSeconds: busyTimeoutSeconds)
        } catch {
            guard recovers, error.code == .recoveryPending else { throw error }
            try file.recover(busyTimeoutSeconds: busyTimeoutSeconds)
            first = try file.connect(access, busyTimeoutSeconds: busyTimeoutSeconds)
        }
        var slots = [Slot](repeating: Slot(), count: max(1, connections))
        slots[0].connection = first
        self.slots = Mutex(slots)
    }

    /// Runs `body` on a connection. It must not read from the pool again.
    func read<Result>(_ body: (Database) throws -> Result) throws(CatalogError) -> Result {
        do throws(CatalogError) {
            return try readOnce(body)
        } catch {
            // A writer may crash while we are open; its journal is ours to roll back.
            guard recovers, error.code == .recoveryPending else { throw error }
            try file.recover(busyTimeoutSeconds: busyTimeoutSeconds)
            return try readOnce(body)
        }
    }

    private func readOnce<Result>(_ body: (Database) throws -> Result) throws(CatalogError) -> Result {
        let (index, opened) = acquire()
        defer { release(index) }
        let connection: DatabaseQueue
        if let opened {
            connection = opened
        } else {
            let new = try file.connect(access, busyTimeoutSeconds: busyTimeoutSeconds)
            slots.withLock { $0[index].connection = new }
            connection = new
        }
        return try file.translating {
            try connection.inDatabase { db in
                try checkIsSameDatabase(db, index)
                let result = Swift.Result { try body(db) }
                // What was read of another database fails in many ways; that it is another one is what must be said.
                try checkIsSameDatabase(db, index)
                return try result.get()
            }
        }
    }

    /// A copy of another database, or an older one of this, may have been put into the file, which stays the same by that. To be
    /// called before anything is read, so that no old page is in the connection's cache, and again before it is believed.
    ///
    /// - Complexity: one look at the file; where it was written to since, two short SELECTs.
    private func checkIsSameDatabase(_ db: Database, _ index: Int) throws {
        guard let known = identity.withLock({ $0 }) else { return }
        let checked = slots.withLock { $0[index].checked }
        // One that was renamed away is read on as it is.
        guard let status = try? file.files.directory.status(of: CatalogFile.name),
            checked.map({ $0.isSameFile(as: status) && $0 != status }) ?? true
        else { return }
        // SQLite goes by a few bytes of the first page, which may be the same.
        unsafe sqlite3_db_release_memory(db.sqliteConnection)
        // With their checksums: damage is no other database.
        let databaseUUID = try file.settingRows(db)[SettingKey.databaseUUID.rawValue]
        guard databaseUUID == nil || databaseUUID == known.databaseUUID else { throw CatalogFile.replaced(file.path) }
        let generation = try file.currentGeneration(db)
        let isOlder = identity.withLock { identity in
            let newest = identity?.generation ?? 0
            identity?.generation = max(newest, generation)
            return generation < known.generation
        }
        guard !isOlder else { throw CatalogFile.replaced(file.path) }
        slots.withLock { $0[index].checked = status }
    }

    /// Keeps in mind which database the first connection is of.
    func noteDatabase() throws(CatalogError) {
        let found = try read { db in
            Identity(databaseUUID: try file.databaseUUID(db), generation: try file.currentGeneration(db))
        }
        identity.withLock { $0 = found }
    }

    /// A connection that nobody uses; else a slot without one; else the connection with the fewest users.
    private func acquire() -> (index: Int, connection: DatabaseQueue?) {
        slots.withLock { slots in
            var chosen = 0
            if let idle = slots.firstIndex(where: { $0.connection != nil && $0.users == 0 }) {
                chosen = idle
            } else if let empty = slots.firstIndex(where: { $0.connection == nil && $0.users == 0 }) {
                chosen = empty
            } else {
                // The first slot has always had a connection.
                for (index, slot) in slots.enumerated()
                where slot.connection != nil && slot.users < slots[chosen].users {
                    chosen = index
                }
            }
            slots[chosen].users += 1
            return (chosen, slots[chosen].connection)
        }
    }

    private func release(_ index: Int) {
        slots.withLock { $0[index].users -= 1 }
    }
}
