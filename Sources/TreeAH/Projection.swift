import VectorKernels

/// The orthonormal K × d map that residuals and queries go through before they meet the codebooks.
///
/// `Formats/numerics.md`, section 4, "The projected query", gives its arithmetic.
public enum Projection: Sendable {
    /// K = d, the vector itself.
    case none(dimensions: Int)
    /// A matrix; costs a query K·d multiplications of bytes. Beside it the rows that its bytes mean, for residuals.
    case dense(ByteMatrix, BlockMatrix)
    /// Four rounds of random signs and Walsh–Hadamard transforms: a rotation that costs d·log d.
    case structured(signs: [Float])

    /// Above this many entries a rotation is structured instead of dense.
    public static let denseEntryLimit = 1 << 17

    /// K.
    public var outputDimensions: Int {
        switch self {
        case .none(let dimensions): dimensions
        case .dense(let matrix, _): matrix.rowCount
        case .structured(let signs): signs.count / 4
        }
    }

    /// A matrix of K orthonormal rows, as near to them as bytes come.
    public static func dense(rows: [Float], columnCount: Int) -> Projection {
        .dense(ByteMatrix(rows: rows, columnCount: columnCount, hasBiases: false, kernels: .best))
    }

    public static func dense(_ matrix: ByteMatrix) -> Projection {
        .dense(matrix, BlockMatrix(rows: matrix.meantRows, columnCount: matrix.columnCount))
    }

    /// A random rotation of `dimensions` dimensions, dense while it is small.
    public static func randomRotation(dimensions: Int, seed: UInt64) -> Projection {
        var generator = SeededGenerator(seed: seed)
        if dimensions * dimensions <= denseEntryLimit {
            let rows = Orthonormal.random(count: dimensions, dimensions: dimensions, generator: &generator)
            return .dense(rows: rows.map { Float($0) }, columnCount: dimensions)
        }
        var signs = [Float](repeating: 1, count: 4 * dimensions)
        for index in signs.indices where generator.next() >> 63 == 1 { signs[index] = -1 }
        return .structured(signs: signs)
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
