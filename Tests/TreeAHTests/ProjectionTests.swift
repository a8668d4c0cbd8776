import Testing
import VectorKernels

@testable import TreeAH

@Suite struct ProjectionTests {
    private func signs(_ dimensions: Int, seed: UInt64) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return (0..<4 * dimensions).map { _ in generator.uniform(below: 2) == 0 ? 1 : -1 }
    }

    /// A query's projection by the view of the stored bytes.
    private func viewed(_ projection: Projection, _ vector: [Float], count: Int) -> [Float] {
        let bytes = projection.bytes
        var levels: [UInt8] = []
        var output = [Float](repeating: .nan, count: count)
        var room = output.mutableSpan
        let view = unsafe ProjectionView(
            kind: projection.kind, inputDimensions: projection.inputDimensions,
            outputDimensions: projection.outputDimensions, values: bytes.span.bytes)
        view.apply(to: vector.span, levels: &levels, into: &room, kernels: .best)
        return output
    }

    @Test func `without a projection a vector stays as it is, and is completed with zeros`() {
        let projection = Projection.none(dimensions: 3)
        #expect(projection.outputDimensions == 3 && projection.inputDimensions == 3 && projection.bytes.isEmpty)
        let rows: [Float] = [1, -2, 3, 4, 5, -6]
        #expect(projection.applied(to: rows.span, paddedTo: 4, kernels: .best) == [1, -2, 3, 0, 4, 5, -6, 0])
        #expect(viewed(projection, [1, -2, 3], count: 5) == [1, -2, 3, 0, 0])
    }

    @Test(arguments: [1, 2, 4, 8, 32])
    func `a Walsh–Hadamard transform is the product with the matrix of shared bits`(count: Int) {
        var generator = SeededGenerator(seed: 77)
        let values = generator.floats(count)
        var transformed = values
        var span = transformed.mutableSpan
        walshHadamard(&span)
        let expected = (0..<count).map { i in
            values.indices.reduce(0.0) {
                $0 + Double(values[$1]) * ((i & $1).nonzeroBitCount % 2 == 0 ? 1 : -1)
            }
        }
        #expect(areNear(transformed.doubles, expected))
    }

    @Test(arguments: seeds, [1, 2, 3, 4, 5, 7, 8, 12, 31, 65])
    func `a structured rotation is four rounds of signs and transforms`(seed: UInt64, dimensions: Int) {
        var generator = SeededGenerator(seed: seed)
        let signs = signs(dimensions, seed: seed + 1)
        let projection = Projection.structured(signs: signs)
        #expect(projection.inputDimensions == dimensions && projection.outputDimensions == dimensions)
        let rows = generator.floats(3 * dimensions)
        let found = projection.applied(to: rows.span, paddedTo: dimensions + 2, kernels: .best)
        for row in 0..<3 {
            let vector = rows.part(row, of: dimensions)
            let expected = Plain.structured(vector.doubles, signs: signs) + [0, 0]
            #expect(areNear(found.part(row, of: dimensions + 2).doubles, expected), "row \(row)")
            #expect(viewed(projection, vector, count: dimensions + 2) == found.part(row, of: dimensions + 2))
        }
    }

    @Test(arguments: [1, 3, 8, 13])
    func `a structured rotation is one`(dimensions: Int) {
        let projection = Projection.structured(signs: signs(dimensions, seed: 5))
        var unit = [Float](repeating: 0, count: dimensions * dimensions)
        for axis in 0..<dimensions { unit[axis * dimensions + axis] = 1 }
        let images = projection.applied(to: unit.span, paddedTo: dimensions, kernels: .best).doubles
        #expect(Plain.distanceFromOrthonormal(images, columns: dimensions) < 1e-6)
    }

    @Test(arguments: seeds, [1, 2, 5, 16, 17, 40])
    func `a random rotation keeps lengths and angles as bytes can`(seed: UInt64, dimensions: Int) {
        let projection = Projection.randomRotation(dimensions: dimensions, seed: seed)
        #expect(projection.kind == .dense)
        #expect(projection.inputDimensions == dimensions && projection.outputDimensions == dimensions)
        guard case .dense(let matrix, let blocks) = projection else { return }
        let rows = matrix.meantRows
        #expect(blocks.values == BlockMatrix(rows: rows, columnCount: dimensions).values)
        // Each entry is off by half a scale at most, and a row of scales s by √d·s/2.
        let scales = Plain.byteRows(matrix.bytes, columns: dimensions)[..<dimensions].map { Double($0.scale) }
        let bound = 1.1 * Double(dimensions).squareRoot() * (scales.max() ?? 0)
        #expect(Plain.distanceFromOrthonormal(rows.doubles, columns: dimensions) < bound)
        #expect(bound < 0.06)
        #expect(
            projection.bytes != Projection.randomRotation(dimensions: dimensions, seed: seed + 1).bytes
                || dimensions == 1)
        #expect(projection.bytes == Projection.randomRotation(dimensions: dimensions, seed: seed).bytes)
    }

    @Test(arguments: seeds)
    func `a rotation too large for a matrix is structured, with as many signs of either kind`(seed: UInt64) throws {
        let projection = Projection.randomRotation(dimensions: 363, seed: seed)  // 363² is above 2¹⁷
        #expect(projection.kind == .structured && projection.outputDimensions == 363)
        guard case .structured(let signs) = projection else { return }
        #expect(signs.count == 4 * 363 && signs.allSatisfy { abs($0) == 1 })
        // Four standard deviations.
        #expect(abs(signs.reduce(0, +)) < 4 * Float(signs.count).squareRoot())
        #expect(projection.bytes.count == 16 * 363)
        for index in [0, 1, 362, 1451] { #expect(Plain.float(projection.bytes, at: 4 * index) == signs[index]) }
    }

    @Test(arguments: seeds, [(1, 1), (2, 5), (9, 9), (17, 20)])
    func `a matrix is applied to rows in floats, and to queries in bytes`(seed: UInt64, shape: (Int, Int)) {
        let (count, dimensions) = shape
        var generator = SeededGenerator(seed: seed)
        let axes = Orthonormal.random(count: count, dimensions: dimensions, generator: &generator)
        let projection = Projection.dense(rows: axes.map { Float($0) }, columnCount: dimensions)
        #expect(projection.outputDimensions == count && projection.inputDimensions == dimensions)
        #expect(projection.bytes.count == ByteMatrix.byteCount(rows: count, columns: dimensions))
        let stored = Array(Plain.byteRows(projection.bytes, columns: dimensions)[..<count])
        let rows = generator.floats(3 * dimensions)
        let width = count + 1
        let found = projection.applied(to: rows.span, paddedTo: width, kernels: .best)
        #expect(found.count == 3 * width)
        for row in 0..<3 {
            let vector = rows.part(row, of: dimensions)
            let products = stored.map { Plain.dot($0.meant, vector.doubles) }
            #expect(areNear(found.part(row, of: width).doubles, products + [0]), "row \(row)")
            let query = viewed(projection, vector, count: (count + 15) / 16 * 16 + 2)
            let expected = Plain.byteProducts(vector, stored)
            #expect(areNear(query[..<count].map { Double($0) }, expected, absolute: 1e-4), "row \(row)")
            #expect(query[count...].allSatisfy { $0 == 0 })
        }
    }

    @Test func `the bytes of a matrix make the same projection again`() {
        let made = Projection.randomRotation(dimensions: 6, seed: 3)
        let again = Projection.dense(ByteMatrix(bytes: made.bytes, rowCount: 6, columnCount: 6))
        let rows: [Float] = [1, 2, 3, -4, 5, 6]
        #expect(
            again.applied(to: rows.span, paddedTo: 6, kernels: .best)
                == made.applied(to: rows.span, paddedTo: 6, kernels: .best))
    }

    @Test(arguments: [(1, 16), (16, 16), (17, 32)])
    func `a matrix writes whole blocks`(rows: Int, expected: Int) {
        let bytes = [UInt8](repeating: 0, count: ByteMatrix.byteCount(rows: rows, columns: 20))
        let view = unsafe ProjectionView(
            kind: .dense, inputDimensions: 20, outputDimensions: rows, values: bytes.span.bytes)
        #expect(view.writtenCount == expected)
    }
}
