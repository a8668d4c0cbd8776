import Catalog
import Foundation
import SegmentFile

/// Where a build goes, and the commit protocol of `Formats/database.md`: a sibling directory that is renamed when it is
/// complete, or a new generation of an existing database.
final class BuildTarget {
    let path: String
    /// Where the segment is written.
    let directory: Directory
    let catalog: CatalogWriter
    let databaseUUID: SegmentUUID
    /// The generation that the build replaces, 0 for a new database.
    let baseGeneration: UInt64

    private let lock: WriterLock
    /// The parent, and the sibling's name, while a new database is made.
    private let creation: (parent: Directory, temporaryName: String, finalName: String)?
    private var isDone = false

    /// Opens or makes the place; nothing of an existing database changes yet.
    static func open(
        _ path: String, settings: CatalogSettings, overwrite: Bool, lockTimeoutSeconds: Double,
        allowsNetworkFileSystem: Bool, isCancelled: () -> Bool
    ) throws -> BuildTarget {
        let (parentPath, name) = try split(path)
        let parent: Directory
        do throws(SystemError) { parent = try Directory(opening: parentPath) } catch {
            throw error.isNotFound
                ? DatabaseError(.notFound, "\(path): there is no directory '\(parentPath)' to build in")
                : DatabaseError(error)
        }
        let existing = try parent.status(of: name)
        if let existing {
            guard overwrite else {
                throw DatabaseError(.alreadyExists, "\(path): exists already; use --overwrite to replace a database")
            }
            // A link may lead to a database; what it leads to is opened below.
            guard existing.isDirectory || FileManager.default.fileExists(atPath: path + "/" + catalogFileName) else {
                throw DatabaseError(.alreadyExists, "\(path): is no vecdb database, so it is not overwritten")
            }
        }
        if let system = parent.networkFileSystem, !allowsNetworkFileSystem {
            throw DatabaseError(
                .system,
                "\(path): lies on a network file system (\(system)), whose locks and syncs cannot be trusted; build elsewhere"
            )
        }
        let holder = Self.holder()
        return existing == nil
            ? try create(path, settings: settings, parent: parent, name: name, holder: holder)
            : try openExisting(path, holder: holder, timeoutSeconds: lockTimeoutSeconds, isCancelled: isCancelled)
    }

    private init(
        path: String, directory: Directory, catalog: CatalogWriter, databaseUUID: SegmentUUID, baseGeneration: UInt64,
        lock: WriterLock, creation: (Directory, String, String)?
    ) {
        self.path = path
        self.directory = directory
        self.catalog = catalog
        self.databaseUUID = databaseUUID
        self.baseGeneration = baseGeneration
        self.lock = lock
        self.creation = creation
    }

    deinit { abandon() }

    // MARK: creating

    private static func create(
        _ path: String, settings: CatalogSettings, parent: Directory, name: String, holder: String
    ) throws -> BuildTarget {
        let prefix = ".\(name).building-"
        try removeAbandonedSiblings(in: parent, prefix: prefix)
        let suffix = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        let temporary = prefix + String(repeating: "0", count: 16 - suffix.count) + suffix
        try Directory.create(parent.pathOf(temporary))
        do {
            let directory = try Directory(opening: parent.pathOf(temporary))
            guard let lock = try WriterLock.acquire(in: directory, timeoutSeconds: 0, holder: holder) else {
                throw DatabaseError(.locked, "\(path): the new directory is locked already")
            }
            let uuid = SegmentUUID.random()
            let catalog = try CatalogWriter.create(
                directory.pathOf(catalogFileName), databaseUUID: uuid.bytes, settings: settings,
                checksum: catalogChecksum)
            return BuildTarget(
                path: path, directory: directory, catalog: catalog, databaseUUID: uuid, baseGeneration: 0, lock: lock,
                creation: (parent, temporary, name))
        } catch {
            removeTree(parent, temporary)
            throw error
        }
    }

    /// Removes what earlier builds of this target left when they were killed: their locks are free.
    private static func removeAbandonedSiblings(in parent: Directory, prefix: String) throws {
        for name in try parent.names() where name.hasPrefix(prefix) {
            guard let directory = try? Directory(opening: parent.pathOf(name)),
                (try? WriterLock.isFree(in: directory)) == true
            else { continue }
            removeTree(parent, name)
        }
    }

    /// Removes a directory of ours and the files in it, as far as that is possible.
    private static func removeTree(_ parent: Directory, _ name: String) {
        if let directory = try? Directory(opening: parent.pathOf(name)), let names = try? directory.names() {
            for name in names { try? directory.remove(name) }
        }
        try? parent.removeDirectory(name)
    }

    // MARK: opening

    private static func openExisting(
        _ path: String, holder: String, timeoutSeconds: Double, isCancelled: () -> Bool
    ) throws -> BuildTarget {
        let directory = try openDatabaseDirectory(path)
        guard try directory.status(of: catalogFileName)?.isRegular == true else {
            throw DatabaseError(.alreadyExists, "\(path): is no vecdb database, so it is not overwritten")
        }
        guard
            let lock = try WriterLock.acquire(
                in: directory, timeoutSeconds: timeoutSeconds, holder: holder, isCancelled: isCancelled)
        else {
            if isCancelled() { throw DatabaseError.interrupted }
            let other = WriterLock.holder(in: directory).map { " (\($0))" } ?? ""
            throw DatabaseError(.locked, "\(path): another writer holds the lock\(other); try again when it is done")
        }
        let catalog = try CatalogWriter.open(directory.pathOf(catalogFileName), checksum: catalogChecksum)
        let contents = try catalog.contents()
        guard let uuid = SegmentUUID(bytes: contents.databaseUUID) else {
            throw DatabaseError(.corrupt, "\(path): the catalog has no database uuid")
        }
        let target = BuildTarget(
            path: path, directory: directory, catalog: catalog, databaseUUID: uuid,
            baseGeneration: contents.generation, lock: lock, creation: nil)
        try target.removeOrphans()
        try target.removeGarbage()
        return target
    }

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
    private func removeGarbage() throws {
        for segment in try catalog.contents().deadSegments {
            if let file = try existingFile(segment.fileName) {
                guard try file.tryLock(exclusive: true) else { continue }
                try directory.remove(segment.fileName)
            }
            try catalog.removeGarbage([segment.key])
        }
    }

    /// `nil` only when there is no such file: one that cannot be opened may be pinned.
    private func existingFile(_ name: String) throws -> File? {
        do throws(SystemError) { return try directory.open(name) } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    // MARK: committing

    /// Makes the segment the database's content, durably.
    ///
    /// - Returns: the new generation.
    func commit(_ staging: CatalogStaging, _ record: SegmentRecord, settings: CatalogSettings) throws -> UInt64 {
        let generation: UInt64
        lock.markCatalog(changing: true)
        do throws(CatalogError) {
            generation = try catalog.publish(
                staging, record, expecting: baseGeneration, replacing: .all, settings: settings)
        } catch {
            lock.markCatalog(changing: false)
            // Nothing is removed any more when either generation may be found after a loss of power. What has not got
            // its name yet is of no use to anybody.
            isDone = error.code == .commitUncertain && creation == nil
            throw error
        }
        lock.markCatalog(changing: false)
        isDone = creation == nil
        guard let creation else {
            // The new generation stands; garbage that cannot be removed now is removed by the next writer.
            try? removeGarbage()
            return generation
        }
        try catalog.close()
        try lock.synchronize()
        try directory.synchronize()
        do throws(SystemError) {
            try creation.parent.rename(creation.temporaryName, toFreeName: creation.finalName)
        } catch {
            throw error.alreadyExists
                ? DatabaseError(.alreadyExists, "\(path): was made by somebody else in the meantime")
                : DatabaseError(error)
        }
        isDone = true
        do throws(SystemError) { try creation.parent.synchronize() } catch {
            throw DatabaseError(
                .system, "\(path): was built and is complete, but a loss of power may undo it; check the disk (\(error))")
        }
        return generation
    }

    /// Undoes what has not been committed.
    func abandon(_ staging: CatalogStaging? = nil) {
        guard !isDone else { return }
        if let creation {
            isDone = true
            try? catalog.close()
            Self.removeTree(creation.parent, creation.temporaryName)
        } else if let staging {
            isDone = true
            try? directory.remove(staging.fileName)
            try? staging.discard()
        }
    }

    // MARK: helpers

    private static func split(_ path: String) throws -> (parent: String, name: String) {
        var trimmed = Substring(path)
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        guard !trimmed.isEmpty, trimmed != "/" else {
            throw DatabaseError(.invalidArgument, "'\(path)' cannot name a database")
        }
        guard let slash = trimmed.lastIndex(of: "/") else { return (".", try checkedName(String(trimmed))) }
        let parent = slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
        return (parent, try checkedName(String(trimmed[trimmed.index(after: slash)...])))
    }

    private static func checkedName(_ name: String) throws -> String {
        guard name != ".", name != "..", !name.utf8.contains(0), name.utf8.count <= 200 else {
            throw DatabaseError(.invalidArgument, "'\(name)' cannot be the name of a database")
        }
        return name
    }

    private static func timestamp() -> String { Date.now.ISO8601Format() }

    private static func holder() -> String {
        let process = ProcessInfo.processInfo
        return "pid \(process.processIdentifier) on \(process.hostName) since \(timestamp()), build"
    }
}
