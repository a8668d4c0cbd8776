/// Which search structure a build makes.
public enum IndexKind: String, CaseIterable, Sendable {
    /// Exact below about 20,000 rows, tree-AH above.
    case auto
    /// Brute force over the stored vectors.
    case exact
    /// Partition tree, 4-bit codes, exact reordering.
    case treeAH = "tree-ah"
}

/// How residuals are turned before they are coded.
public enum ProjectionChoice: Sendable, Equatable {
    /// Decided from the dimensions and, from 96 on, from how the variance of the residuals is spread.
    case auto
    /// Residuals are coded as they are.
    case none
    /// A random rotation: spreads the variance evenly over the subspaces.
    case random
    /// The leading principal axes of the residuals, randomly rotated among themselves. Shortens codes, and ruins
    /// recall where the variance is spread over all axes.
    case principalAxes(Int)
}

/// What the exact scores are computed from: what may be asked for, where a `RowElement` is what is made.
public enum ReorderStorage: String, CaseIterable, Sendable {
    /// `u8` or `i8` when the input is of that type and the metric keeps it so, else `f32`.
    case auto
    case f32, bf16, int8, u8, i8
}

/// What happens when two candidates have the same id.
public enum DuplicateIDPolicy: String, CaseIterable, Sendable {
    /// The build is refused.
    case error
    /// Only the last candidate of each id is stored.
    case keepLast = "keep-last"
    /// All are stored.
    case allow
}

/// Everything a build can be told. The defaults are what `vecdb build` uses.
public struct BuildOptions: Sendable {
    /// `nil`: the manifest's metric, or dot.
    public var metric: Metric?
    public var index: IndexKind = .auto
    /// Partitions of the tree; `nil`: about 2·√rows.
    public var leaves: Int?
    /// Projected dimensions that share one 4-bit code; `nil`: 2, or 4 where residuals are projected to 192
    /// dimensions or more.
    public var dimensionsPerBlock: Int?
    public var projection: ProjectionChoice = .auto
    /// Whether every row gets a second partition (SOAR), which a search finds it by when it misses the first: fewer leaves
    /// for the same recall, twice as many codes; `nil`: no.
    public var secondAssignments: Bool?
    /// Chooses codes so that errors along a candidate weigh more, as inner products need that reach this share of its length
    /// (0 up to below 1; dot and cosine only); `nil`: all errors weigh the same.
    ///
    /// - SeeAlso: Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector Quantization", ICML 2020.
    public var anisotropicThreshold: Double?
    /// Rounds of Lloyd's algorithm, 1 to 10,000; `nil`: 10.
    public var trainingIterations: Int?
    public var reorderStorage: ReorderStorage = .auto
    /// Recall, above 0 and up to 1, that a search without knobs should have: settings are chosen for it.
    public var targetRecall = 0.95
    /// For which k settings are measured and stored beside 1, 10, 100 and 1,000; a k above the rows counts as all rows.
    public var measuredCounts: [Int] = []
    /// `nil`: the manifest's policy, or `.error`.
    public var duplicateIDs: DuplicateIDPolicy?
    /// Same input, options and seed: same segment bytes, uuids aside.
    public var seed: UInt64 = 0
    /// At least 1, of which at most 1,024 are used; `nil`: one for each core.
    public var threads: Int?
    /// Bytes the build may hold in memory for vectors at a time; `nil`: 192 MiB.
    public var memoryBytes: Int?
    /// Replace the contents of an existing database (its readers keep what they see).
    public var overwrite = false
    /// Write to a network file system although its locks and syncs cannot be trusted.
    public var allowsNetworkFileSystem = false
    /// Seconds to wait for another writer: 0, less and not a number try once, infinity waits without end.
    public var lockTimeoutSeconds: Double = 10
    /// Has the build throw `cancelled`; nothing is left behind then.
    public var cancellation: Cancellation?

    public init() {}
}

/// Where the candidates come from.
public enum BuildInput: Sendable {
    /// A trainer's export directory with its `manifest.json`.
    case export(directory: String)
    /// Files; see ``BuildFiles``.
    case files(BuildFiles)
    /// Vectors in memory, row-major, with an id and a metadata document (one JSON object) for each, or none at all.
    case memory(vectors: [Float], dimensions: Int, ids: [String]? = nil, metadata: [String]? = nil)
}

/// The files of a build without a manifest.
public struct BuildFiles: Sendable {
    /// Vector files, read one after the other; `-` is standard input.
    public var vectors: [String]
    /// The format of `vectors` by name (`npy`, `fbin`, …); `nil`: recognised.
    public var inputFormat: String?
    /// Which tensor of a `.safetensors` file.
    public var tensor: String?
    /// Whether the first line of `.tsv`, `.csv` and `.vec` files is a header; `nil`: recognised, and refused in doubt.
    public var hasHeader: Bool?
    /// The column of `.tsv` and `.csv` files that holds ids: its name in the header, or where `hasHeader` is `false` its
    /// number, from 1; `nil`: none.
    public var idColumn: String?
    /// One id a line; `nil`: those that come with the vectors (`.ndjson`, `.vec`, a column of ids), else ordinals in decimal.
    public var ids: String?
    /// NDJSON, TSV or CSV, a line for each candidate.
    public var metadata: String?
    /// The query tower as a table: vectors, and their ids.
    public var queryVectors: String?
    public var queryIDs: String?

    public init(
        vectors: [String], inputFormat: String? = nil, tensor: String? = nil, hasHeader: Bool? = nil,
        idColumn: String? = nil, ids: String? = nil, metadata: String? = nil, queryVectors: String? = nil,
        queryIDs: String? = nil
    ) {
        self.vectors = vectors
        self.inputFormat = inputFormat
        self.tensor = tensor
        self.hasHeader = hasHeader
        self.idColumn = idColumn
        self.ids = ids
        self.metadata = metadata
        self.queryVectors = queryVectors
        self.queryIDs = queryIDs
    }
}
