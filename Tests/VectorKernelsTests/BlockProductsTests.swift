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
            // Proof: the objects hold as many floats as the lengths say, and outlive the calls.
            unsafe table.table.pointee.block_products(
                guarded[0].pointer(Float.self), n, guarded[1].pointer(Float.self), blockCount,
                guarded[2].pointer(Float.self), output.pointer(Float.self))
            let found = unsafe output.bytes.withMemoryRebound(to: Float.self) { unsafe Array($0) }
            let expected = Reference.blockProducts(vector[...], blocks, start: start)
            #expect(firstDifference(found, expected) == nil)
            withExtendedLifetime((guarded, output)) {}
        }
    }
}
