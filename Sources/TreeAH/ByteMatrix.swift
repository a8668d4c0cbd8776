import VectorKernels

/// A matrix whose rows are stored as signed bytes with a scale: `Formats/numerics.md`, section 3.
///
/// A query meets a matrix of routing centroids, and often a projection; as bytes they are a quarter of the memory to read
/// and of the multiplications, and what a row loses is far below what codes lose.
public struct ByteMatrix: Sendable {
    public let rowCount: Int
    public let columnCount: Int
    /// Blocks of 16 rows, as `Formats/segment.md` section 6 lays them out.
    public let bytes: [UInt8]

    /// Bytes at the end of each block: scale, scaled sum and bias of 16 rows.
    public static let factorByteCount = 192

    /// Bytes of 16 rows.
    public static func blockByteCount(columns: Int) -> Int { 64 * ((columns + 3) / 4) + factorByteCount }

    public static func byteCount(rows: Int, columns: Int) -> Int {
        (rows + 15) / 16 * blockByteCount(columns: columns)
    }

    /// - Parameters:
    ///   - rows: `rowCount × columnCount` finite floats, row-major.
    ///   - hasBiases: whether products start at −½|row|², as those that rank by squared distance do.
    ///   - closesPadding: whether the rows that complete the last block have biases of −∞, so that none of them is best.
    public init(rows: [Float], columnCount: Int, hasBiases: Bool, closesPadding: Bool = false, kernels: Kernels) {
        precondition(columnCount > 0 && rows.count % columnCount == 0)
        self.columnCount = columnCount
        rowCount = rows.count / columnCount
        var bytes = [UInt8](repeating: 0, count: Self.byteCount(rows: rowCount, columns: columnCount))
        let stride = Self.blockByteCount(columns: columnCount)
        for row in 0..<rowCount {
            let values = rows[row * columnCount..<(row + 1) * columnCount]
            let scale = values.reduce(0) { max($0, abs($1)) } / 127
            let weights = values.map {
                scale > 0 ? Int8(max(-127, min(127, ($0 / scale).rounded(.toNearestOrEven)))) : 0
            }
            let start = row / 16 * stride
            for (column, weight) in weights.enumerated() {
                bytes[start + Self.offset(row: row % 16, column: column)] = UInt8(bitPattern: weight)
            }
            let meant = weights.map { scale * Float($0) }
            let factors = [
                scale, scale * Float(weights.reduce(0) { $0 + Int($1) }),
                hasBiases ? (-0.5 * kernels.dot(meant.span, meant.span)).clampedToFinite : 0,
            ]
            for (place, factor) in factors.enumerated() {
                let at = start + stride - 192 + 64 * place + 4 * (row % 16)
                for byte in 0..<4 { bytes[at + byte] = UInt8(truncatingIfNeeded: factor.bitPattern >> (8 * byte)) }
            }
        }
        for row in rowCount..<(rowCount + 15) / 16 * 16 where closesPadding {
            let at = row / 16 * stride + stride - 64 + 4 * (row % 16)
            for byte in 0..<4 {
                bytes[at + byte] = UInt8(truncatingIfNeeded: (-Float.infinity).bitPattern >> (8 * byte))
            }
        }
        self.bytes = bytes
    }

    /// - Parameter bytes: as many as ``byteCount(rows:columns:)`` says.
    public init(bytes: [UInt8], rowCount: Int, columnCount: Int) {
        precondition(bytes.count == Self.byteCount(rows: rowCount, columns: columnCount))
        (self.bytes, self.rowCount, self.columnCount) = (bytes, rowCount, columnCount)
    }

    /// The rows that are meant by the bytes, row-major.
    public var meantRows: [Float] {
        let stride = Self.blockByteCount(columns: columnCount)
        var rows: [Float] = []
        rows.reserveCapacity(rowCount * columnCount)
        for row in 0..<rowCount {
            let start = row / 16 * stride
            let at = start + stride - 192 + 4 * (row % 16)
            let scale = Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << (8 * $1) })
            for column in 0..<columnCount {
                rows.append(scale * Float(Int8(bitPattern: bytes[start + Self.offset(row: row % 16, column: column)])))
            }
        }
        return rows
    }

    private static func offset(row: Int, column: Int) -> Int { 64 * (column / 4) + 4 * row + column % 4 }
}

extension Kernels {
    /// As ``byteProducts(of:with:levels:into:)``, with room made for `count` floats.
    func byteProducts(
        of vector: Span<Float>, with matrix: RawSpan, levels: inout [UInt8], into output: inout [Float], count: Int
    ) {
        output.reserveFloats(count)
        var span = output.mutableSpan
        byteProducts(of: vector, with: matrix, levels: &levels, into: &span)
    }

    /// The products of a vector with a byte matrix that lies somewhere else.
    ///
    /// - Parameters:
    ///   - matrix: whole blocks of rows as long as `vector`.
    ///   - levels: room for the vector's bytes.
    ///   - output: a float for each row, those that complete the last block included.
    /// - Complexity: O(rows · columns), four bytes at a time.
    func byteProducts(
        of vector: Span<Float>, with matrix: RawSpan, levels: inout [UInt8], into output: inout MutableSpan<Float>
    ) {
        let count = (vector.count + 3) / 4 * 4
        if levels.count < count { levels = [UInt8](repeating: 0, count: count) }
        var room = levels.mutableSpan
        let range = quantizeLevels(of: vector, into: &room)
        byteProducts(of: levels.span.extracting(0..<count), range, with: matrix, into: &output)
    }
}
