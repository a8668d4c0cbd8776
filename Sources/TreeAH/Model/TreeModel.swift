import VectorKernels

/// What training learns from a sample: partitions, projection and codebooks. One model encodes any number of rows, in any
/// number of segments, and searches of all of them share its routing and its lookup table.
///
/// `Formats/model.md` gives its bytes.
///
/// - SeeAlso: Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector Quantization", ICML 2020.
public struct TreeModel: Sendable {
    /// How inside scores are computed.
    public let form: ScoreForm
    public let dimensions: Int
    /// L × d floats, row-major: a row belongs to the nearest of them.
    public let centroids: [Float]
    /// d floats, from which stored centroids are counted, and for squared distances queries as well: the centroids' mean.
    public let origin: [Float]
    /// The centroids less the origin, L rows of ``TreeView/centroidElement``.
    public let storedCentroids: [UInt8]
    /// What queries are ranked against: L × d, or L × K where ``ranksByProjection``.
    public let routing: ByteMatrix
    /// Whether leaves are ranked by the projected query.
    public let ranksByProjection: Bool
    public let projection: Projection
    public let projectionOrigin: ProjectionOrigin
    public let codebooks: Codebooks
    /// λ, the length to which residuals are brought before they are coded (numerics, section 5).
    public let codingLength: Float
    /// Whether slots store a bias.
    public let hasBiases: Bool
    /// How much more than others the error along a row counts, see ``Encoder``; 0: not at all.
    public let anisotropy: Float
    /// Whether every row has a second slot.
    public let hasSecondAssignments: Bool
    /// Rounds of k-means and the seed it was trained with. A record.
    public let iterations: Int
    public let seed: UInt64

    /// How the projection was made. A record, which searches do not need.
    public enum ProjectionOrigin: UInt32, Sendable {
        case none = 0
        case random = 1
        case principalAxes = 2
    }

    /// L.
    public var leafCount: Int { centroids.count / dimensions }

    /// L × d floats: the points that residuals refer to, which are the stored centroids and the origin added up.
    public var references: [Float] {
        let storage = RowStorage(element: TreeView.centroidElement, dimensions: dimensions)
        // Proof: the span of the bytes is used within the call.
        let relative = unsafe storage.decode(storedCentroids.span.bytes)
        return relative.enumerated().map { origin[$0 % dimensions] + $1 }
    }

    /// Encodes rows with the model.
    public func encoder(kernels: Kernels) -> Encoder {
        Encoder(
            form: form, hasBiases: hasBiases, origin: form == .negatedSquaredDistance ? origin : [],
            projection: projection, codebooks: codebooks, codingLength: codingLength, anisotropy: anisotropy,
            kernels: kernels)
    }

    /// The model of no rows: no leaves, and codebooks that code nothing.
    public static func empty(_ training: TreeTraining) -> TreeModel {
        let dimensions = training.dimensions
        let shape = Codebooks.Shape(
            projectedDimensions: dimensions, dimensionsPerBlock: training.perBlock(projected: dimensions))
        return TreeModel(
            form: training.form, dimensions: dimensions, centroids: [],
            origin: [Float](repeating: 0, count: dimensions), storedCentroids: [],
            routing: ByteMatrix(
                rows: [], columnCount: dimensions, hasBiases: training.form != .dot, kernels: .best),
            ranksByProjection: false, projection: .none(dimensions: dimensions), projectionOrigin: .none,
            codebooks: Codebooks(shape: shape, codewords: [Float](repeating: 0, count: shape.codewordFloatCount)),
            codingLength: 1, hasBiases: training.form != .dot || training.isNormalised, anisotropy: 0,
            hasSecondAssignments: false, iterations: training.iterations, seed: training.seed)
    }
}

/// Finds the partitions of rows that a model has.
public struct PartitionAssigner: Sendable {
    private let table: CentroidTable
    private let second: SecondAssignment?

    /// - Complexity: O(leaves · dimensions), with second assignments O(leaves² · dimensions).
    public init(_ model: TreeModel, references: [Float], threads: Int, kernels: Kernels) {
        table = CentroidTable(model.centroids, dimensions: model.dimensions, kernels: kernels)
        second =
            model.hasSecondAssignments
            ? SecondAssignment(
                centroids: references, dimensions: model.dimensions, threads: threads, kernels: kernels) : nil
    }

    /// The nearest partition of each row; the same for any number of threads.
    ///
    /// - Complexity: O(rows · leaves · dimensions).
    public func leaves(of rows: [Float], threads: Int, kernels: Kernels) -> [UInt32] {
        table.nearest(to: rows, threads: threads, kernels: kernels)
    }

    /// The second partition of each row; `nil` where rows have none.
    public func secondLeaves(of rows: [Float], first: [UInt32], threads: Int, kernels: Kernels) -> [UInt32]? {
        second?.leaves(for: rows, first: first, threads: threads, kernels: kernels)
    }
}
