/// The parts of a build, in order; the segment is synced before settings are chosen on it, the rest behind.
public enum BuildPhase: String, CaseIterable, Sendable {
    case read, train, assign, encode, write, tune, sync
}

/// How far a build has come. Reported from the building thread, at most some twenty times a second.
public struct BuildProgress: Sendable {
    public let phase: BuildPhase
    /// Units done and to do in this phase: rows, training rounds, or queries that settings are measured with. `total` is 0 while it is not known.
    public let completed: Int
    public let total: Int
}

/// What a build made.
public struct BuildSummary: Sendable {
    public var database: String
    public var generation: UInt64
    public var rows: Int
    public var dimensions: Int
    public var metric: Metric
    public var index: IndexKind
    public var leaves: Int
    public var projectedDimensions: Int
    public var dimensionsPerBlock: Int
    public var projection: String
    public var reorderStorage: ReorderStorage
    public var queries: Int
    /// Rows dropped by `keep-last`.
    public var duplicatesDropped: Int
    /// Bytes of each section of the segment file, in file order, then `catalog`.
    public var bytes: [PartSize]
    public var seconds: [PhaseTime]
    public var totalSeconds: Double
    /// The stored search defaults and what they reach on the sample; absent for exact indexes and no rows.
    public var defaults: SearchDefaults?
    /// The same for every k that was measured, ascending; `defaults` are those for k = 10.
    public var settings: [SearchDefaults] = []
    /// What is remarkable about the vectors, a sentence each.
    public var notes: [String] = []
    public var segmentUUID: String

    /// Whether no setting of the tree reached the target recall, so that searches without knobs compare with every row.
    public var defaultsAreBruteForce: Bool {
        guard let defaults, rows > 0 else { return false }
        return defaults.leavesToSearch >= leaves && defaults.reorder >= rows
    }

    public struct PartSize: Sendable {
        public var name: String
        public var bytes: Int
    }

    public struct PhaseTime: Sendable {
        public var phase: BuildPhase
        public var seconds: Double
    }
}
