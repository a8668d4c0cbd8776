import Testing
import VectorKernels

@testable import TreeAH

@Suite struct AnisotropicCodesTests {
    private let shape = Codebooks.Shape(projectedDimensions: 6, dimensionsPerBlock: 2)
    private let weight: Float = 9

    private struct Sample {
        var codebooks: Codebooks
        var coded: [Float]
        var rows: [Float]
        var codes: [UInt8]
        var products: [Float]
    }

    private func sample(seed: UInt64, count: Int) -> Sample {
        var generator = SeededGenerator(seed: seed)
        func floats(_ count: Int) -> [Float] { (0..<count).map { _ in generator.approximateGaussian() } }
        let width = shape.paddedDimensions
        var codewords = floats(shape.codewordFloatCount)
        for index in 6 * 16..<codewords.count { codewords[index] = 0 }
        var (coded, rows) = (floats(count * width), floats(count * width))
        for row in 0..<count {
            for column in 6..<width { (coded[row * width + column], rows[row * width + column]) = (0, 0) }
        }
        let codebooks = Codebooks(shape: shape, codewords: codewords)
        let nearest = Kernels.best.encode(
            coded.span, shape: shape, codewords: codewords, halfNorms: codebooks.halfNorms)
        return Sample(
            codebooks: codebooks, coded: coded, rows: rows, codes: nearest.codes, products: nearest.products)
    }

    /// |e|² + κ·⟨e, u⟩² of a row in f64, and ⟨t, ŷ⟩.
    private func loss(_ sample: Sample, _ codes: [UInt8], row: Int) -> (loss: Double, product: Double) {
        let width = shape.paddedDimensions
        let direction = sample.rows[row * width..<(row + 1) * width].map(Double.init)
        let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
        var (square, along, product) = (0.0, 0.0, 0.0)
        for column in 0..<width {
            let word = Int(codes[row * shape.evenSubspaces + column / 2])
            let (target, codeword) = (
                Double(sample.coded[row * width + column]), Double(sample.codebooks.codewords[column * 16 + word])
            )
            square += (target - codeword) * (target - codeword)
            along += (target - codeword) * direction[column] / length
            product += target * codeword
        }
        return (square + Double(weight) * along * along, product)
    }

    @Test func `refined codes lose less than the nearest ones, and often much less`() {
        let sample = sample(seed: 5, count: 300)
        var (codes, products) = (sample.codes, sample.products)
        AnisotropicCodes(codebooks: sample.codebooks, weight: weight)
            .refine(&codes, products: &products, of: sample.coded, rows: sample.rows)
        var (before, after) = (0.0, 0.0)
        for row in 0..<300 {
            let (old, new) = (loss(sample, sample.codes, row: row), loss(sample, codes, row: row))
            #expect(new.loss <= old.loss * (1 + 1e-5) + 1e-6, "row \(row)")
            #expect(abs(new.product - Double(products[row])) < 1e-4, "row \(row)")
            before += old.loss
            after += new.loss
        }
        #expect(after < 0.8 * before)
    }

    @Test func `a row without a direction keeps its codes`() {
        var sample = sample(seed: 6, count: 3)
        sample.rows = [Float](repeating: 0, count: sample.rows.count)
        var (codes, products) = (sample.codes, sample.products)
        AnisotropicCodes(codebooks: sample.codebooks, weight: weight)
            .refine(&codes, products: &products, of: sample.coded, rows: sample.rows)
        #expect(codes == sample.codes && products == sample.products)
    }
}
