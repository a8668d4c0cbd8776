import EmbeddingInput

/// What one search asks for.
///
/// A search that names neither knob uses the setting that the database stores for its `k`: that of the smallest stored k
/// not below it, above the largest in proportion. One that names a knob takes the other from the database's defaults,
/// which are those for k = 10. A knob larger than what there is means all of it, and a `reorder` below `k` counts as `k`.
public struct SearchOptions: Sendable {
    /// How many hits to return at most. At least 1.
    public var k: Int
    /// How many partitions of the tree to scan. Ignored by exact search.
    public var leavesToSearch: Int?
    /// How many of the best estimates get exact scores. Ignored by exact search.
    public var reorder: Int?
    /// Brute force over the stored vectors.
    public var exact: Bool
    /// Ids that must not be returned; ids that the database does not hold are of no consequence. An id that several
    /// candidates share excludes all of them.
    public var excludedIDs: [String]
    /// Whether hits carry their ids.
    public var includesIDs: Bool
    /// Whether hits carry their metadata documents.
    public var includesMetadata: Bool
    /// When the answer must be there: a search that is still at work then throws `deadlinePassed`, a batch as a whole. It ends
    /// some milliseconds later at most, unless the disk is waited for; no hit depends on the deadline.
    public var deadline: ContinuousClock.Instant?
    /// Has the search throw `cancelled`, as soon as it would see that a deadline has passed.
    public var cancellation: Cancellation?

    public init(
        k: Int = 10, leavesToSearch: Int? = nil, reorder: Int? = nil, exact: Bool = false,
        excludedIDs: [String] = [], includesIDs: Bool = true, includesMetadata: Bool = false,
        deadline: ContinuousClock.Instant? = nil, cancellation: Cancellation? = nil
    ) {
        self.k = k
        self.leavesToSearch = leavesToSearch
        self.reorder = reorder
        self.exact = exact
        self.excludedIDs = excludedIDs
        self.includesIDs = includesIDs
        self.includesMetadata = includesMetadata
        self.deadline = deadline
        self.cancellation = cancellation
    }
}

/// One answer of a search.
public struct Hit: Sendable, Equatable {
    /// The candidate's stable number: its place in the input.
    public let ordinal: UInt64
    /// Dot product, cosine, or squared distance, as the database's metric says.
    public let score: Float
    /// The candidate's id, unless the search left ids out.
    public let id: String?
    /// The candidate's metadata as one JSON object, when the search asked for it and there is any;
    /// ``metadata(as:decoder:)`` has it as a value.
    public let metadata: String?

    /// By bytes: ids that Unicode calls equivalent are different ids.
    public static func == (left: Hit, right: Hit) -> Bool {
        left.ordinal == right.ordinal && left.score == right.score
            && left.id.map(ByteString.init) == right.id.map(ByteString.init)
            && left.metadata.map(ByteString.init) == right.metadata.map(ByteString.init)
    }
}

/// What a search did: ``VectorDatabase/explain(_:options:)``.
public struct SearchStatistics: Sendable {
    /// Partitions in the tree, 0 for an exact search.
    public var leaves = 0
    /// Partitions scanned.
    public var leavesSearched = 0
    /// Slots whose codes were scanned; for exact search the rows scored.
    public var codesScanned = 0
    /// Candidates that got exact scores.
    public var candidatesReordered = 0
    /// Rows that the exclusions ruled out.
    public var rowsExcluded = 0
    /// How exclusions were applied: `none`, `mask` (excluded slots are masked while scanning), or `direct` (so few rows are
    /// left that all of them got exact scores).
    public var filterStrategy = "none"
    /// Whether the answer came from brute force.
    public var exact = false
    /// Stages in order, each with its wall-clock time.
    public var stages: [(name: String, nanoseconds: UInt64)] = []
}
