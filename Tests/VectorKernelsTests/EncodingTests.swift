import CVectorKernels
import Testing

@testable import VectorKernels

@Suite struct EncodingTests {
    private func encoded(
        _ kernels: Kernels, _ rows: [Float], _ subspaces: Int, _ dimensionsPerBlock: Int, _ codewords: [Float],
        _ halfNorms: [Float]
    ) -> Reference.Encoded {
        let rowCount = rows.count / (subspaces * dimensionsPerBlock)
        var products = [Float](repeating: -7, count: rowCount)
        var norms = products
        let codes = kernels.encode(
            rows.span, subspaces: subspaces, dimensionsPerBlock: dimensionsPerBlock, codewords: codewords.span,
            halfNorms: halfNorms.span, products: &products, norms: &norms)
        return Reference.Encoded(codes: codes, products: products, norms: norms)
    }

    @Test(arguments: instructionSets)
    func `codes, products and norms are those of the reference`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        let shapes = [(1, 1, 3), (2, 2, 1), (16, 2, 20), (17, 3, 2), (8, 4, 5), (50, 2, 1), (1, 100, 2), (4, 2, 0)]
        for seed in seeds {
            for (subspaces, dimensionsPerBlock, count) in shapes {
                for coarse in [false, true] {
                    var generator = SeededGenerator(seed: seed)
                    let width = subspaces * dimensionsPerBlock
                    // Coarse values make equal distances common: those go to the smaller code.
                    let rows = coarse ? generator.coarseFloats(count * width) : generator.floats(count * width)
                    let codewords = coarse ? generator.coarseFloats(width * 16) : generator.floats(width * 16)
                    let halfNorms = (0..<subspaces * 16).map { place in
                        let (s, w) = (place / 16, place % 16)
                        return -0.5
                            * (0..<dimensionsPerBlock).reduce(Float(0)) { sum, t in
                                let value = codewords[(s * dimensionsPerBlock + t) * 16 + w]
                                return fma(value, value, sum)
                            }
                    }
                    let found = encoded(kernels, rows, subspaces, dimensionsPerBlock, codewords, halfNorms)
                    let expected = Reference.encode(
                        rows, subspaces: subspaces, dimensionsPerBlock: dimensionsPerBlock, codewords: codewords,
                        halfNorms: halfNorms)
                    #expect(found == expected, "seed \(seed), \(subspaces) subspaces of \(dimensionsPerBlock)")
                }
            }
        }
    }

    @Test(arguments: instructionSets)
    func `a subspace of NaN gets code 0`(set: InstructionSet) throws {
        let found = encoded(
            try Kernels.of(set), [.nan, 1], 2, 1, [Float](repeating: 1, count: 32), [Float](repeating: 0, count: 32))
        #expect(found.codes == [0, 0] && found.products[0].isNaN && found.norms[0].isNaN)
    }

    @Test(arguments: instructionSets)
    func `only codes are written when nothing else is asked for`(set: InstructionSet) throws {
        var generator = SeededGenerator(seed: 4)
        let (rows, codewords) = (generator.floats(12), generator.floats(4 * 16))
        let zeros = [Float](repeating: 0, count: 64)
        var codes = [UInt8](repeating: 0xEE, count: 13)
        let kernels = try Kernels.of(set)
        // Proof: 3 rows of 4 subspaces; products and norms may be left out.
        unsafe kernels.table.pointee.encode_rows(rows, 3, 4, 1, codewords, zeros, &codes, nil, nil)
        let expected = Reference.encode(
            rows, subspaces: 4, dimensionsPerBlock: 1, codewords: codewords, halfNorms: zeros)
        #expect(codes == expected.codes + [0xEE])
    }
}

@Suite struct SumRowsTests {
    @Test(arguments: instructionSets)
    func `rows are added in the order of their indices`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for seed in seeds {
            for dimensions in [1, 3, 15, 16, 17, 33, 784] {
                var generator = SeededGenerator(seed: seed)
                let rows = generator.floats(10 * dimensions)
                let start = generator.floats(dimensions)
                let indices = (0..<25).map { _ in UInt32(generator.uniform(below: 10)) }
                var expected = start
                for index in indices {
                    for j in 0..<dimensions { expected[j] += rows[Int(index) * dimensions + j] }
                }
                let found = [Float].filled(dimensions) { sum in
                    for j in 0..<dimensions { sum[j] = start[j] }
                    kernels.sumRows(rows.span, dimensions: dimensions, indices: indices.span, into: &sum)
                }
                #expect(firstDifference(found, expected) == nil, "seed \(seed), \(dimensions) dimensions")
            }
        }
    }
}
