import Catalog
import FileSystem
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
            throw DatabaseError(.locked, file: path, "the new directory is locked already")
        }
        let uuid = SegmentUUID.random()
        self.path = path
        self.directory = directory
        self.lock = lock
        databaseUUID = uuid
        baseGeneration = 0
        catalog = try CatalogWriter.create(
            in: directory, databaseUUID: uuid, settings: settings, checksum: catalogChecksum)
    }

    /// Waits for the lock of an existing database, and removes what crashes and ended generations left in it.
    ///
    /// The path may come to lead to another directory while this one waits, and another file to lie under a name in it:
    /// then nothing is changed, neither here nor there.
    ///
    /// - Parameter purpose: what other writers are told while they wait: `build`, `tune`.
    init(
        opening path: String, in directory: Directory, purpose: String, timeoutSeconds: Double,
        allowsNetworkFileSystem: Bool, isCancelled: () -> Bool
    ) throws {
        try refuseNetworkFileSystem(directory, path: path, unless: allowsNetworkFileSystem)
        guard let entry = try directory.status(of: catalogFileName) else { throw notADatabase(path) }
        // What is made here is for whom the catalog is.
        let directory = directory.makingFiles(like: entry)
        try Self.checkLock(in: directory, of: path)
        guard
            let lock = try WriterLock.acquire(
                in: directory, timeoutSeconds: timeoutSeconds, holder: Self.holder(purpose), isCancelled: isCancelled)
        else {
            if isCancelled() { throw DatabaseError.interrupted }
            let other = WriterLock.holder(in: directory) ?? "which one cannot be known"
            throw DatabaseError(
                .locked, file: path, "another process holds the lock (\(other)); try again when it is done"
            ).with(found: other)
        }
        self.path = path
        self.directory = directory
        self.lock = lock
        if let obstacle = Self.obstacle(directory, lock) { throw DatabaseError(.locked, file: path, obstacle) }
        do throws(CatalogError) {
            catalog = try CatalogWriter.open(in: directory, checksum: catalogChecksum, isCancelled: isCancelled)
        } catch {
            if error.code == .busy, isCancelled() { throw DatabaseError.interrupted }
            throw error.code == .notFound ? notADatabase(path) : DatabaseError(error)
        }
        let contents = try catalog.contents()
        databaseUUID = contents.databaseUUID
        baseGeneration = contents.generation
        if let obstacle { throw DatabaseError(.locked, file: path, obstacle) }
        try removeOrphans()
        try removeGarbage()
    }

    /// Runs the catalog's transaction that makes the next generation, which must ask right before its COMMIT whether anything
    /// is in its way.
    func commit(
        _ transaction: (CatalogWriter, _ obstacle: () -> String?) throws(CatalogError) -> UInt64
    ) throws(CatalogError) -> UInt64 {
        lock.markCatalog(changing: true)
        defer { lock.markCatalog(changing: false) }
        return try transaction(catalog) { obstacle }
    }

    /// Why nothing may be changed: the path leads elsewhere by now, or the lock or the catalog is another file.
    private var obstacle: String? {
        if let obstacle = Self.obstacle(directory, lock) { return obstacle }
        return catalog.isInPlace ? nil : Self.moved("its \(catalogFileName)")
    }

    private static func obstacle(_ directory: Directory, _ lock: WriterLock) -> String? {
        if !directory.isStillThere { return moved("it") }
        return lock.isStill(in: directory) ? nil : moved("its lock")
    }

    private static func moved(_ what: String) -> String {
        "\(what) was moved or replaced since this writer opened it; nothing was changed, start again"
    }

    /// Refuses what others would lose bytes by, or wait for.
    private static func checkLock(in directory: Directory, of path: String) throws {
        guard let found = try directory.status(of: WriterLock.fileName), !found.isRegular || found.nameCount > 1 else {
            return
        }
        throw DatabaseError(
            .corrupt, file: "\(path)/\(WriterLock.fileName)",
            "is no regular file of its own but a directory, symbolic link, hard link, pipe or device; remove it"
        )
    }

    /// Syncs the lock file: a new database is complete only with it.
    func synchronizeLock() throws { try lock.synchronize() }

    /// Removes what a crash left: staged rows, and segment files that no row names. Files that may be another database's stay:
    /// a directory may have been given another catalog, and anybody may have copied a segment into it.
    private func removeOrphans() throws {
        let contents = try catalog.contents()
        for staged in contents.stagedSegments {
            // A file that was never finished has no header yet: then the row alone says whose it is, and goes last.
            if try isRegular(staged.fileName),
                SegmentHeader(of: staged.uuid, in: directory).map({ $0.databaseUUID == databaseUUID }) ?? true
            {
                try directory.remove(staged.fileName)
                try directory.synchronize()
            }
            try catalog.discardStaging(staged.key)
        }
        let named = Set((contents.segments + contents.deadSegments).map(\.uuid))
        for name in try directory.names() where try isRegular(name) {
            if let uuid = SegmentUUID(segmentFileName: name) {
                guard !named.contains(uuid), let header = SegmentHeader(of: uuid, in: directory),
                    header.databaseUUID == databaseUUID
                else { continue }
                try directory.remove(name)
            } else if ScratchFile.isName(name) {
                try directory.remove(name)
            }
        }
    }

    private func isRegular(_ name: String) throws -> Bool { try directory.status(of: name)?.isRegular == true }

    /// Removes dead segments that no reader pins any more.
    func removeGarbage() throws {
        for segment in try catalog.contents().deadSegments {
            // Without a file there is only its row to remove, as after a crash between the two.
            if let found = try directory.status(of: segment.fileName), !found.isDirectory {
                // A link, pipe or device that somebody put there pins nothing.
                let file = found.isRegular ? try directory.open(segment.fileName) : nil
                if let file, try !file.tryLock(exclusive: true) { continue }
                try directory.remove(segment.fileName)
                // Until then nobody may pin it.
                withExtendedLifetime(file) {}
            }
            try catalog.removeGarbage([segment.key])
        }
    }

    private static func holder(_ purpose: String) -> String {
        let process = ProcessInfo.processInfo
        return "pid \(process.processIdentifier) on \(process.hostName) since \(Date.now.ISO8601Format()), \(purpose)"
    }
}
