import Testing
import VectorKernels

@testable import TreeAH

@Suite struct OrthonormalTests {
    @Test(arguments: seeds, [(1, 1), (1, 7), (2, 2), (3, 5), (9, 9), (6, 21)])
    func `random rows have length 1 and are at right angles`(seed: UInt64, shape: (Int, Int)) {
        let (count, dimensions) = shape
        var generator = SeededGenerator(seed: seed)
        let rows = Orthonormal.random(count: count, dimensions: dimensions, generator: &generator)
        #expect(rows.count == count * dimensions)
        #expect(Plain.distanceFromOrthonormal(rows, columns: dimensions) < 1e-12)
        #expect(rows != Orthonormal.random(count: count, dimensions: dimensions, generator: &generator) || count == 1)
    }

    @Test(arguments: seeds)
    func `rows span what the first of them spanned before`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let dimensions = 7
        let before = generator.floats(5 * dimensions).doubles
        var after = before
        Orthonormal.orthonormalize(&after, dimensions: dimensions, generator: &generator)
        for row in 0..<5 {
            // What the first rows of the result leave over of a row that they are made from.
            var rest = before.part(row, of: dimensions)
            for axis in 0...row {
                let vector = after.part(axis, of: dimensions)
                let component = Plain.dot(rest, vector)
                for column in 0..<dimensions { rest[column] -= component * vector[column] }
            }
            #expect(Plain.length(rest) < 1e-12, "row \(row)")
            #expect(Plain.dot(before.part(row, of: dimensions), after.part(row, of: dimensions)) > 0)
        }
    }

    @Test(
        arguments: [
            ("repeated rows", [1, 2, 3, 2, 4, 6, -1, -2, -3]),
            ("rows repeated but for their rounding", [0.1, 0.7, 0.3, 0.3, 2.1, 0.9, 0.7, 4.9, 2.1]),
            ("zeros", [0, 0, 0, 0, 0, 0, 0, 0, 0]),
            ("rows that are almost the same", [1, 1, 1, 1, 1, 1 + 1e-8, 1, 1 + 1e-8, 1]),
            ("rows too long to square", [1e200, 0, 0, 0, 1, 0, 1, 1, 1]),
            ("rows too short to square", [1e-200, 0, 0, 0, 1, 0, 1, 1, 1]),
        ] as [(String, [Double])])
    func `rows that are no base are replaced`(name: String, rows: [Double]) {
        var generator = SeededGenerator(seed: 3)
        var result = rows
        Orthonormal.orthonormalize(&result, dimensions: 3, generator: &generator)
        #expect(Plain.distanceFromOrthonormal(result, columns: 3) < 1e-12)
    }

    @Test func `a product is rows times columns`() {
        let product = Orthonormal.product([1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12], inner: 3, columns: 2)
        #expect(product == [58, 64, 139, 154])
        #expect(Orthonormal.product([2, 3], [5, 7, 11], inner: 1, columns: 3) == [10, 14, 22, 15, 21, 33])
    }
}
