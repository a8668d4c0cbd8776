import VectorKernels

/// How much of the error of estimated inner products goes away when slots store a bias (numerics, section 4).
///
/// Where vectors share a direction, as unit vectors in a narrow cone do, most of a query lies along the centroids, and so
/// does most of the error; where they do not, a bias only makes the scan longer.
public struct BiasBenefit: Sendable {
    public var squaredErrorWithout = 0.0
    public var squaredErrorWith = 0.0

    /// Measures a sample.
    ///
    /// - Parameters:
    ///   - rows: the sample, row-major, and the leaf that each row is `assigned` to.
    ///   - queries: row-major; each is held against the sample's rows in the leaves that rank best for it.
    ///   - routing: what leaves are ranked by, `leaves × dimensions`.
    /// - Complexity: O(queries · leaves · dimensions + rows · K).
    public init(
        rows: [Float], assigned: [UInt32], centroids: [Float], routing: [Float], queries: [Float],
        projection: Projection, codebooks: Codebooks, codingLength: Float, threads: Int, kernels: Kernels
    ) {
        let (dimensions, shape) = (projection.inputDimensions, codebooks.shape)
        var projected = Encoder.projectedResiduals(
            rows: rows, assigned: assigned, centroids: centroids, projection: projection, shape: shape,
            threads: threads, kernels: kernels)
        let factors = CodingLength.apply(codingLength, to: &projected, width: shape.paddedDimensions)
        let (codes, products, norms) = kernels.encode(
            projected.span, shape: shape, codewords: codebooks.codewords, halfNorms: codebooks.halfNorms)
        let ranks = BlockMatrix(rows: routing, columnCount: dimensions)
        let members = Clusters(assigned: assigned, count: centroids.count / dimensions)
        for start in stride(from: 0, to: queries.count, by: dimensions) {
            let query = Array(queries[start..<start + dimensions])
            let projectedQuery = projection.applied(
                to: query.span, paddedTo: shape.paddedDimensions, kernels: kernels)
            let scores = kernels.products(of: query, with: ranks)
            let best = (0..<ranks.rowCount).sorted { (scores[$0], $1) > (scores[$1], $0) }.prefix(4)
            for leaf in best {
                let centroid = Array(centroids[leaf * dimensions..<(leaf + 1) * dimensions])
                let factor = dot(query, centroid) / dot(centroid, centroid)
                let projectedCentroid = projection.applied(
                    to: centroid.span, paddedTo: shape.paddedDimensions, kernels: kernels)
                for row in members.members(of: leaf).map(Int.init) {
                    let residual = (0..<dimensions).map { rows[row * dimensions + $0] - centroid[$0] }
                    let word = Array(codes[row * shape.evenSubspaces..<(row + 1) * shape.evenSubspaces])
                    let scale = Double(
                        estimateScale(product: products[row], norm: norms[row], factor: factors[row]))
                    let error = { (vector: [Float], projected: [Float]) in
                        product(of: projected, with: word, codebooks) * scale - dot(vector, residual)
                    }
                    let (whole, along) = (error(query, projectedQuery), error(centroid, projectedCentroid))
                    squaredErrorWithout += whole * whole
                    let rest = whole - (factor.isFinite ? factor : 0) * along
                    squaredErrorWith += rest * rest
                }
            }
        }
    }
}

/// ⟨z, ŷ⟩.
private func product(of vector: [Float], with codes: [UInt8], _ codebooks: Codebooks) -> Double {
    let shape = codebooks.shape
    var sum = 0.0
    for subspace in 0..<shape.subspaces {
        for offset in 0..<shape.dimensionsPerBlock {
            let dimension = subspace * shape.dimensionsPerBlock + offset
            sum += Double(vector[dimension]) * Double(codebooks.codewords[dimension * 16 + Int(codes[subspace])])
        }
    }
    return sum
}

private func dot(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
}
