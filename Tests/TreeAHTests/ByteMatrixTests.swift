import Testing
import VectorKernels

@testable import TreeAH

@Suite struct ByteMatrixTests {
    static let shapes = [(1, 1), (3, 4), (16, 5), (17, 3), (33, 18)]

    private func matrix(_ rows: [Float], columns: Int, hasBiases: Bool = false, closes: Bool = false) -> ByteMatrix {
        ByteMatrix(
            rows: rows, columnCount: columns, hasBiases: hasBiases, closesPadding: closes, kernels: .best)
    }

    @Test(arguments: seeds, shapes)
    func `bytes lie where the format says and mean the rows to half a step`(seed: UInt64, shape: (Int, Int)) {
        let (rowCount, columns) = shape
        var generator = SeededGenerator(seed: seed)
        let rows = generator.floats(rowCount * columns, scale: 3)
        let matrix = matrix(rows, columns: columns, hasBiases: true)
        #expect(matrix.bytes.count == (rowCount + 15) / 16 * (64 * ((columns + 3) / 4) + 192))
        #expect(matrix.bytes.count == ByteMatrix.byteCount(rows: rowCount, columns: columns))
        let stored = Plain.byteRows(matrix.bytes, columns: columns)
        for row in 0..<rowCount {
            let values = rows.part(row, of: columns)
            let scale = values.map(abs).max().map { $0 / 127 }
            #expect(stored[row].scale == scale)
            for column in 0..<columns {
                let error = Double(values[column]) - Double(stored[row].scale) * Double(stored[row].weights[column])
                #expect(abs(error) <= 0.501 * Double(stored[row].scale), "row \(row), column \(column)")
            }
            #expect(stored[row].weights.contains { abs($0) == 127 })
            #expect(stored[row].weights.allSatisfy { abs($0) <= 127 })
            #expect(stored[row].weights[columns...].allSatisfy { $0 == 0 })
            #expect(stored[row].sum == stored[row].scale * Float(stored[row].weights.reduce(0, +)))
            let meant = Array(stored[row].meant[..<columns])
            #expect(isNear(Double(stored[row].bias), -0.5 * Plain.dot(meant, meant)))
            #expect(matrix.meantRows.part(row, of: columns).doubles == meant)
        }
        let nothing = Plain.ByteRow(
            weights: [Int](repeating: 0, count: (columns + 3) / 4 * 4), scale: 0, sum: 0, bias: 0)
        #expect(stored[rowCount...].allSatisfy { $0 == nothing })
    }

    @Test func `without biases products start at zero`() {
        let stored = Plain.byteRows(matrix([3, 4, -1, 2], columns: 2).bytes, columns: 2)
        #expect(stored.allSatisfy { $0.bias == 0 })
    }

    @Test func `only rows that complete the last block are closed`() {
        let rows = [Float](repeating: 1, count: 17)
        let biases = Plain.byteRows(matrix(rows, columns: 1, hasBiases: true, closes: true).bytes, columns: 1).map(
            \.bias)
        #expect(biases[..<17].allSatisfy { isNear(Double($0), -0.5) })
        #expect(biases[17...] == ArraySlice(repeating: -.infinity, count: 15))
        let full = matrix([Float](repeating: 1, count: 16), columns: 1, closes: true)
        #expect(Plain.byteRows(full.bytes, columns: 1).allSatisfy { $0.bias == 0 })
    }

    @Test func `a row of zeros, and one whose scale is too small to divide by, mean zeros or themselves`() {
        let tiny = Float.leastNonzeroMagnitude
        let matrix = matrix([0, -0.0, tiny, -tiny, 1e19, -1], columns: 2)
        let stored = Plain.byteRows(matrix.bytes, columns: 2)
        #expect(stored[0].weights == [0, 0, 0, 0] && stored[0].scale == 0)
        #expect(stored[1].weights == [0, 0, 0, 0])  // a 127th of it rounds to 0
        #expect(stored[2].weights == [127, 0, 0, 0])
        #expect(matrix.meantRows.allSatisfy { $0.isFinite })
    }

    @Test func `half a step is rounded to the even weight`() {
        // A scale of exactly 1.
        let stored = Plain.byteRows(matrix([127, 0.5, 1.5, -2.5, -3.5, 126.5], columns: 6).bytes, columns: 6)
        #expect(stored[0].weights == [127, 0, 2, -2, -4, 126, 0, 0])
    }

    @Test(arguments: seeds, shapes)
    func `products are those of the levels with the bytes`(seed: UInt64, shape: (Int, Int)) {
        let (rowCount, columns) = shape
        var generator = SeededGenerator(seed: seed)
        let matrix = matrix(generator.floats(rowCount * columns), columns: columns, hasBiases: true)
        var levels: [UInt8] = []
        var output: [Float] = []
        // A wide vector first, so that what it leaves in the levels would be seen.
        for vector in [generator.floats(columns, scale: 9), [Float](repeating: 2, count: columns)] {
            unsafe Kernels.best.byteProducts(
                of: vector.span, with: matrix.bytes.span.bytes, levels: &levels, into: &output,
                count: (rowCount + 15) / 16 * 16)
            let expected = Plain.byteProducts(vector, Plain.byteRows(matrix.bytes, columns: columns))
            #expect(areNear(output.doubles, expected, absolute: 1e-4))
        }
    }

    @Test func `bytes come back as the matrix that they were`() {
        var generator = SeededGenerator(seed: 4)
        let made = matrix(generator.floats(21 * 6), columns: 6)
        let again = ByteMatrix(bytes: made.bytes, rowCount: 21, columnCount: 6)
        #expect(again.rowCount == 21 && again.columnCount == 6)
        #expect(again.meantRows == made.meantRows)
    }

    @Test(arguments: [1, 15, 16, 17, 33], [1, 3])
    func `a block matrix holds column j of sixteen rows side by side`(rowCount: Int, columns: Int) {
        var generator = SeededGenerator(seed: 9)
        let rows = generator.floats(rowCount * columns)
        let matrix = BlockMatrix(rows: rows, columnCount: columns)
        #expect(matrix.rowCount == rowCount && matrix.columnCount == columns)
        #expect(matrix.blockCount == (rowCount + 15) / 16 && matrix.paddedRowCount == 16 * matrix.blockCount)
        #expect(matrix.values.count == matrix.paddedRowCount * columns)
        for row in 0..<matrix.paddedRowCount {
            for column in 0..<columns {
                let value = matrix.values[(row / 16 * columns + column) * 16 + row % 16]
                #expect(value == (row < rowCount ? rows[row * columns + column] : 0))
            }
        }
        let again = BlockMatrix(blocks: matrix.values, rowCount: rowCount, columnCount: columns)
        #expect(again.values == matrix.values && again.rowCount == rowCount)
        let vector = generator.floats(columns)
        let products = Kernels.best.products(of: vector, with: matrix)
        #expect(products.count == matrix.paddedRowCount)
        let expected = (0..<rowCount).map { Plain.dot(vector.doubles, rows.part($0, of: columns).doubles) }
        #expect(areNear(products[..<rowCount].map { Double($0) }, expected))
    }
}
