import Catalog
import Foundation
import SegmentFile

/// Where a build goes, and the commit protocol of `Formats/database.md`: a sibling directory that is renamed when it is
/// complete, or a new generation of an existing database.
final class BuildTarget {
    let session: WriterSession

    /// Where a new database is made, and what it will be called.
    private let creation: (sibling: BuildingSibling, finalName: String)?
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
            if let broken = brokenLink(path) { throw broken }
            guard overwrite else { throw existsAlready(path) }
            // A link may lead to a database; what it leads to is opened below.
            guard existing.isDirectory || FileManager.default.fileExists(atPath: path + "/" + catalogFileName) else {
                throw DatabaseError(.alreadyExists, "\(path): is no vecdb database, so it is not overwritten")
            }
        }
        guard existing == nil else {
            let target = try openExisting(
                path, timeoutSeconds: lockTimeoutSeconds, allowsNetworkFileSystem: allowsNetworkFileSystem,
                isCancelled: isCancelled)
            // The build that made the database may have met some, and been unable to remove them.
            if allowsNetworkFileSystem || parent.networkFileSystem == nil {
                try? BuildingSibling.removeAbandoned(of: name, in: parent)
            }
            return target
        }
        try refuseNetworkFileSystem(parent, path: path, unless: allowsNetworkFileSystem)
        return try create(path, settings: settings, parent: parent, name: name)
    }

    private init(
        _ session: WriterSession, creation: (sibling: BuildingSibling, finalName: String)? = nil
    ) {
        self.session = session
        self.creation = creation
    }

    deinit { abandon() }

    // MARK: creating

    private static func create(
        _ path: String, settings: CatalogSettings, parent: Directory, name: String
    ) throws -> BuildTarget {
        try BuildingSibling.removeAbandoned(of: name, in: parent)
        let sibling = try BuildingSibling(makingOneFor: name, in: parent)
        do {
            let session = try WriterSession(
                creating: path, in: try sibling.open(), settings: settings, purpose: "build")
            return BuildTarget(session, creation: (sibling, name))
        } catch {
            sibling.remove()
            throw error
        }
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
            try creation.sibling.parent.rename(creation.sibling.name, toFreeName: creation.finalName)
        } catch {
            throw error.alreadyExists
                ? DatabaseError(.alreadyExists, "\(session.path): was made by somebody else in the meantime")
                : DatabaseError(error)
        }
        isDone = true
        do throws(SystemError) { try creation.sibling.parent.synchronize() } catch {
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
            creation.sibling.remove()
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

func existsAlready(_ path: String) -> DatabaseError {
    DatabaseError(
        .alreadyExists, remedy: .overwrite, "\(path): exists already; choose another path, or have it overwritten")
}
