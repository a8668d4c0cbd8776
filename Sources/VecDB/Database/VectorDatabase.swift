import Catalog
import FileSystem
import SegmentFile
import Synchronization
import TreeAH
import VectorKernels

/// An open database, for searching from any number of threads.
///
/// ```swift
/// let movies = try VectorDatabase.open("movies.vecdb")
/// for hit in try movies.search(user, options: SearchOptions(k: 10)) {
///     print(hit.id ?? "", hit.score)
/// }
/// ```
///
/// What is searched is a *snapshot*: the generation that was newest when the database was opened or last refreshed.
/// Writers in other processes do not disturb it, and its file stays until it is let go. Opening costs time in
/// proportion to the partitions, not to the rows; nothing is loaded. Who truncates a segment file, which nobody should,
/// ends the processes that have it mapped, unless they have called ``guardAgainstTruncation()``.
public final class VectorDatabase: Sendable {
    /// What opening may do to a database that a crash left in the middle of a change.
    public enum OpenMode: Sendable {
        /// Roll the change back, which writes to the catalog.
        case automatic
        /// Never write; such a database is refused.
        case readOnly
    }

    /// The directory.
    public let path: String

    let directory: Directory
    private let catalog: CatalogReader
    let sessions: SearchSessions

    /// Opens for reading.
    ///
    /// - Throws: `notFound`, `corrupt`, `unsupportedVersion`, `system`.
    /// - Complexity: O(partitions · dimensions).
    public static func open(_ path: String, mode: OpenMode = .automatic) throws(DatabaseError) -> VectorDatabase {
        try VectorDatabase(path, mode: mode)
    }

    private init(_ path: String, mode: OpenMode) throws(DatabaseError) {
        self.path = path
        directory = try openDatabaseDirectory(path)
        catalog = try openCatalog(in: directory, of: path, mode: mode == .automatic ? .recovering : .readOnly)
        sessions = SearchSessions(try Snapshot.newest(in: directory, catalog: catalog))
    }

    var snapshot: Snapshot { sessions.snapshot }

    /// Moves on to the newest generation.
    ///
    /// - Returns: whether there was a newer one. Searches under way finish on the old one.
    public func refresh() throws(DatabaseError) -> Bool {
        let newest: UInt64
        do throws(CatalogError) { newest = try catalog.currentGeneration() } catch { throw DatabaseError(error) }
        guard newest != snapshot.generation else { return false }
        let fresh = try Snapshot.newest(in: directory, catalog: catalog)
        sessions.replaceSnapshot(with: fresh)
        return true
    }

    /// What the database is.
    public var info: DatabaseInfo {
        let snapshot = snapshot
        return DatabaseInfo(
            generation: snapshot.generation, metric: snapshot.segments.metric,
            dimensions: snapshot.segments.dimensions, rows: snapshot.segments.rowCount,
            index: snapshot.segments.searchCost == nil ? .exact : .treeAH,
            leaves: snapshot.segments.searchCost?.leafCount ?? 0,
            queries: Int(clamping: snapshot.catalog.queryCount),
            hasMetadata: snapshot.catalog.segments.contains { $0.documentCount != nil },
            reorderStorage: snapshot.segments.mapped[0].element.storage,
            defaults: snapshot.settings.defaults, settings: snapshot.settings.byK)
    }

    /// From now on a mapped file that is truncated underneath a search makes it throw `corrupt` instead of ending the process.
    ///
    /// Installs a handler of SIGBUS for the whole process, which is why it must be asked for; other causes of that signal go to
    /// the handler that was there before. For databases that are opened afterwards.
    public static func guardAgainstTruncation() { TruncationGuard.install() }
}

/// What a database is, as its newest generation says.
public struct DatabaseInfo: Sendable {
    public let generation: UInt64
    public let metric: Metric
    public let dimensions: Int
    public let rows: Int
    /// `exact` or `treeAH`.
    public let index: IndexKind
    /// Partitions; 0 for an exact index.
    public let leaves: Int
    /// Stored query-side embeddings.
    public let queries: Int
    public let hasMetadata: Bool
    public let reorderStorage: ReorderStorage
    /// What a search for ten hits uses that names no knobs; `nil` for an exact index.
    public let defaults: SearchDefaults?
    /// The same for every k that was measured, ascending; empty where none was, as in databases that vecdb 1 has built: there
    /// `defaults` serve every k.
    public let settings: [SearchDefaults]
}
