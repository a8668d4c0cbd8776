import Catalog
import Foundation
import SegmentFile

/// Where a build goes, and the commit protocol of `Formats/database.md`: a sibling directory that is renamed when it is
/// complete, or a new generation of an existing database.
final class BuildTarget {
    let session: WriterSession

    /// The parent, and the sibling's name, while a new database is made.
    private let creation: (parent: Directory, temporaryName: String, finalName: String)?
    private var isDone = false

    /// Where the segment is written.
    var directory: Directory { session.directory }

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
        guard existing == nil else {
            let target = try openExisting(
                path, timeoutSeconds: lockTimeoutSeconds, allowsNetworkFileSystem: allowsNetworkFileSystem,
                isCancelled: isCancelled)
            // The build that made the database may have met them, and been unable to remove them.
            try? removeAbandonedSiblings(of: name, in: parent)
            return target
        }
        try refuseNetworkFileSystem(parent, path: path, unless: allowsNetworkFileSystem)
        return try create(path, settings: settings, parent: parent, name: name)
    }

    private init(
        _ session: WriterSession, creation: (parent: Directory, temporaryName: String, finalName: String)? = nil
    ) {
        self.session = session
        self.creation = creation
    }

    deinit { abandon() }

    // MARK: creating

    private static func create(
        _ path: String, settings: CatalogSettings, parent: Directory, name: String
    ) throws -> BuildTarget {
        try removeAbandonedSiblings(of: name, in: parent)
        let suffix = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        let temporary = siblingPrefix(name) + String(repeating: "0", count: 16 - suffix.count) + suffix
        try Directory.create(parent.pathOf(temporary))
        do {
            let session = try WriterSession(
                creating: path, in: try Directory(opening: parent.pathOf(temporary)), settings: settings,
                purpose: "build")
            return BuildTarget(session, creation: (parent, temporary, name))
        } catch {
            removeTree(parent, temporary)
            throw error
        }
    }

    /// Removes what earlier builds of this target left when they were killed: their locks are free.
    private static func removeAbandonedSiblings(of name: String, in parent: Directory) throws {
        for sibling in try parent.names() where sibling.hasPrefix(siblingPrefix(name)) {
            guard let directory = try? Directory(opening: parent.pathOf(sibling)),
                (try? WriterLock.isFree(in: directory)) == true
            else { continue }
            removeTree(parent, sibling)
        }
    }

    private static func siblingPrefix(_ name: String) -> String { ".\(name).building-" }

    /// Removes a directory of ours and the files in it, as far as that is possible.
    private static func removeTree(_ parent: Directory, _ name: String) {
        if let directory = try? Directory(opening: parent.pathOf(name)), let names = try? directory.names() {
            for name in names { try? directory.remove(name) }
        }
        try? parent.removeDirectory(name)
    }

    // MARK: opening

    private static func openExisting(
        _ path: String, timeoutSeconds: Double, allowsNetworkFileSystem: Bool, isCancelled: () -> Bool
    ) throws -> BuildTarget {
        let directory = try openDatabaseDirectory(path)
        guard try directory.status(of: catalogFileName)?.isRegular == true else {
            throw DatabaseError(.alreadyExists, "\(path): is no vecdb database, so it is not overwritten")
        }
        return BuildTarget(
            try WriterSession(
                opening: path, in: directory, purpose: "build", timeoutSeconds: timeoutSeconds,
                allowsNetworkFileSystem: allowsNetworkFileSystem, isCancelled: isCancelled))
    }

    // MARK: committing

    /// Makes the segment the database's content, durably.
    ///
    /// - Returns: the new generation.
    func commit(_ staging: CatalogStaging, _ record: SegmentRecord, settings: CatalogSettings) throws -> UInt64 {
        let generation: UInt64
        do throws(CatalogError) {
            generation = try session.commit { catalog throws(CatalogError) in
                try catalog.publish(
                    staging, record, expecting: session.baseGeneration, replacing: .all, settings: settings)
            }
        } catch {
            // Nothing is removed any more when either generation may be found after a loss of power. What has not got
            // its name yet is of no use to anybody.
            isDone = error.code == .commitUncertain && creation == nil
            throw error
        }
        isDone = creation == nil
        guard let creation else {
            // The new generation stands; garbage that cannot be removed now is removed by the next writer.
            try? session.removeGarbage()
            return generation
        }
        try session.catalog.close()
        try session.synchronizeLock()
        try directory.synchronize()
        do throws(SystemError) {
            try creation.parent.rename(creation.temporaryName, toFreeName: creation.finalName)
        } catch {
            throw error.alreadyExists
                ? DatabaseError(.alreadyExists, "\(session.path): was made by somebody else in the meantime")
                : DatabaseError(error)
        }
        isDone = true
        do throws(SystemError) { try creation.parent.synchronize() } catch {
            throw DatabaseError(
                .system,
                "\(session.path): was built and is complete, but a loss of power may undo it; check the disk (\(error))"
            )
        }
        return generation
    }

    /// Undoes what has not been committed.
    func abandon(_ staging: CatalogStaging? = nil) {
        guard !isDone else { return }
        if let creation {
            isDone = true
            try? session.catalog.close()
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
}
