import TreeAH
import VectorKernels

/// Everything that is learned from a sample before rows are encoded.
struct TrainedTree {
    var dimensions: Int
    /// `leaves × dimensions`, row-major: what residuals refer to, the sums of the origin and the rows that are stored.
    var centroids: [Float]
    /// The centroids less the origin, as they are stored.
    var storedCentroids: [UInt8]
    /// What centroids are counted from, and queries as well for squared distances: the centroids' mean.
    var origin: [Float]
    /// What queries are ranked against, `leaves × dimensions`.
    var routing: [Float]
    var table: CentroidTable
    var projection: Projection
    var projectionOrigin: IndexParameters.ProjectionOrigin
    var codebooks: Codebooks
    /// The length to which residuals are brought before they are coded.
    var codingLength: Float
    var hasBiases: Bool
    /// Whether leaves are ranked by the projected query.
    var ranksByProjection: Bool
    /// Rows of the sample that each leaf holds, scaled to all rows.
    var expectedSizes: [Double]
    var iterations: Int
    /// Finds rows their second partitions; `nil` where they have none.
    var second: SecondAssignment?
    /// See ``Encoder``.
    var anisotropy: Float = 0

    var leafCount: Int { table.count }

    /// Trains partitions, projection and codebooks.
    ///
    /// - Parameters:
    ///   - queries: some of the export's own, row-major; may be empty.
    ///   - report: gets rounds done and to do; throws to stop.
    static func train(
        _ plan: BuildPlan, _ treePlan: BuildPlan.TreePlan, sample: TrainingSample, queries: [Float],
        report: (Int, Int) throws -> Void
    ) throws -> TrainedTree {
        let (kernels, dimensions, threads) = (Kernels.best, plan.dimensions, plan.threads)
        let rounds = treePlan.iterations + 2
        // Different purposes draw from different streams of the same seed.
        let seed = { (purpose: UInt64) in plan.seed &* 0x9E37_79B9_7F4A_7C15 &+ purpose }
        let rows = sample.part(count: plan.trainingRowCount(leaves: treePlan.leaves), seed: seed(1))
        let centroids = try KMeans.train(
            rows: rows, dimensions: dimensions, count: treePlan.leaves, iterations: treePlan.iterations, seed: seed(2),
            threads: threads, kernels: kernels
        ) { try report($0, rounds) }
        // Rows belong to the nearest centroid; their residuals refer to what is stored of it.
        let origin = meanOfRows(centroids, dimensions: dimensions)
        let storage = RowStorage(element: TreeView.centroidElement, dimensions: dimensions)
        let relative = centroids.enumerated().map { $1 - origin[$0 % dimensions] }
        let storedCentroids = storage.encode(relative.span)
        let references = unsafe storage.decode(storedCentroids.span.bytes)
            .enumerated().map { origin[$0 % dimensions] + $1 }
        let table = CentroidTable(centroids, dimensions: dimensions, kernels: kernels)
        let assigned = table.nearest(to: rows, threads: threads, kernels: kernels)
        var sizes = [Double](repeating: 0, count: treePlan.leaves)
        for leaf in assigned { sizes[Int(leaf)] += Double(plan.inputRowCount) / Double(max(1, assigned.count)) }
        try report(rounds - 2, rounds)

        // Codebooks and axes need fewer rows than centroids; at most 32 MiB of them.
        let residualCount = min(assigned.count, max(256, min(16_384, (32 << 20) / (4 * dimensions))))
        let residualRows = Array(rows[..<(residualCount * dimensions)])
        let residualAssigned = Array(assigned[..<residualCount])
        let (projection, projectionOrigin) = projection(
            treePlan.projection, rows: residualRows, assigned: residualAssigned, centroids: references,
            dimensions: dimensions,
            seed: seed(3), threads: threads, kernels: kernels)
        try report(rounds - 1, rounds)
        let shape = Codebooks.Shape(
            projectedDimensions: projection.outputDimensions,
            dimensionsPerBlock: treePlan.perBlock(projected: projection.outputDimensions))
        var projected = Encoder.projectedResiduals(
            rows: residualRows, assigned: residualAssigned, centroids: references, projection: projection, shape: shape,
            threads: threads, kernels: kernels)
        let codingLength = CodingLength.typical(of: projected, width: shape.paddedDimensions)
        CodingLength.apply(codingLength, to: &projected, width: shape.paddedDimensions)
        let codebooks = Codebooks.train(
            sample: projected, shape: shape, iterations: 12, seed: seed(4), threads: threads, kernels: kernels)
        let routing =
            plan.metric != .l2
            ? rescaled(centroids, rows: rows, assigned: assigned, dimensions: dimensions) : centroids
        let hasBiases =
            plan.metric != .dot
            || {
                // Candidates can stand for queries only where all point the same way at the same length: a query like a
                // candidate lies along that one's centroid, as others need not.
                guard !queries.isEmpty || haveLikeLengths(residualRows, dimensions) else { return false }
                let benefit = BiasBenefit(
                    rows: residualRows, assigned: residualAssigned, centroids: references, routing: routing,
                    queries: queries.isEmpty ? Array(rows.prefix(64 * dimensions)) : queries, projection: projection,
                    codebooks: codebooks, codingLength: codingLength, threads: threads, kernels: kernels)
                return benefit.squaredErrorWith < 0.5 * benefit.squaredErrorWithout
            }()
        try report(rounds, rounds)
        return TrainedTree(
            dimensions: dimensions, centroids: references,
            storedCentroids: storedCentroids, origin: origin,
            routing: routing, table: table, projection: projection, projectionOrigin: projectionOrigin,
            codebooks: codebooks, codingLength: codingLength, hasBiases: hasBiases,
            ranksByProjection: plan.metric == .l2
                && canRank(projection, centroids: centroids, dimensions: dimensions, kernels: kernels),
            expectedSizes: sizes, iterations: treePlan.iterations,
            second: treePlan.hasSecondAssignments && treePlan.leaves > 1
                ? SecondAssignment(centroids: references, dimensions: dimensions, threads: threads, kernels: kernels)
                : nil,
            anisotropy: treePlan.anisotropy)
    }

    /// What queries, projected or not, are ranked against.
    func routingMatrix(for metric: Metric, kernels: Kernels) -> ByteMatrix {
        // What all rows share ranks none of them before another by inner product, and would cost bytes precision.
        let mean = metric == .l2 ? origin : meanOfRows(routing, dimensions: dimensions)
        let rows = routing.enumerated().map { $1 - mean[$0 % dimensions] }
        let width = ranksByProjection ? projection.outputDimensions : dimensions
        return ByteMatrix(
            rows: ranksByProjection ? projection.applied(to: rows.span, paddedTo: width, kernels: kernels) : rows,
            columnCount: width, hasBiases: metric == .l2, kernels: kernels)
    }

    /// The tree of no rows: no leaves, and a codec that codes nothing.
    static func empty(_ plan: BuildPlan, _ treePlan: BuildPlan.TreePlan) throws -> TrainedTree {
        let projection = Projection.none(dimensions: plan.dimensions)
        let shape = Codebooks.Shape(
            projectedDimensions: plan.dimensions, dimensionsPerBlock: treePlan.perBlock(projected: plan.dimensions))
        return TrainedTree(
            dimensions: plan.dimensions, centroids: [],
            storedCentroids: [], origin: [Float](repeating: 0, count: plan.dimensions), routing: [],
            table: CentroidTable([], dimensions: plan.dimensions, kernels: .best), projection: projection,
            projectionOrigin: .none,
            codebooks: Codebooks(shape: shape, codewords: [Float](repeating: 0, count: shape.codewordFloatCount)),
            codingLength: 1,
            hasBiases: plan.metric != .dot, ranksByProjection: false,
            expectedSizes: [], iterations: treePlan.iterations)
    }

    private static func projection(
        _ choice: ProjectionChoice, rows: [Float], assigned: [UInt32], centroids: [Float], dimensions: Int,
        seed: UInt64,
        threads: Int, kernels: Kernels
    ) -> (Projection, IndexParameters.ProjectionOrigin) {
        func moments() -> SecondMoments {
            let residuals = Encoder.projectedResiduals(
                rows: rows, assigned: assigned, centroids: centroids, projection: .none(dimensions: dimensions),
                shape: Codebooks.Shape(projectedDimensions: dimensions, dimensionsPerBlock: 1), threads: threads,
                kernels: kernels)
            // An odd number of subspaces has been completed by a column of zeros.
            let width = (dimensions + 1) / 2 * 2
            let unpadded =
                width == dimensions
                ? residuals
                : (0..<assigned.count).flatMap { residuals[$0 * width..<$0 * width + dimensions] }
            return SecondMoments(of: unpadded, dimensions: dimensions, threads: threads, kernels: kernels)
        }
        func axes(_ count: Int, of moments: SecondMoments) -> Projection {
            moments.principalAxes(count: count, seed: seed, threads: threads, kernels: kernels)
        }
        switch choice {
        case .none: return (.none(dimensions: dimensions), .none)
        case .random: return (.randomRotation(dimensions: dimensions, seed: seed), .random)
        case .principalAxes(let count): return (axes(count, of: moments()), .principalAxes)
        case .auto:
            guard dimensions >= 96 else { return (.none(dimensions: dimensions), .none) }
            // As many axes as residuals have dimensions in effect carry what matters: axes that are left out add less error
            // than codes do. Where variance is spread over all axes they would ruin recall, and a rotation is right.
            guard dimensions <= BuildPlan.principalAxesLimit else {
                return (.randomRotation(dimensions: dimensions, seed: seed), .random)
            }
            let moments = moments()
            let count = max(32, Int((moments.effectiveDimensions / 16).rounded(.up)) * 16)
            guard count <= dimensions / 2, count * dimensions <= Projection.denseEntryLimit else {
                return (.randomRotation(dimensions: dimensions, seed: seed), .random)
            }
            return (axes(count, of: moments), .principalAxes)
        }
    }

    /// Whether projected queries rank leaves as whole ones do, while there is less to read: the axes are those of residuals,
    /// and must carry the differences between centroids as well. Only those matter to squared distances; inner products
    /// with rescaled centroids also have what all centroids share.
    private static func canRank(
        _ projection: Projection, centroids: [Float], dimensions: Int, kernels: Kernels
    ) -> Bool {
        guard projection.kind == .dense, 2 * projection.outputDimensions <= dimensions else { return false }
        let mean = meanOfRows(centroids, dimensions: dimensions)
        let centred = centroids.enumerated().map { $1 - mean[$0 % dimensions] }
        let projected = projection.applied(
            to: centred.span, paddedTo: projection.outputDimensions, kernels: kernels)
        func energy(_ vectors: [Float]) -> Double { vectors.reduce(0) { $0 + Double($1) * Double($1) } }
        return energy(projected) >= 0.95 * energy(centred)
    }

    /// Centroids as long as their rows are on average: a mean of scattered vectors is shorter than they are, which would rank
    /// wide partitions too low for inner products.
    private static func rescaled(_ centroids: [Float], rows: [Float], assigned: [UInt32], dimensions: Int) -> [Float] {
        let leaves = centroids.count / dimensions
        var (sums, counts) = ([Double](repeating: 0, count: leaves), [Int](repeating: 0, count: leaves))
        for (row, leaf) in assigned.enumerated() {
            sums[Int(leaf)] += norm(rows, row, dimensions)
            counts[Int(leaf)] += 1
        }
        var result = centroids
        for leaf in 0..<leaves where counts[leaf] > 0 {
            let length = norm(centroids, leaf, dimensions)
            let factor = Float(sums[leaf] / Double(counts[leaf]) / length)
            guard length > 0, factor.isFinite else { continue }
            for index in leaf * dimensions..<(leaf + 1) * dimensions { result[index] *= factor }
        }
        return result
    }

    /// Whether the lengths of rows differ by less than a tenth (their standard deviation, in means).
    private static func haveLikeLengths(_ rows: [Float], _ dimensions: Int) -> Bool {
        let lengths = (0..<rows.count / dimensions).map { norm(rows, $0, dimensions) }
        let mean = lengths.reduce(0, +) / Double(max(1, lengths.count))
        let variance = lengths.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, lengths.count))
        return variance < 0.01 * mean * mean
    }

    private static func norm(_ rows: [Float], _ row: Int, _ dimensions: Int) -> Double {
        var sum = 0.0
        for index in row * dimensions..<(row + 1) * dimensions { sum += Double(rows[index]) * Double(rows[index]) }
        return sum.squareRoot()
    }

    func parameters(metric: Metric, slotCount: Int, blockCount: Int) -> IndexParameters.Tree {
        IndexParameters.Tree(
            leafCount: leafCount, shape: codebooks.shape, projection: projection.kind,
            projectionOrigin: projectionOrigin,
            hasBiases: hasBiases, ranksByProjection: ranksByProjection, codingLength: codingLength,
            slotCount: slotCount,
            blockCount: blockCount, hasSecondAssignments: second != nil, anisotropy: anisotropy,
            trainingIterations: iterations)
    }
}
