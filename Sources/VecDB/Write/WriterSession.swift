import Catalog
import Foundation
import SegmentFile

/// The right to change a database: its writer lock is held as long as the session lives.
final class WriterSession {
    let path: String
    let directory: Directory
    let catalog: CatalogWriter
    let databaseUUID: SegmentUUID
    /// The generation that the session found, 0 in a new database.
    let baseGeneration: UInt64

    private let lock: WriterLock

    /// A session for a database that is just being made: `directory` is empty.
    init(creating path: String, in directory: Directory, settings: CatalogSettings, purpose: String) throws {
        guard
            let lock = try WriterLock.acquire(
                in: directory, timeoutSeconds: 0, holder: Self.holder(purpose))
        else {
            throw DatabaseError(.locked, "\(path): the new directory is locked already")
        }
        let uuid = SegmentUUID.random()
        self.path = path
        self.directory = directory
        self.lock = lock
        databaseUUID = uuid
        baseGeneration = 0
        catalog = try CatalogWriter.create(
            directory.pathOf(catalogFileName), databaseUUID: uuid.bytes, settings: settings, checksum: catalogChecksum)
    }

    /// Waits for the lock of an existing database, and removes what crashes and ended generations left in it.
    ///
    /// - Parameter purpose: what other writers are told while they wait: `build`, `tune`.
    init(
        opening path: String, in directory: Directory, purpose: String, timeoutSeconds: Double,
        allowsNetworkFileSystem: Bool, isCancelled: () -> Bool
    ) throws {
        try refuseNetworkFileSystem(directory, path: path, unless: allowsNetworkFileSystem)
        guard
            let lock = try WriterLock.acquire(
                in: directory, timeoutSeconds: timeoutSeconds, holder: Self.holder(purpose), isCancelled: isCancelled)
        else {
            if isCancelled() { throw DatabaseError.interrupted }
            let other = WriterLock.holder(in: directory).map { " (\($0))" } ?? ""
            throw DatabaseError(.locked, "\(path): another writer holds the lock\(other); try again when it is done")
        }
        self.path = path
        self.directory = directory
        self.lock = lock
        catalog = try CatalogWriter.open(try catalogPath(in: directory, of: path), checksum: catalogChecksum)
        let contents = try catalog.contents()
        guard let uuid = SegmentUUID(bytes: contents.databaseUUID) else {
            throw DatabaseError(.corrupt, "\(path): the catalog has no database uuid")
        }
        databaseUUID = uuid
        baseGeneration = contents.generation
        try removeOrphans()
        try removeGarbage()
    }

    /// Runs the catalog's transaction that makes the next generation.
    func commit(_ transaction: (CatalogWriter) throws(CatalogError) -> UInt64) throws(CatalogError) -> UInt64 {
        lock.markCatalog(changing: true)
        defer { lock.markCatalog(changing: false) }
        return try transaction(catalog)
    }

    /// Syncs the lock file: a new database is complete only with it.
    func synchronizeLock() throws { try lock.synchronize() }

    /// Removes what a crash left: staged rows, and segment files that no row names.
    private func removeOrphans() throws {
        let contents = try catalog.contents()
        for staged in contents.stagedSegments { try catalog.discardStaging(staged.key) }
        let named = Set((contents.segments + contents.deadSegments).map(\.uuid))
        for name in try directory.names() {
            if let uuid = SegmentUUID(segmentFileName: name), !named.contains(uuid.bytes) { try directory.remove(name) }
            if name.hasPrefix(".scratch-") { try directory.remove(name) }
        }
    }

    /// Removes dead segments that no reader pins any more.
    func removeGarbage() throws {
        for segment in try catalog.contents().deadSegments {
            // Without a file there is only its row to remove, as after a crash between the two.
            if try directory.status(of: segment.fileName) != nil {
                let file = try directory.open(segment.fileName)
                guard try file.tryLock(exclusive: true) else { continue }
                try directory.remove(segment.fileName)
            }
            try catalog.removeGarbage([segment.key])
        }
    }

    private static func holder(_ purpose: String) -> String {
        let process = ProcessInfo.processInfo
        return "pid \(process.processIdentifier) on \(process.hostName) since \(Date.now.ISO8601Format()), \(purpose)"
    }
}
