import FileSystem
import Foundation
import GRDB
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
        guard let found else { throw error(.notFound, "does not exist; name a directory that 'vecdb build' made") }
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
    /// The database that the first connection was of.
    private let databaseUUID = Mutex<String?>(nil)

    private struct Slot {
        var connection: DatabaseQueue?
        var users = 0
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
            try checkIsSameDatabase(new)
            slots.withLock { $0[index].connection = new }
            connection = new
        }
        return try file.translating { try connection.inDatabase(body) }
    }

    /// A copy may have been restored over the file, which stays the same one by that.
    private func checkIsSameDatabase(_ connection: DatabaseQueue) throws(CatalogError) {
        guard let expected = databaseUUID.withLock({ $0 }) else { return }
        let found = try file.translating { try connection.inDatabase { try file.databaseUUID($0) } }
        guard found == expected else { throw CatalogFile.replaced(file.path) }
    }

    /// Keeps in mind which database the first connection is of.
    func noteDatabase() throws(CatalogError) {
        let found = try read { try file.databaseUUID($0) }
        databaseUUID.withLock { $0 = found }
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
