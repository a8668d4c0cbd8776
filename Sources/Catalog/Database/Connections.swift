import Foundation
import GRDB
import Synchronization

extension CatalogFile {
    /// How a connection may use the file.
    enum Access {
        case create
        case write
        case read
        /// Read-only media without a journal: SQLite takes no locks and looks for no journal.
        case immutable
    }

    /// Opens one connection.
    ///
    /// - Throws: `notFound`, `notADatabase`, `recoveryPending`, `busy`, `system`.
    func connect(_ access: Access, busyTimeoutSeconds: Double) throws(CatalogError) -> DatabaseQueue {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(min(max(busyTimeoutSeconds, 0), 86_400))
        configuration.readonly = access == .read || access == .immutable
        configuration.prepareDatabase { [self] db in
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
        // SQLite would create a missing file, and take a path that begins with "file:" for a URI.
        if access != .create { try checkExists() }
        var name = path.hasPrefix("file:") ? "./" + path : path
        if access == .immutable {
            let journal = try? FileManager.default.attributesOfItem(atPath: path + "-journal")
            if let size = journal?[.size] as? UInt64, size > 0 {
                throw error(
                    .recoveryPending,
                    "has a rollback journal beside it, without which it must not be read; recover it on a medium that "
                        + "can be written")
            }
            name = "file:" + Self.percentEncoded(path) + "?mode=ro&immutable=1"
        }
        return try translating { try DatabaseQueue(path: name, configuration: configuration) }
    }

    private func checkExists() throws(CatalogError) {
        var isDirectory: ObjCBool = false
        guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw error(.notFound, "does not exist; name a directory that 'vecdb build' made")
        }
        if isDirectory.boolValue { throw error(.notADatabase, "is a directory, where a file was expected") }
    }

    private static func percentEncoded(_ path: String) -> String {
        var text = ""
        for byte in path.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2F, 0x2E, 0x5F, 0x2D, 0x7E:
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += "%" + hexadecimal([byte])
            }
        }
        return text
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
            slots.withLock { $0[index].connection = new }
            connection = new
        }
        return try file.translating { try connection.inDatabase(body) }
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
