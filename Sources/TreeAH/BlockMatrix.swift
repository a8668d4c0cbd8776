/// A matrix of floats in blocks of 16 rows, for what a writer multiplies in floats; no file has one. Element (i, j) lies at
/// `((i / 16) * columns + j) * 16 + i % 16`, so that one vector register holds the same column of 16 rows.
public struct BlockMatrix: Sendable {
    public let rowCount: Int
    public let columnCount: Int
    /// `[ceil(rowCount / 16)][columnCount][16]`; missing rows are zero.
    public private(set) var values: [Float]

    public var blockCount: Int { (rowCount + 15) / 16 }
    /// `rowCount` rounded up to whole blocks: how many products the kernels write.
    public var paddedRowCount: Int { blockCount * 16 }

    /// - Parameter rows: `rowCount × columnCount`, row-major.
    public init(rows: [Float], columnCount: Int) {
        precondition(columnCount > 0 && rows.count % columnCount == 0)
        self.columnCount = columnCount
        rowCount = rows.count / columnCount
        values = [Float](repeating: 0, count: (rowCount + 15) / 16 * 16 * columnCount)
        for row in 0..<rowCount {
            let base = (row / 16) * columnCount * 16 + row % 16
            for column in 0..<columnCount {
                values[base + column * 16] = rows[row * columnCount + column]
            }
        }
    }

    /// - Parameter blocks: values as they are laid out here.
    public init(blocks: [Float], rowCount: Int, columnCount: Int) {
        precondition(blocks.count == (rowCount + 15) / 16 * 16 * columnCount)
        self.rowCount = rowCount
        self.columnCount = columnCount
        values = blocks
    }
}
