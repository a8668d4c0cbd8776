import VectorKernels

/// What a model is trained for and with.
public struct TreeTraining: Sendable {
    /// How residuals are brought into the space of the codebooks.
    public enum ProjectionChoice: Sendable, Equatable {
        /// Decided from the dimensions and the residuals.
        case auto
        case none
        case random
        case principalAxes(Int)
    }

    public var form: ScoreForm
    /// Whether all rows have length 1, as under cosine.
    public var isNormalised: Bool
    public var dimensions: Int
    public var leaves: Int
    public var iterations: Int
    public var projection: ProjectionChoice
    /// `nil`: as many as suit what is projected to.
    public var dimensionsPerBlock: Int?
    public var hasSecondAssignments: Bool
    /// See ``TreeModel/anisotropy``.
    public var anisotropy: Float
    public var seed: UInt64
    public var threads: Int

    public init(
        form: ScoreForm, isNormalised: Bool, dimensions: Int, leaves: Int, iterations: Int,
        projection: ProjectionChoice, dimensionsPerBlock: Int?, hasSecondAssignments: Bool, anisotropy: Float,
        seed: UInt64, threads: Int
    ) {
        self.form = form
        self.isNormalised = isNormalised
        self.dimensions = dimensions
        self.leaves = leaves
        self.iterations = iterations
        self.projection = projection
        self.dimensionsPerBlock = dimensionsPerBlock
        self.hasSecondAssignments = hasSecondAssignments
        self.anisotropy = anisotropy
        self.seed = seed
        self.threads = threads
    }

    /// Dimensions for which a matrix of second moments is reasonable.
    public static let principalAxesLimit = 4096

    /// Four dimensions share a code where there are many of them, which halves the bytes; two elsewhere.
    public func perBlock(projected: Int) -> Int {
        min(projected, dimensionsPerBlock ?? (projection == .none || projected < 192 ? 2 : 4))
    }

    /// Rows that train the centroids: enough for every leaf, and no more than sampling error asks for.
    public var rowCount: Int { max(20_000, min(leaves, Int.max / 128) * 100) }

    /// Different purposes draw from different streams of the same seed.
    public func seed(_ purpose: Purpose) -> UInt64 { seed &* 0x9E37_79B9_7F4A_7C15 &+ purpose.rawValue }

    public enum Purpose: UInt64, Sendable {
        case sample = 1
        case centroids = 2
        case projection = 3
        case codebooks = 4
    }

    /// A model, and what else training saw.
    public struct Result: Sendable {
        public var model: TreeModel
        /// The share of the sample that each leaf holds.
        public var leafShares: [Double]
    }

    /// Trains partitions, projection and codebooks.
    ///
    /// - Parameters:
    ///   - rows: the sample, row-major, at least as many rows as leaves; drawn with `seed(.sample)` where it is a part.
    ///   - queries: what searches will ask for, row-major; may be empty.
    ///   - report: gets rounds done and to do; throws to stop.
    /// - Complexity: O(iterations · rows · leaves · dimensions).
    public func train(rows: [Float], queries: [Float], report: (Int, Int) throws -> Void) throws -> Result {
        guard leaves > 0 else { return Result(model: .empty(self), leafShares: []) }
        let kernels = Kernels.best
        let rounds = iterations + 2
        let centroids = try KMeans.train(
            rows: rows, dimensions: dimensions, count: leaves, iterations: iterations, seed: seed(.centroids),
            threads: threads, kernels: kernels
        ) { try report($0, rounds) }
        // Rows belong to the nearest centroid; their residuals refer to what is stored of it.
        let partitions = Partitions(centroids, rows: rows, training: self, kernels: kernels)
        try report(rounds - 2, rounds)
        let residuals = Residuals(partitions, rows: rows, training: self)
        let (projection, projectionOrigin) = projection(of: residuals, kernels: kernels)
        try report(rounds - 1, rounds)
        let shape = Codebooks.Shape(
            projectedDimensions: projection.outputDimensions,
            dimensionsPerBlock: perBlock(projected: projection.outputDimensions))
        var projected = residuals.projected(by: projection, shape: shape, training: self, kernels: kernels)
        let codingLength = CodingLength.typical(of: projected, width: shape.paddedDimensions)
        CodingLength.apply(codingLength, to: &projected, width: shape.paddedDimensions)
        let codebooks = Codebooks.train(
            sample: projected, shape: shape, iterations: 12, seed: seed(.codebooks), threads: threads, kernels: kernels)
        let routing = form == .dot ? rescaled(centroids, rows: rows, assigned: partitions.assigned) : centroids
        let ranksByProjection = form != .dot && canRank(projection, centroids: centroids, kernels: kernels)
        let hasBiases =
            form != .dot || isNormalised
            || needsBiases(
                residuals, sample: rows, queries: queries, routing: routing, projection: projection,
                codebooks: codebooks, codingLength: codingLength, kernels: kernels)
        try report(rounds, rounds)
        let model = TreeModel(
            form: form, dimensions: dimensions, centroids: centroids, origin: partitions.origin,
            storedCentroids: partitions.stored,
            routing: routingMatrix(
                routing, origin: partitions.origin, projection: ranksByProjection ? projection : nil, kernels: kernels),
            ranksByProjection: ranksByProjection, projection: projection, projectionOrigin: projectionOrigin,
            codebooks: codebooks, codingLength: codingLength, hasBiases: hasBiases, anisotropy: anisotropy,
            hasSecondAssignments: hasSecondAssignments && leaves > 1, iterations: iterations, seed: seed)
        return Result(model: model, leafShares: partitions.shares(leaves: leaves))
    }

    /// Centroids in all their forms, and the leaf of each row of the sample.
    fileprivate struct Partitions {
        let origin: [Float]
        let stored: [UInt8]
        /// What residuals refer to: origin and stored centroids added up.
        let references: [Float]
        let assigned: [UInt32]

        init(_ centroids: [Float], rows: [Float], training: TreeTraining, kernels: Kernels) {
            let dimensions = training.dimensions
            let mean = meanOfRows(centroids, dimensions: dimensions)
            let storage = RowStorage(element: TreeView.centroidElement, dimensions: dimensions)
            let relative = centroids.enumerated().map { $1 - mean[$0 % dimensions] }
            let bytes = storage.encode(relative.span)
            // Proof: the span of the bytes is used within the call.
            references = unsafe storage.decode(bytes.span.bytes)
                .enumerated().map { mean[$0 % dimensions] + $1 }
            assigned = CentroidTable(centroids, dimensions: dimensions, kernels: kernels)
                .nearest(to: rows, threads: training.threads, kernels: kernels)
            (origin, stored) = (mean, bytes)
        }

        func shares(leaves: Int) -> [Double] {
            var shares = [Double](repeating: 0, count: leaves)
            for leaf in assigned { shares[Int(leaf)] += 1 / Double(max(1, assigned.count)) }
            return shares
        }
    }

    /// Rows whose residuals train axes and codebooks: fewer than centroids need, at most 32 MiB of them.
    struct Residuals {
        let rows: [Float]
        let assigned: [UInt32]
        let references: [Float]

        fileprivate init(_ partitions: Partitions, rows: [Float], training: TreeTraining) {
            let dimensions = training.dimensions
            let count = min(partitions.assigned.count, max(256, min(16_384, (32 << 20) / (4 * dimensions))))
            self.rows = Array(rows[..<(count * dimensions)])
            assigned = Array(partitions.assigned[..<count])
            references = partitions.references
        }

        func projected(
            by projection: Projection, shape: Codebooks.Shape, training: TreeTraining, kernels: Kernels
        ) -> [Float] {
            Encoder.projectedResiduals(
                rows: rows, assigned: assigned, centroids: references, projection: projection, shape: shape,
                threads: training.threads, kernels: kernels)
        }
    }

    /// What queries, projected or not, are ranked against.
    private func routingMatrix(
        _ routing: [Float], origin: [Float], projection: Projection?, kernels: Kernels
    ) -> ByteMatrix {
        // What all rows share ranks none of them before another by inner product, and would cost bytes precision.
        let mean = form == .dot ? meanOfRows(routing, dimensions: dimensions) : origin
        let rows = routing.enumerated().map { $1 - mean[$0 % dimensions] }
        let width = projection?.outputDimensions ?? dimensions
        return ByteMatrix(
            rows: projection?.applied(to: rows.span, paddedTo: width, kernels: kernels) ?? rows, columnCount: width,
            hasBiases: form != .dot, kernels: kernels)
    }

    /// Whether biases take away enough of the error of inner products to be worth their bytes.
    private func needsBiases(
        _ residuals: Residuals, sample: [Float], queries: [Float], routing: [Float], projection: Projection,
        codebooks: Codebooks, codingLength: Float, kernels: Kernels
    ) -> Bool {
        // Candidates can stand for queries only where all point the same way at the same length: a query like a candidate
        // lies along that one's centroid, as others need not.
        guard !queries.isEmpty || haveLikeLengths(residuals.rows) else { return false }
        let benefit = BiasBenefit(
            rows: residuals.rows, assigned: residuals.assigned, centroids: residuals.references, routing: routing,
            queries: queries.isEmpty ? Array(sample.prefix(64 * dimensions)) : queries, projection: projection,
            codebooks: codebooks, codingLength: codingLength, threads: threads, kernels: kernels)
        return benefit.squaredErrorWith < 0.5 * benefit.squaredErrorWithout
    }

    /// Centroids as long as their rows are on average: a mean of scattered vectors is shorter than they are, which would rank
    /// wide partitions too low for inner products.
    private func rescaled(_ centroids: [Float], rows: [Float], assigned: [UInt32]) -> [Float] {
        let leaves = centroids.count / dimensions
        var (sums, counts) = ([Double](repeating: 0, count: leaves), [Int](repeating: 0, count: leaves))
        for (row, leaf) in assigned.enumerated() {
            sums[Int(leaf)] += length(ofRow: row, in: rows)
            counts[Int(leaf)] += 1
        }
        var result = centroids
        for leaf in 0..<leaves where counts[leaf] > 0 {
            let length = length(ofRow: leaf, in: centroids)
            let factor = Float(sums[leaf] / Double(counts[leaf]) / length)
            guard length > 0, factor.isFinite else { continue }
            for index in leaf * dimensions..<(leaf + 1) * dimensions { result[index] *= factor }
        }
        return result
    }

    /// Whether the lengths of rows differ by less than a tenth (their standard deviation, in means).
    private func haveLikeLengths(_ rows: [Float]) -> Bool {
        let lengths = (0..<rows.count / dimensions).map { length(ofRow: $0, in: rows) }
        let mean = lengths.reduce(0, +) / Double(max(1, lengths.count))
        let variance = lengths.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, lengths.count))
        return variance < 0.01 * mean * mean
    }

    private func length(ofRow row: Int, in rows: [Float]) -> Double {
        var sum = 0.0
        for index in row * dimensions..<(row + 1) * dimensions { sum += Double(rows[index]) * Double(rows[index]) }
        return sum.squareRoot()
    }
}
