import VectorKernels

/// The orthonormal K × d map that residuals and queries go through before they meet the codebooks.
///
/// `Formats/numerics.md`, section 4, "The projected query", gives its arithmetic.
public enum Projection: Sendable {
    /// K = d, the vector itself.
    case none(dimensions: Int)
    /// A matrix; costs a query K·d multiplications.
    case dense(BlockMatrix)
    /// Four rounds of random signs and Walsh–Hadamard transforms: a rotation that costs d·log d.
    case structured(signs: [Float])

    /// Above this many entries a rotation is structured instead of dense.
    public static let denseEntryLimit = 1 << 17

    /// K.
    public var outputDimensions: Int {
        switch self {
        case .none(let dimensions): dimensions
        case .dense(let matrix): matrix.rowCount
        case .structured(let signs): signs.count / 4
        }
    }

    /// A random rotation of `dimensions` dimensions, dense while it is small.
    public static func randomRotation(dimensions: Int, seed: UInt64) -> Projection {
        var generator = SeededGenerator(seed: seed)
        if dimensions * dimensions <= denseEntryLimit {
            let rows = Orthonormal.random(count: dimensions, dimensions: dimensions, generator: &generator)
            return .dense(BlockMatrix(rows: rows.map { Float($0) }, columnCount: dimensions))
        }
        var signs = [Float](repeating: 1, count: 4 * dimensions)
        for index in signs.indices where generator.next() >> 63 == 1 { signs[index] = -1 }
        return .structured(signs: signs)
    }

    /// The `count` leading principal axes of `vectors`, randomly rotated among themselves so that every subspace
    /// carries the same share of the variance.
    ///
    /// Orthogonal iteration on the second-moment matrix: the axes themselves are not needed, only the space they
    /// span, and that converges in a few rounds.
    ///
    /// - Parameter vectors: row-major; a sample of residuals.
    /// - Complexity: O(rows · d² + rounds · count · d · (d + count)); memory 4·d² bytes.
    public static func principalAxes(
        count: Int, of vectors: [Float], dimensions: Int, seed: UInt64, threads: Int, kernels: Kernels
    ) -> Projection {
        precondition(count >= 1 && count <= dimensions)
        var generator = SeededGenerator(seed: seed)
        let moments = secondMoments(of: vectors, dimensions: dimensions, threads: threads, kernels: kernels)
        var axes = Orthonormal.random(count: count, dimensions: dimensions, generator: &generator)
        for _ in 0..<15 {
            let current = axes
            let products = concurrentMap(count: count, threads: threads) { axis in
                let vector = current[axis * dimensions..<(axis + 1) * dimensions].map { Float($0) }
                return kernels.products(of: vector, with: moments)
            }
            axes = products.flatMap { $0.prefix(dimensions).map { Double($0) } }
            Orthonormal.orthonormalize(&axes, dimensions: dimensions, generator: &generator)
        }
        let rotation = Orthonormal.random(count: count, dimensions: count, generator: &generator)
        let rows = Orthonormal.product(rotation, axes, inner: count, columns: dimensions)
        return .dense(BlockMatrix(rows: rows.map { Float($0) }, columnCount: dimensions))
    }

    /// Σ x xᵀ over the rows, d × d.
    private static func secondMoments(
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

extension Kernels {
    /// The products of one vector with every row of `matrix`, padding included.
    func products(of vector: [Float], with matrix: BlockMatrix) -> [Float] {
        var result = [Float](repeating: 0, count: matrix.paddedRowCount)
        var output = result.mutableSpan
        blockProducts(of: vector.span, with: matrix.values.span, into: &output)
        return result
    }
}
