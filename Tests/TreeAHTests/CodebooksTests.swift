import Testing
import VectorKernels

@testable import TreeAH

@Suite struct CodebooksTests {
    /// 5 dimensions, 2 to a block: a subspace that is half empty and one that completes a pair.
    private let shape = Codebooks.Shape(projectedDimensions: 5, dimensionsPerBlock: 2)

    private func sample(_ count: Int, _ value: (Int, Int) -> Float) -> [Float] {
        (0..<count).flatMap { row in (0..<8).map { $0 < 5 ? value(row, $0) : 0 } }
    }

    private func train(
        _ sample: [Float], iterations: Int, seed: UInt64 = 3, threads: Int = 2, shape: Codebooks.Shape? = nil
    ) -> Codebooks {
        Codebooks.train(
            sample: sample, shape: shape ?? self.shape, iterations: iterations, seed: seed, threads: threads,
            kernels: .best)
    }

    private func word(_ codebooks: Codebooks, _ subspace: Int, _ word: Int) -> [Double] {
        let width = codebooks.shape.dimensionsPerBlock
        return (subspace * width..<(subspace + 1) * width).map { Double(codebooks.codewords[$0 * 16 + word]) }
    }

    /// The nearest codeword of each row's part, and its squared distance.
    private func nearest(_ codebooks: Codebooks, _ sample: [Float], _ subspace: Int) -> [(word: Int, distance: Double)]
    {
        let (width, block) = (codebooks.shape.paddedDimensions, codebooks.shape.dimensionsPerBlock)
        let words = (0..<16).map { word(codebooks, subspace, $0) }
        return (0..<sample.count / width).map { row in
            let part = sample.part(row, of: width).part(subspace, of: block).doubles
            let distances = words.map { Plain.squaredDistance(part, $0) }
            let best = distances.indices.reduce(0) { distances[$1] < distances[$0] ? $1 : $0 }
            return (best, distances[best])
        }
    }

    @Test(arguments: [(1, 1, 1), (2, 1, 2), (3, 1, 3), (5, 2, 3), (6, 2, 3), (8, 2, 4), (7, 7, 1), (9, 4, 3)])
    func `a shape has whole pairs of subspaces`(projected: Int, perBlock: Int, subspaces: Int) {
        let shape = Codebooks.Shape(projectedDimensions: projected, dimensionsPerBlock: perBlock)
        #expect(shape.subspaces == subspaces)
        #expect(shape.pairs * 2 == shape.evenSubspaces && shape.evenSubspaces - subspaces == subspaces % 2)
        #expect(shape.paddedDimensions == shape.evenSubspaces * perBlock)
        #expect(shape.codewordFloatCount == 16 * shape.paddedDimensions)
    }

    @Test(arguments: seeds)
    func `half norms are minus half the squared lengths`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let codebooks = Codebooks(shape: shape, codewords: generator.floats(shape.codewordFloatCount))
        let expected = (0..<4 * 16).map { index in
            let word = word(codebooks, index / 16, index % 16)
            return -0.5 * Plain.dot(word, word)
        }
        #expect(areNear(codebooks.halfNorms.doubles, expected))
    }

    @Test(arguments: seeds)
    func `training starts from parts of the sample's rows`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let rows = sample(50) { _, _ in generator.approximateGaussian() }
        let start = train(rows, iterations: 0, seed: seed)
        for subspace in 0..<3 {
            let parts = Set((0..<50).map { rows.part($0, of: 8).part(subspace, of: 2).doubles })
            #expect((0..<16).allSatisfy { parts.contains(word(start, subspace, $0)) })
        }
    }

    @Test(arguments: seeds)
    func `a round moves each codeword to the mean of the parts nearest to it`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        // More rows than one thread takes at a time.
        let rows = sample(4500) { _, _ in generator.approximateGaussian() }
        let (start, moved) = (train(rows, iterations: 0, seed: seed), train(rows, iterations: 1, seed: seed))
        for subspace in 0..<3 {
            let words = nearest(start, rows, subspace).map(\.word)
            for code in 0..<16 {
                let members = words.indices.filter { words[$0] == code }
                    .map { rows.part($0, of: 8).part(subspace, of: 2).doubles }
                let mean = (0..<2).map { column in members.reduce(0) { $0 + $1[column] } / Double(members.count) }
                #expect(
                    areNear(word(moved, subspace, code), members.isEmpty ? word(start, subspace, code) : mean),
                    "subspace \(subspace), word \(code)")
            }
        }
    }

    @Test(arguments: seeds)
    func `no round makes errors larger, and together they make them smaller`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let rows = sample(600) { _, _ in generator.approximateGaussian() }
        let losses = (0...6).map { rounds in
            let codebooks = train(rows, iterations: rounds, seed: seed)
            return (0..<3).reduce(0.0) { $0 + nearest(codebooks, rows, $1).reduce(0) { $0 + $1.distance } }
        }
        for (before, after) in zip(losses, losses.dropFirst()) { #expect(after <= before * 1.0001) }
        #expect(losses[6] < 0.85 * losses[0])
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func `rare parts get codewords of their own`(seed: UInt64) {
        // Nine different parts, one of them in a row of twenty. Codewords without parts are drawn again until it is met.
        let rows = sample(200) { row, column in row % 20 == 0 ? 40 : Float((row * 5 + column / 2) % 8) }
        let codebooks = train(rows, iterations: 40, seed: seed)
        for subspace in 0..<3 {
            #expect(nearest(codebooks, rows, subspace).allSatisfy { $0.distance < 1e-8 }, "subspace \(subspace)")
        }
    }

    @Test func `what no dimension fills stays zero`() {
        var generator = SeededGenerator(seed: 4)
        let codebooks = train(sample(100) { _, _ in 1 + generator.approximateGaussian() }, iterations: 4)
        #expect(codebooks.codewords[(5 * 16)...].allSatisfy { $0.bitPattern == 0 })
        #expect(codebooks.codewords[..<(5 * 16)].allSatisfy { $0 != 0 })
    }

    @Test func `an empty sample gives codewords of zeros`() {
        let codebooks = train([], iterations: 3)
        #expect(codebooks.codewords == [Float](repeating: 0, count: shape.codewordFloatCount))
    }

    @Test func `threads change nothing, seeds do`() {
        var generator = SeededGenerator(seed: 14)
        let narrow = Codebooks.Shape(projectedDimensions: 2, dimensionsPerBlock: 1)
        let rows = generator.floats(9000 * 2)
        let one = train(rows, iterations: 2, threads: 1, shape: narrow)
        #expect(one.codewords == train(rows, iterations: 2, threads: 4, shape: narrow).codewords)
        #expect(one.codewords != train(rows, iterations: 2, seed: 4, threads: 1, shape: narrow).codewords)
    }

    @Test(arguments: seeds)
    func `encoding gives the nearest words, and the products that scales are made of`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var codewords = generator.floats(shape.codewordFloatCount)
        for index in 80..<codewords.count { codewords[index] = 0 }
        let codebooks = Codebooks(shape: shape, codewords: codewords)
        let rows = sample(40) { _, _ in generator.approximateGaussian() }
        let (codes, products, norms) = Kernels.best.encode(
            rows.span, shape: shape, codewords: codewords, halfNorms: codebooks.halfNorms)
        #expect(codes.count == 40 * 4 && products.count == 40 && norms.count == 40)
        for row in 0..<40 {
            let words = codes.part(row, of: 4).map { Int($0) }
            for subspace in 0..<3 { #expect(words[subspace] == nearest(codebooks, rows, subspace)[row].word) }
            #expect(words[3] == 0)
            let vector = rows.part(row, of: 8).doubles
            let reconstruction = Plain.reconstruction(words, codewords: codewords, dimensionsPerBlock: 2)
            #expect(isNear(Double(products[row]), Plain.dot(vector, reconstruction)))
            #expect(isNear(Double(norms[row]), Plain.dot(vector, vector)))
        }
    }
}
