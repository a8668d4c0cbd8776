import Testing
import VectorKernels

@testable import TreeAH

@Suite struct CodingLengthTests {
    @Test(arguments: seeds)
    func `the typical length is the root mean square of the lengths`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let vectors = generator.floats(50 * 6, scale: 4)
        let squares = (0..<50).map { Plain.dot(vectors.part($0, of: 6).doubles, vectors.part($0, of: 6).doubles) }
        let expected = (squares.reduce(0, +) / 50).squareRoot()
        #expect(isNear(Double(CodingLength.typical(of: vectors, width: 6)), expected))
    }

    @Test(arguments: [[], [0, 0], [0x1p-149, 0], [0x1p-130, 0], [.infinity, 1], [.nan, 1]] as [[Float]])
    func `where there is no typical length it is 1`(vectors: [Float]) {
        #expect(CodingLength.typical(of: vectors, width: 2) == 1)
    }

    @Test func `very long vectors have a length, though its square is beyond f32`() {
        #expect(CodingLength.typical(of: [3e30, 4e30], width: 2) == 5e30)
    }

    @Test(arguments: seeds, [0.25, 7] as [Float])
    func `vectors are brought to the length without turning, and their factors say how`(seed: UInt64, length: Float) {
        var generator = SeededGenerator(seed: seed)
        let before = generator.floats(40 * 5, scale: 3)
        var after = before
        let factors = CodingLength.apply(length, to: &after, width: 5)
        #expect(factors.count == 40)
        for row in 0..<40 {
            let (old, new) = (before.part(row, of: 5).doubles, after.part(row, of: 5).doubles)
            #expect(isNear(Plain.length(new), Double(length)), "row \(row)")
            #expect(areNear(new, old.map { $0 * Double(factors[row]) }), "row \(row)")
            #expect(factors[row] > 0)
        }
    }

    @Test func `a vector without a usable length stays as it is, and its factor is 0`() {
        let none: [[Float]] = [[0, 0], [1e-30, 0], [3e30, 3e30], [.nan, 1], [.infinity, 0]]
        var vectors: [Float] = [3, 4] + none.flatMap { $0 } + [0, 2]
        let before = vectors
        #expect(CodingLength.apply(10, to: &vectors, width: 2) == [2, 0, 0, 0, 0, 0, 5])
        #expect(vectors[0..<2] == [6, 8] && vectors[12..<14] == [0, 10])
        #expect(Array(vectors[2..<12]).bits == Array(before[2..<12]).bits)
        var few: [Float] = []
        #expect(CodingLength.apply(10, to: &few, width: 2).isEmpty)
    }

    @Test func `a scale takes the error along the vector out`() {
        // t of length 2, ŷ shorter than it; y is a quarter of t.
        let (t, reconstruction) = ([2.0, 0], [1.5, 0.5])
        let scale = estimateScale(
            product: Float(Plain.dot(t, reconstruction)), norm: Float(Plain.dot(t, t)), factor: 4)
        let y = t.map { $0 / 4 }
        #expect(isNear(Double(scale) * Plain.dot(y, reconstruction), Plain.dot(y, y)))
    }

    @Test func `a scale is 0 where it would mean nothing, and bounded by the largest f16`() {
        #expect(estimateScale(product: 1, norm: 0, factor: 1) == 0)
        #expect(estimateScale(product: 1, norm: 1, factor: 0) == 0)
        #expect(estimateScale(product: -1, norm: 1, factor: 1) == 0)
        #expect(estimateScale(product: 1, norm: 64, factor: 1) == 0)
        #expect(estimateScale(product: 1, norm: 63, factor: 1) == 63)
        #expect(estimateScale(product: 1, norm: 63, factor: 1e-6) == 65_504)
        #expect(estimateScale(product: .nan, norm: 1, factor: 1) == 0)
        #expect(estimateScale(product: 1, norm: .nan, factor: 1) == 0)
    }
}
