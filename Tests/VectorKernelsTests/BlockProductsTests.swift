import CVectorKernels
import Testing

@testable import VectorKernels

@Suite struct BlockProductsTests {
    /// Blocks on both sides of the unrolling by four, dimensions on both sides of everything.
    static let shapes: [(n: Int, blocks: Int)] = [
        (1, 1), (1, 5), (2, 3), (3, 4), (5, 7), (15, 8), (16, 9), (17, 2), (31, 4), (32, 63), (33, 6), (100, 4),
        (784, 5), (4097, 2), (32, 0),
    ]

    @Test(arguments: instructionSets)
    func `products are bit-equal to one chain of fused multiply-adds an output`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for (seed, shape) in seeds.flatMap({ seed in Self.shapes.map { (seed, $0) } }) {
            var generator = SeededGenerator(seed: seed)
            let vector = generator.floats(shape.n)
            let blocks = generator.floats(shape.n * shape.blocks * 16)
            let start = generator.floats(shape.blocks * 16)
            for withStart in [false, true] {
                let expected = Reference.blockProducts(vector[...], blocks, start: withStart ? start : nil)
                let found = [Float].filled(shape.blocks * 16) { output in
                    kernels.blockProducts(
                        of: vector.span, with: blocks.span, start: withStart ? start.span : Span(), into: &output)
                }
                let difference = firstDifference(found, expected)
                #expect(difference == nil, "seed \(seed), \(shape), start \(withStart)")
            }
        }
    }

    @Test(arguments: instructionSets)
    func `special values go through the same chain`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        let specials: [Float] = [
            .nan, .infinity, -.infinity, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1,
        ]
        var generator = SeededGenerator(seed: 3)
        let vector = (0..<40).map { _ in specials[generator.uniform(below: specials.count)] }
        let blocks = (0..<40 * 16 * 5).map { generator.uniform(below: 9) == 0 ? specials[$0 % 7] : 0.25 }
        for length in [1, 2, 40] {
            let part = Array(blocks.prefix(length * 16 * 5))
            let expected = Reference.blockProducts(vector.prefix(length), part, start: nil)
            let found = [Float].filled(80) {
                kernels.blockProducts(of: Array(vector.prefix(length)).span, with: part.span, into: &$0)
            }
            #expect(firstDifference(found, expected) == nil)
        }
    }

    @Test(arguments: instructionSets)
    func `nothing behind the matrix, the vector or the start is read`(set: InstructionSet) throws {
        let table = try Kernels.of(set)
        for (n, blockCount) in [(1, 1), (3, 5), (17, 4), (33, 7), (100, 3)] {
            var generator = SeededGenerator(seed: UInt64(n))
            let (vector, blocks) = (generator.floats(n), generator.floats(n * blockCount * 16))
            let start = generator.floats(blockCount * 16)
            let guarded = try [vector, blocks, start].map { try GuardedBytes($0) }
            let output = try GuardedBytes([Float](repeating: 0, count: blockCount * 16))
            let best = try GuardedBytes([UInt32](repeating: 0, count: 1))
            // Proof: the objects hold as many floats as the lengths say, and outlive the calls.
            unsafe table.table.pointee.block_products(
                guarded[0].pointer(Float.self), n, guarded[1].pointer(Float.self), blockCount,
                guarded[2].pointer(Float.self), output.pointer(Float.self))
            unsafe table.table.pointee.assign_rows(
                guarded[0].pointer(Float.self), 1, n, guarded[1].pointer(Float.self), blockCount,
                guarded[2].pointer(Float.self), best.pointer(UInt32.self))
            let found = unsafe output.bytes.withMemoryRebound(to: Float.self) { unsafe Array($0) }
            let expected = Reference.blockProducts(vector[...], blocks, start: start)
            #expect(firstDifference(found, expected) == nil)
            let index = unsafe best.bytes.load(as: UInt32.self)
            #expect(index == Reference.indexOfLargest(expected))
            withExtendedLifetime((guarded, output, best)) {}
        }
    }
}

@Suite struct AssignTests {
    static let shapes: [(rows: Int, n: Int, blocks: Int)] = [
        (0, 3, 2), (1, 1, 1), (2, 5, 3), (5, 31, 4), (6, 32, 5), (7, 33, 6), (8, 17, 7), (9, 3, 13), (16, 100, 3),
        (17, 32, 63), (33, 2, 8), (3, 784, 5), (2, 4097, 4), (13, 700, 9),
    ]

    private func expected(_ rows: [Float], _ n: Int, _ blocks: [Float], _ start: [Float]) -> [UInt32] {
        (0..<rows.count / n).map {
            Reference.indexOfLargest(
                Reference.blockProducts(rows[$0 * n..<($0 + 1) * n], blocks, start: start))
        }
    }

    @Test(arguments: instructionSets)
    func `each row finds the index of its largest product`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for (seed, shape) in seeds.flatMap({ seed in Self.shapes.map { (seed, $0) } }) {
            var generator = SeededGenerator(seed: seed)
            let rows = generator.floats(shape.rows * shape.n)
            let blocks = generator.floats(shape.blocks * shape.n * 16)
            var start = generator.floats(shape.blocks * 16)
            for lane in 0..<shape.blocks * 16 where lane % 11 == 4 { start[lane] = -.infinity }
            let found = kernels.assign(rows: rows, dimensions: shape.n, blocks: blocks, start: start, threads: 1)
            #expect(found == expected(rows, shape.n, blocks, start), "seed \(seed), \(shape)")
        }
    }

    @Test(arguments: instructionSets)
    func `equal products go to the smallest index`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for seed in seeds {
            var generator = SeededGenerator(seed: seed)
            let rows = generator.coarseFloats(60 * 2, levels: 3)
            let blocks = generator.coarseFloats(10 * 2 * 16, levels: 3)
            let start = [Float](repeating: 0, count: 160)
            let found = kernels.assign(rows: rows, dimensions: 2, blocks: blocks, start: start, threads: 1)
            #expect(found == expected(rows, 2, blocks, start), "seed \(seed)")
        }
        let same = [Float](repeating: 1, count: 7 * 3 * 16)
        var start = [Float](repeating: 0, count: 7 * 16)
        start[0] = -.infinity
        #expect(kernels.assign(rows: [1, 2, 3], dimensions: 3, blocks: same, start: start, threads: 1) == [1])
    }

    @Test(arguments: instructionSets)
    func `rows of NaN and indices that cannot be chosen give index 0`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        let blocks = [Float](repeating: 1, count: 5 * 2 * 16)
        let closed = [Float](repeating: -.infinity, count: 80)
        let rows: [Float] = [.nan, 1, 1, 1, .infinity, -.infinity]
        #expect(kernels.assign(rows: rows, dimensions: 2, blocks: blocks, start: closed, threads: 1) == [0, 0, 0])
    }

    @Test(arguments: [1, 2, 3, 4]) func `the number of threads changes nothing`(threads: Int) {
        var generator = SeededGenerator(seed: 9)
        let rows = generator.floats(5000 * 3)
        let blocks = generator.floats(2 * 3 * 16)
        let start = [Float](repeating: 0, count: 32)
        let found = Kernels.best.assign(rows: rows, dimensions: 3, blocks: blocks, start: start, threads: threads)
        #expect(found == expected(rows, 3, blocks, start))
    }
}
