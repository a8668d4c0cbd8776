/// What to measure.
public struct EvaluationOptions: Sendable {
    /// The knobs under test. Ids and metadata are left out of the measured searches: recall counts ordinals.
    public var search: SearchOptions
    /// Threads that search at once; no more than there are queries.
    public var threads: Int
    /// Whether to hand all queries to ``VectorDatabase/searchBatch(_:options:excludedIDs:threads:)`` instead of
    /// searching for one at a time.
    public var batch: Bool
    /// Timed passes over the queries, at most ``passLimit``; the best one counts.
    public var passes: Int

    /// The most passes that can be asked for.
    public static let passLimit = 1_000_000

    public init(search: SearchOptions = SearchOptions(), threads: Int = 1, batch: Bool = false, passes: Int = 3) {
        self.search = search
        self.threads = threads
        self.batch = batch
        self.passes = passes
    }
}

/// How well and how fast a setting answers a set of queries.
public struct Evaluation: Sendable {
    /// The share of the true k nearest that was found, averaged over the queries.
    public let recall: Double
    /// Time of a query: the mean over the best pass, and percentiles of single queries in it. A batch has only a mean.
    public let meanMicroseconds: Double
    public let p50Microseconds: Double?
    public let p99Microseconds: Double?
    /// Queries in a second, all threads together.
    public let queriesPerSecond: Double
}
