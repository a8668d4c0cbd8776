import Catalog
import FileSystem
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

    /// Opens or makes the database; nothing of an existing one changes yet.
    static func open(
        _ place: BuildPlace, settings: CatalogSettings, overwrite: Bool, lockTimeoutSeconds: Double,
        allowsNetworkFileSystem: Bool, isCancelled: () -> Bool
    ) throws -> BuildTarget {
        let (path, parent) = (place.path, place.parent)
        guard let existing = try place.checked(overwrite: overwrite) else {
            try refuseNetworkFileSystem(parent, path: path, unless: allowsNetworkFileSystem)
            return try create(place, settings: settings)
        }
        let session = try WriterSession(
            opening: path, in: existing, purpose: "build", timeoutSeconds: lockTimeoutSeconds,
            allowsNetworkFileSystem: allowsNetworkFileSystem, isCancelled: isCancelled)
        // The build that made the database may have met some, and been unable to remove them.
        if allowsNetworkFileSystem || parent.networkFileSystem == nil {
            try? BuildingSibling.removeAbandoned(of: place.name, in: parent)
        }
        return BuildTarget(session)
    }

    private init(
        _ session: WriterSession, creation: (sibling: BuildingSibling, finalName: String)? = nil
    ) {
        self.session = session
        self.creation = creation
    }

    deinit { abandon() }

    // MARK: creating

    private static func create(_ place: BuildPlace, settings: CatalogSettings) throws -> BuildTarget {
        try BuildingSibling.removeAbandoned(of: place.name, in: place.parent)
        let sibling = try BuildingSibling(makingOneFor: place.name, in: place.parent)
        do {
            let session = try WriterSession(
                creating: place.path, in: try sibling.open(), settings: settings, purpose: "build")
            return BuildTarget(session, creation: (sibling, place.name))
        } catch {
            sibling.remove()
            throw error
        }
    }

    // MARK: committing

    /// Makes the segment the database's content, durably.
    ///
    /// - Returns: the new generation.
    func commit(_ staging: CatalogStaging, _ record: SegmentRecord, settings: CatalogSettings) throws -> UInt64 {
        let generation: UInt64
        do throws(CatalogError) {
            generation = try session.commit { catalog, obstacle throws(CatalogError) in
                try catalog.publish(
                    staging, record, expecting: session.baseGeneration, replacing: .all, settings: settings,
                    obstacle: obstacle)
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
        guard directory.isStillThere else {
            throw DatabaseError(
                .locked, file: session.path,
                "the directory that it was built in was moved or replaced meanwhile; nothing was made, "
                    + "start again")
        }
        do throws(SystemError) {
            try creation.sibling.parent.rename(creation.sibling.name, toFreeName: creation.finalName)
        } catch {
            throw error.alreadyExists
                ? DatabaseError(.alreadyExists, file: session.path, "was made by somebody else in the meantime")
                : DatabaseError(error)
        }
        isDone = true
        do throws(SystemError) { try creation.sibling.parent.synchronize() } catch {
            throw DatabaseError(
                .system, file: session.path,
                "was built and is complete, but a loss of power may undo it; check the disk (\(error))"
            ).with(systemCode: error.code)
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
            // As long as the file may come back with a loss of power, its row says whose it is.
            try? directory.synchronize()
            try? staging.discard()
        }
    }
}

func existsAlready(_ path: String) -> DatabaseError {
    DatabaseError(
        .alreadyExists, file: path, remedy: .overwrite,
        "exists already; choose another path, or have it overwritten")
}
