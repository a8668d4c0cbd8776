import Testing
import VectorKernels

@testable import TreeAH

@Suite struct BiasBenefitTests {
    private let shape = Codebooks.Shape(projectedDimensions: 4, dimensionsPerBlock: 2)

    private struct Sample {
        var rows: [Float]
        var assigned: [UInt32]
        var centroids: [Float]
        var routing: [Float]
        var queries: [Float]
        var codebooks: Codebooks
        var length: Float
    }

    /// Six leaves whose centroids and queries lie around `offset` in every dimension.
    private func sample(offset: Float, seed: UInt64) -> Sample {
        var generator = SeededGenerator(seed: seed)
        let centroids = generator.floats(6 * 4).map { $0 + offset }
        let assigned = (0..<60).map { _ in UInt32(generator.uniform(below: 6)) }
        let rows = assigned.flatMap { leaf in
            centroids.part(Int(leaf), of: 4).map { $0 + 0.3 * generator.approximateGaussian() }
        }
        var projected = Encoder.projectedResiduals(
            rows: rows, assigned: assigned, centroids: centroids, projection: .none(dimensions: 4), shape: shape,
            threads: 1, kernels: .best)
        let length = CodingLength.typical(of: projected, width: 4)
        CodingLength.apply(length, to: &projected, width: 4)
        // Codewords drawn from the sample, untrained, so that errors are not small.
        let codebooks = Codebooks.train(
            sample: projected, shape: shape, iterations: 0, seed: seed, threads: 1, kernels: .best)
        return Sample(
            rows: rows, assigned: assigned, centroids: centroids, routing: centroids.map { $0 * 1.5 },
            queries: generator.floats(5 * 4).map { $0 + offset }, codebooks: codebooks, length: length)
    }

    private func benefit(_ sample: Sample) -> BiasBenefit {
        BiasBenefit(
            rows: sample.rows, assigned: sample.assigned, centroids: sample.centroids, routing: sample.routing,
            queries: sample.queries, projection: .none(dimensions: 4), codebooks: sample.codebooks,
            codingLength: sample.length, threads: 2, kernels: .best)
    }

    @Test(arguments: seeds, [0, 5] as [Float])
    func `errors are those of the estimates of rows in the four best leaves`(seed: UInt64, offset: Float) {
        let sample = sample(offset: offset, seed: seed)
        let encoder = Encoder(
            form: .dot, hasBiases: true, origin: [], projection: .none(dimensions: 4), codebooks: sample.codebooks,
            codingLength: sample.length, kernels: .best)
        var (without, with) = (0.0, 0.0)
        for number in 0..<5 {
            let query = sample.queries.part(number, of: 4).doubles
            let scores = (0..<6).map { Plain.dot(query, sample.routing.part($0, of: 4).doubles) }
            for leaf in (0..<6).sorted(by: { scores[$0] > scores[$1] }).prefix(4) {
                let centroid = sample.centroids.part(leaf, of: 4)
                for row in 0..<60 where Int(sample.assigned[row]) == leaf {
                    let vector = sample.rows.part(row, of: 4)
                    // What is stored for the row says what its estimate will be, but for the rounding of its scale.
                    let blocks = encoder.encode(rows: vector.span, centroid: centroid.span).blocks
                    let slot = Plain.slot(0, in: blocks, subspaces: 2, hasBiases: true)
                    let reconstruction = Plain.reconstruction(
                        slot.codes, codewords: sample.codebooks.codewords, dimensionsPerBlock: 2)
                    let residual = zip(vector.doubles, centroid.doubles).map { $0 - $1 }
                    let error = slot.scale * Plain.dot(query, reconstruction) - Plain.dot(query, residual)
                    without += error * error
                    let rest = error - Plain.dot(query, centroid.doubles) * slot.bias
                    with += rest * rest
                }
            }
        }
        let found = benefit(sample)
        #expect(isNear(found.squaredErrorWithout, without, relative: 0.01))
        #expect(isNear(found.squaredErrorWith, with, relative: 0.02))
        #expect(without > 0.1)
    }

    @Test(arguments: seeds)
    func `biases help where all vectors point the same way`(seed: UInt64) {
        let cone = benefit(sample(offset: 20, seed: seed))
        #expect(cone.squaredErrorWith < 0.1 * cone.squaredErrorWithout)
        let ball = benefit(sample(offset: 0, seed: seed))
        #expect(ball.squaredErrorWith > 0.3 * ball.squaredErrorWithout)
    }

    @Test func `a centroid of zeros takes nothing off`() {
        var sample = sample(offset: 1, seed: 3)
        sample.centroids = [Float](repeating: 0, count: 24)
        let found = benefit(sample)
        #expect(found.squaredErrorWithout > 0)
        #expect(found.squaredErrorWith == found.squaredErrorWithout)
    }

    @Test func `without queries there is no error`() {
        var sample = sample(offset: 1, seed: 3)
        sample.queries = []
        let found = benefit(sample)
        #expect(found.squaredErrorWithout == 0 && found.squaredErrorWith == 0)
    }
}
