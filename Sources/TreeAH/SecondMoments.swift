import VectorKernels

/// How the variance of some vectors, usually residuals, is spread over directions.
public struct SecondMoments: Sendable {
    public let dimensions: Int
    /// Σ x xᵀ, d × d.
    private let matrix: BlockMatrix

    /// - Parameter vectors: row-major; a sample.
    /// - Complexity: O(rows · d²); memory 4·d² bytes and a copy of the vectors.
    public init(of vectors: [Float], dimensions: Int, threads: Int, kernels: Kernels) {
        self.dimensions = dimensions
        matrix = Self.sum(of: vectors, dimensions: dimensions, threads: threads, kernels: kernels)
    }

    /// The participation ratio (Σλ)² / Σλ² of the variances λ along the principal axes: d where all are equal, 1 where there
    /// is but one. Needs no axes, for Σλ is the trace and Σλ² the sum of the squared elements.
    public var effectiveDimensions: Double {
        var (trace, squares) = (0.0, 0.0)
        for value in matrix.values { squares += Double(value) * Double(value) }
        for axis in 0..<dimensions { trace += Double(matrix.values[(axis / 16 * dimensions + axis) * 16 + axis % 16]) }
        return squares > 0 ? trace * trace / squares : 0
    }

    /// The `count` leading principal axes, randomly rotated among themselves so that every subspace carries the same share of
    /// the variance.
    ///
    /// Orthogonal iteration: the space that the axes span converges in a few rounds.
    ///
    /// - Complexity: O(count · d · (d + count)).
    public func principalAxes(count: Int, seed: UInt64, threads: Int, kernels: Kernels) -> Projection {
        precondition(count >= 1 && count <= dimensions)
        var generator = SeededGenerator(seed: seed)
        var axes = Orthonormal.random(count: count, dimensions: dimensions, generator: &generator)
        for _ in 0..<15 {
            let current = axes
            let products = concurrentMap(count: count, threads: threads) { axis in
                let vector = current[axis * dimensions..<(axis + 1) * dimensions].map { Float($0) }
                return kernels.products(of: vector, with: matrix)
            }
            axes = products.flatMap { $0.prefix(dimensions).map { Double($0) } }
            Orthonormal.orthonormalize(&axes, dimensions: dimensions, generator: &generator)
        }
        let rotation = Orthonormal.random(count: count, dimensions: count, generator: &generator)
        let rows = Orthonormal.product(rotation, axes, inner: count, columns: dimensions)
        return .dense(rows: rows.map { Float($0) }, columnCount: dimensions)
    }

    private static func sum(
        of vectors: [Float], dimensions: Int, threads: Int, kernels: Kernels
    ) -> BlockMatrix {
        let rowCount = vectors.count / dimensions
        guard rowCount > 0 else {
            return BlockMatrix(
                rows: [Float](repeating: 0, count: dimensions * dimensions), columnCount: dimensions)
        }
        var columns = [Float](repeating: 0, count: vectors.count)
        for row in 0..<rowCount {
            for column in 0..<dimensions { columns[column * rowCount + row] = vectors[row * dimensions + column] }
        }
        let transposed = columns
        let matrix = BlockMatrix(rows: transposed, columnCount: rowCount)
        let moments = concurrentMap(count: dimensions, threads: threads) { column in
            let vector = Array(transposed[column * rowCount..<(column + 1) * rowCount])
            return Array(kernels.products(of: vector, with: matrix).prefix(dimensions))
        }
        return BlockMatrix(rows: moments.flatMap { $0 }, columnCount: dimensions)
    }
}
