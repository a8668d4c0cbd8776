/// What to tune for.
public struct TuneOptions: Sendable {
    /// How many hits a search returns, and recall counts.
    public var k: Int
    /// Other k to measure and store settings for, such as ``standardCounts``; they are not timed.
    public var otherCounts: [Int] = []
    /// Above 0 and up to 1.
    public var targetRecall: Double
    /// Whether the setting becomes the database's default.
    public var stores: Bool
    /// For counting recall, at most 1,024; times are taken on one thread. `nil`: one for each core.
    public var threads: Int?
    /// Seconds to wait for another writer: 0, less and not a number try once, infinity waits without end.
    public var lockTimeoutSeconds: Double
    /// Write to a network file system although its locks and syncs cannot be trusted.
    public var allowsNetworkFileSystem: Bool
    /// Has tuning throw `cancelled`; nothing is stored then.
    public var cancellation: Cancellation?

    /// The k that builds store settings for.
    public static let standardCounts = [1, 10, 100, 1_000]

    public init(
        k: Int = 10, targetRecall: Double = 0.95, stores: Bool = true, threads: Int? = nil,
        lockTimeoutSeconds: Double = 10, allowsNetworkFileSystem: Bool = false,
        cancellation: Cancellation? = nil
    ) {
        self.k = k
        self.targetRecall = targetRecall
        self.stores = stores
        self.threads = threads
        self.lockTimeoutSeconds = lockTimeoutSeconds
        self.allowsNetworkFileSystem = allowsNetworkFileSystem
        self.cancellation = cancellation
    }
}

/// What tuning found.
public struct Tuning: Sendable {
    public var targetRecall: Double
    /// Whether a setting of the tree reaches it.
    public var isReached: Bool
    /// The cheapest setting that reaches the target; where none does, the one that comes nearest to it.
    public var best: SearchDefaults
    /// Settings that reach the target by other means and were slower, best first.
    public var others: [SearchDefaults]
    /// What was found for each k that was asked for, ascending, `best` among them. A k whose target is out of reach is missing.
    public var settings: [SearchDefaults]
    /// Microseconds of brute force for one query, beside it.
    public var exactMeanUs: Double
    /// What to build anew so that the target can be reached, where it is not.
    public var advice: String?
    /// The generation that has the setting as its default; absent when nothing was stored.
    public var generation: UInt64?
}
