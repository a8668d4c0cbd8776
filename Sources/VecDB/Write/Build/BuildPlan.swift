import EmbeddingInput
import TreeAH
import VectorKernels

/// What a build will make, once the rows have been counted: every option with its default filled in.
struct BuildPlan {
    var metric: Metric
    var dimensions: Int
    /// Rows that the input has; fewer are stored when duplicates are dropped.
    var inputRowCount: Int
    var element: RowElement
    /// `nil` for an exact index.
    var tree: TreePlan?
    var seed: UInt64
    var threads: Int
    var memoryBytes: Int
    var targetRecall: Double

    struct TreePlan {
        var leaves: Int
        /// `nil`: as many as suit what is projected to.
        var dimensionsPerBlock: Int?
        var projection: ProjectionChoice
        var iterations: Int
        var hasSecondAssignments: Bool
        /// What the error along a row counts more than others, see ``Encoder``; 0: nothing.
        var anisotropy: Float
    }

    static let defaultMemoryBytes = 192 << 20
    static let trainingIterationLimit = 10_000
    /// Below this all rows are scanned, which never misses: .2 ms for 32 dimensions. A tree, for who asks for one, takes a
    /// twentieth of that.
    static let exactRowLimit = 20_000

    /// - Parameter rowCount: `nil` before rows of text have been counted; then only options are checked.
    init(
        _ options: BuildOptions, metric: Metric, dimensions: Int, rowCount: Int?, element: VectorElement?
    ) throws(DatabaseError) {
        self.metric = metric
        self.dimensions = dimensions
        inputRowCount = rowCount ?? 0
        seed = options.seed
        threads = usableThreads(options.threads)
        memoryBytes = options.memoryBytes ?? Self.defaultMemoryBytes
        targetRecall = options.targetRecall
        guard targetRecall > 0, targetRecall <= 1 else {
            throw DatabaseError(
                .invalidArgument, "a target recall of \(targetRecall) is none; it lies above 0 and up to 1")
        }
        if let threads = options.threads, threads < 1 {
            throw DatabaseError(.invalidArgument, "threads is \(threads); at least one is needed")
        }
        guard memoryBytes >= 16 << 20 else {
            throw DatabaseError(
                .invalidArgument, "a memory bound of \(memoryBytes) bytes is too small; a build needs 16 MiB")
        }
        self.element = try Self.element(options.reorderStorage, metric: metric, input: element)
        let isTree = options.index == .treeAH || (options.index == .auto && rowCount ?? .max >= Self.exactRowLimit)
        tree =
            isTree
            ? try Self.treePlan(
                options, metric: metric, dimensions: dimensions, rowCount: rowCount, memoryBytes: memoryBytes) : nil
    }

    private static func treePlan(
        _ options: BuildOptions, metric: Metric, dimensions: Int, rowCount: Int?, memoryBytes: Int
    ) throws(DatabaseError) -> TreePlan {
        if let leaves = options.leaves {
            guard leaves >= 1 else {
                throw DatabaseError(.invalidArgument, "leaves is \(leaves); a tree has at least one")
            }
            if let rowCount, leaves > max(rowCount, 1) {
                throw DatabaseError(
                    .invalidArgument,
                    "\(leaves) leaves are more than there are rows (\(rowCount)); ask for at most \(rowCount)"
                ).with(found: "\(leaves)", limit: rowCount)
            }
        }
        if let iterations = options.trainingIterations, iterations < 1 {
            throw DatabaseError(.invalidArgument, "training iterations is \(iterations); at least one is needed")
        }
        if let iterations = options.trainingIterations, iterations > Self.trainingIterationLimit {
            throw DatabaseError(
                .invalidArgument,
                "training iterations is \(iterations); k-means has settled long before \(Self.trainingIterationLimit), the most "
                    + "there may be"
            ).with(found: "\(iterations)", limit: Self.trainingIterationLimit)
        }
        let projected: Int
        switch options.projection {
        case .principalAxes(let count):
            guard 1...dimensions ~= count else {
                throw DatabaseError(
                    .invalidArgument,
                    "pca:\(count) asks for more axes than the \(dimensions) dimensions there are, or for none"
                ).with(found: "\(count)", limit: dimensions)
            }
            guard dimensions <= TreeTraining.principalAxesLimit else {
                throw DatabaseError(
                    .invalidArgument,
                    "principal axes need at most 4,096 dimensions, the input has \(dimensions); use 'random'"
                ).with(found: "\(dimensions)", limit: TreeTraining.principalAxesLimit)
            }
            projected = count
        default: projected = dimensions
        }
        if let perBlock = options.dimensionsPerBlock {
            guard 1...projected ~= perBlock else {
                throw DatabaseError(
                    .invalidArgument,
                    "\(perBlock) dimensions per block is impossible with \(projected) projected dimensions"
                ).with(found: "\(perBlock)", limit: projected)
            }
        }
        let suitable = rowCount.map { max(1, min($0, Int(2 * Double($0).squareRoot()))) } ?? 1
        let leaves = rowCount == 0 ? 0 : options.leaves ?? suitable
        let sampleRows = memoryBytes / 3 / (4 * dimensions)
        guard leaves <= max(1, min(sampleRows, rowCount ?? .max)) else {
            throw DatabaseError(
                .invalidArgument,
                "\(leaves) leaves of \(dimensions) dimensions need a larger training sample than \(memoryBytes) bytes of memory allow "
                    + "(\(sampleRows) rows); ask for fewer leaves or give more memory"
            ).with(found: "\(leaves)", limit: max(1, min(sampleRows, rowCount ?? .max)))
        }
        return TreePlan(
            leaves: leaves, dimensionsPerBlock: options.dimensionsPerBlock, projection: options.projection,
            iterations: options.trainingIterations ?? 10,
            hasSecondAssignments: options.secondAssignments ?? false,
            anisotropy: try anisotropy(options.anisotropicThreshold, metric: metric, dimensions: dimensions))
    }

    /// η − 1 of Guo et al., section 3.2: η = (d − 1)·t² / (1 − t²), and no less than 1.
    private static func anisotropy(
        _ threshold: Double?, metric: Metric, dimensions: Int
    ) throws(DatabaseError) -> Float {
        guard let threshold else { return 0 }
        guard 0..<1 ~= threshold else {
            throw DatabaseError(
                .invalidArgument, "an anisotropic threshold of \(threshold) is none; it lies from 0 up to below 1")
        }
        guard metric != .l2 else {
            throw DatabaseError(
                .invalidArgument, "an anisotropic threshold is for inner products (dot, cosine), the metric is l2")
        }
        let square = threshold * threshold
        return Float(max(0, Double(dimensions - 1) * square / (1 - square) - 1))
    }

    private static func element(
        _ storage: ReorderStorage, metric: Metric, input: VectorElement?
    ) throws(DatabaseError) -> RowElement {
        func integers(_ element: RowElement, _ wanted: VectorElement) throws(DatabaseError) -> RowElement {
            guard input == wanted, metric != .cosine else {
                throw DatabaseError(
                    .invalidArgument,
                    "reorder storage '\(storage.rawValue)' keeps \(wanted.rawValue) input as it is; this input is "
                        + "\(input?.rawValue ?? "float32")\(metric == .cosine ? " and cosine normalises it" : "")"
                ).with(expected: wanted.rawValue, found: input?.rawValue ?? "float32")
            }
            return element
        }
        switch storage {
        case .f32: return .float32
        case .bf16: return .bfloat16
        case .int8: return .scaledInt8
        case .u8: return try integers(.uint8, .uint8)
        case .i8: return try integers(.int8, .int8)
        case .auto:
            guard metric != .cosine else { return .float32 }
            return input == .uint8 ? .uint8 : input == .int8 ? .int8 : .float32
        }
    }

    /// Rows that the training sample may hold: a third of the memory.
    var sampleCapacity: Int { max(1, memoryBytes / 3 / (4 * dimensions)) }

    /// How rows are stored for reordering.
    var storage: RowStorage { RowStorage(element: element, dimensions: dimensions) }

    /// What the model is trained for and with; `nil` for an exact index.
    ///
    /// - Parameter storedRows: no more leaves than rows are trained.
    func training(storedRows: Int) -> TreeTraining? {
        guard let tree else { return nil }
        return TreeTraining(
            form: metric.form, isNormalised: metric == .cosine, dimensions: dimensions,
            leaves: min(tree.leaves, storedRows), iterations: tree.iterations, projection: tree.projection.choice,
            dimensionsPerBlock: tree.dimensionsPerBlock, hasSecondAssignments: tree.hasSecondAssignments,
            anisotropy: tree.anisotropy, seed: seed, threads: threads)
    }
}

extension ProjectionChoice {
    /// As training names it.
    fileprivate var choice: TreeTraining.ProjectionChoice {
        switch self {
        case .auto: .auto
        case .none: .none
        case .random: .random
        case .principalAxes(let count): .principalAxes(count)
        }
    }
}
