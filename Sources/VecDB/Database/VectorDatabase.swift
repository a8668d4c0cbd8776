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
    private let sessions: SearchSessions

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

    // MARK: searching

    /// The best `options.k` candidates for one query, best first.
    ///
    /// - Parameter query: `dimensions` finite floats; normalised here for cosine.
    /// - Returns: fewer hits than `k` only when fewer candidates may be returned.
    /// - Throws: `invalidArgument` for a query that does not fit, `corrupt` when a damaged block is met.
    /// - Complexity: O(leaves · d) to choose leaves, O(slots scanned · subspaces), O(reorder · d).
    /// - SeeAlso: Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector Quantization", ICML 2020.
    public func search(_ query: [Float], options: SearchOptions = SearchOptions()) throws(DatabaseError) -> [Hit] {
        try check(options)
        return try sessions.withSession { session throws(DatabaseError) in
            try session.snapshot.reading { () throws(DatabaseError) in
                var trace = SearchTrace(isOn: false)
                return try session.snapshot.search(query, options: options, scratch: &session.scratch, trace: &trace)
            }
        }
    }

    /// As ``search(_:options:)``, with an account of what was done.
    public func explain(
        _ query: [Float], options: SearchOptions = SearchOptions()
    ) throws(DatabaseError) -> (hits: [Hit], statistics: SearchStatistics) {
        try check(options)
        return try sessions.withSession { session throws(DatabaseError) in
            try session.snapshot.reading { () throws(DatabaseError) in
                var trace = SearchTrace(isOn: true)
                let hits = try session.snapshot.search(
                    query, options: options, scratch: &session.scratch, trace: &trace)
                return (hits, trace.statistics)
            }
        }
    }

    /// What ``explain(_:options:)`` answers to each of several queries, one after the other on one thread. Lists of ids
    /// are looked up once, before the first.
    ///
    /// - Parameters:
    ///   - queries: row-major, `dimensions` floats each.
    ///   - excludedIDs: as in ``searchBatch(_:options:excludedIDs:threads:)``.
    public func explainBatch(
        _ queries: [Float], options: SearchOptions = SearchOptions(), excludedIDs: [Int: [String]] = [:]
    ) throws(DatabaseError) -> [(hits: [Hit], statistics: SearchStatistics)] {
        try check(options)
        return try sessions.withSession { session throws(DatabaseError) in
            let snapshot = session.snapshot
            let dimensions = snapshot.segments.dimensions
            let count = try wholeCount(queries, dimensions: dimensions)
            return try snapshot.reading { () throws(DatabaseError) in
                let filters = try snapshot.filters(
                    options.excludedIDs, excludedIDs.filter { 0..<count ~= $0.key }, threads: 1)
                var answers: [(hits: [Hit], statistics: SearchStatistics)] = []
                for query in 0..<count {
                    var trace = SearchTrace(isOn: true)
                    let hits = try snapshot.search(
                        Array(queries[query * dimensions..<(query + 1) * dimensions]), options: options,
                        filter: filters[query], scratch: &session.scratch, trace: &trace)
                    answers.append((hits, trace.statistics))
                }
                return answers
            }
        }
    }

    private func wholeCount(_ queries: [Float], dimensions: Int) throws(DatabaseError) -> Int {
        guard queries.count % dimensions == 0 else {
            throw DatabaseError(
                .invalidArgument, "\(queries.count) floats are no whole number of queries of \(dimensions) dimensions")
        }
        return queries.count / dimensions
    }

    /// Searches for several queries at once; bit for bit what ``search(_:options:)`` answers to each.
    ///
    /// - Parameters:
    ///   - queries: row-major, `dimensions` floats each.
    ///   - excludedIDs: more exclusions for single queries, by their index. `options.excludedIDs`, which all queries
    ///     share, are looked up once.
    ///   - threads: how many to use, at most 1,024; `nil`: one for each core.
    public func searchBatch(
        _ queries: [Float], options: SearchOptions = SearchOptions(), excludedIDs: [Int: [String]] = [:],
        threads: Int? = nil
    ) throws(DatabaseError) -> [[Hit]] {
        try check(options)
        let snapshot = snapshot
        _ = try wholeCount(queries, dimensions: snapshot.segments.dimensions)
        let threads = usableThreads(threads)
        return try snapshot.reading { () throws(DatabaseError) in
            try snapshot.searchBatch(
                queries, options: options, excludedIDs: excludedIDs, threads: threads, sessions: sessions)
        }
    }

    private func check(_ options: SearchOptions) throws(DatabaseError) {
        guard options.k >= 1 else {
            throw DatabaseError(.invalidArgument, "k is \(options.k); at least one hit must be asked for")
        }
        if let leaves = options.leavesToSearch, leaves < 1 {
            throw DatabaseError(.invalidArgument, "leaves to search is \(leaves); at least one leaf must be searched")
        }
        if let reorder = options.reorder, reorder < 0 {
            throw DatabaseError(.invalidArgument, "reorder is \(reorder); it cannot be negative")
        }
    }
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
