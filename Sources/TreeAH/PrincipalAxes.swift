import VectorKernels

/// The leading principal axes of some vectors.
///
/// Orthogonal iteration on the second-moment matrix: the space that the axes span converges in a few rounds, and the axes
/// come in the order of their variance.
public struct PrincipalAxes: Sendable {
    public let count: Int
    private let dimensions: Int
    /// `count × dimensions`, orthonormal rows.
    private let axes: [Double]
    /// The share of the variance that the first 0, 1, … `count` axes carry together.
    private let shares: [Double]
    private var generator: SeededGenerator

    /// - Parameter vectors: row-major; a sample of residuals.
    /// - Complexity: O(rows · d² + rounds · count · d · (d + count)); memory 4·d² bytes.
    public init(count: Int, of vectors: [Float], dimensions: Int, seed: UInt64, threads: Int, kernels: Kernels) {
        precondition(count >= 1 && count <= dimensions)
        var generator = SeededGenerator(seed: seed)
        let moments = Self.secondMoments(of: vectors, dimensions: dimensions, threads: threads, kernels: kernels)
        var axes = Orthonormal.random(count: count, dimensions: dimensions, generator: &generator)
        var variances: [Double] = []
        for _ in 0..<15 {
            let current = axes
            let products = concurrentMap(count: count, threads: threads) { axis in
                let vector = current[axis * dimensions..<(axis + 1) * dimensions].map { Float($0) }
                return kernels.products(of: vector, with: moments)
            }
            variances = products.enumerated().map { axis, product in
                (0..<dimensions).reduce(0) { $0 + Double(product[$1]) * current[axis * dimensions + $1] }
            }
            axes = products.flatMap { $0.prefix(dimensions).map { Double($0) } }
            Orthonormal.orthonormalize(&axes, dimensions: dimensions, generator: &generator)
        }
        let total = (0..<dimensions).reduce(0.0) { sum, axis in
            sum + Double(moments.values[(axis / 16 * dimensions + axis) * 16 + axis % 16])
        }
        shares = variances.reduce(into: [0]) { $0.append($0[$0.count - 1] + (total > 0 ? $1 / total : 0)) }
        (self.count, self.dimensions, self.axes, self.generator) = (count, dimensions, axes, generator)
    }

    /// The share of the variance, 0…1, that the first `count` axes carry.
    public func share(of count: Int) -> Double { shares[count] }

    /// The first `count` axes, randomly rotated among themselves so that every subspace carries the same share of the
    /// variance.
    public func projection(count: Int) -> Projection {
        var generator = generator
        let rotation = Orthonormal.random(count: count, dimensions: count, generator: &generator)
        let rows = Orthonormal.product(
            rotation, Array(axes.prefix(count * dimensions)), inner: count, columns: dimensions)
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
