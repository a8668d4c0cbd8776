import CVectorKernels
import Testing

@testable import VectorKernels

/// A quantized vector, and the products of one, as Formats/numerics.md section 3 words them.
enum Bytes {
    static func levels(_ vector: [Float]) -> (levels: [UInt8], range: LevelRange) {
        var (low, high) = (Float.infinity, -Float.infinity)
        for value in vector where !value.isNaN { (low, high) = (min(low, value), max(high, value)) }
        let spread = high - low
        let inverse = 127 / spread
        let isUsable = spread > 0 && inverse.isFinite
        var levels = vector.map { value in
            let level = isUsable ? ((value - low) * inverse).rounded(.toNearestOrEven) : 0
            return level < 127 ? UInt8(max(level, 0)) : 127
        }
        while levels.count % 4 != 0 { levels.append(0) }
        return (levels, LevelRange(low: low, step: isUsable ? spread / 127 : 0))
    }

    static func products(_ levels: [UInt8], _ range: LevelRange, _ matrix: [UInt8]) -> [Float] {
        let stride = 16 * levels.count + 192
        return (0..<matrix.count / stride * 16).map { row in
            let block = Array(matrix[row / 16 * stride..<(row / 16 + 1) * stride])
            var sum = 0
            for (column, level) in levels.enumerated() {
                sum += Int(level) * Int(Int8(bitPattern: block[64 * (column / 4) + 4 * (row % 16) + column % 4]))
            }
            let factors = (0..<3).map { part -> Float in
                let at = stride - 192 + 64 * part + 4 * (row % 16)
                return Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(block[at + $1]) << (8 * $1) })
            }
            return fma(factors[0] * range.step, Float(sum), fma(range.low, factors[1], factors[2]))
        }
    }

    /// Blocks of random weights and factors.
    static func matrix(blocks: Int, columns: Int, weight: UInt8? = nil, using generator: inout SeededGenerator)
        -> [UInt8]
    {
        (0..<blocks).flatMap { _ in
            let weights = weight.map { [UInt8](repeating: $0, count: 16 * columns) } ?? generator.bytes(16 * columns)
            return weights + generator.floats(48).flatMap { littleEndianBytes($0.bitPattern) }
        }
    }
}

@Suite struct ByteProductsTests {
    static let lengths = Array(1...70) + [127, 128, 129, 784, 4097]

    @Test(arguments: instructionSets)
    func `levels are those of the definition, and nothing around the vector is touched`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for (seed, length) in seeds.flatMap({ seed in Self.lengths.map { (seed, $0) } }) {
            var generator = SeededGenerator(seed: seed)
            let vector = generator.floats(length, scale: 3)
            let guarded = try GuardedBytes(vector)
            let output = try GuardedBytes([UInt8](repeating: 9, count: (length + 3) / 4 * 4))
            var range = LevelRange(low: 0, step: 0)
            // Proof: the objects hold as many values as the length says, and outlive the call.
            unsafe kernels.table.pointee.quantize_levels(
                guarded.pointer(Float.self), length, output.pointer(UInt8.self), &range.low, &range.step)
            let expected = Bytes.levels(vector)
            #expect(unsafe Array(output.bytes) == expected.levels, "seed \(seed), \(length) values")
            #expect(range.low == expected.range.low && range.step == expected.range.step)
            withExtendedLifetime((guarded, output)) {}
        }
    }

    @Test(arguments: instructionSets)
    func `levels of values that have no spread, or too much, are defined`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        let big = Float.greatestFiniteMagnitude, small = Float.leastNonzeroMagnitude
        let vectors: [[Float]] = [
            [0], [-0.0, 0], [5, 5, 5], [small, 2 * small, 0], [big, -big, 1], [.infinity, 1, 2], [-.infinity, 1],
            [.nan, 1, 3], [1, .nan, .nan, 3, 2], [.nan], [.nan, .infinity, -.infinity],
            [Float](repeating: 2, count: 33) + [2.5], (0..<256).map { Float($0) },
        ]
        for vector in vectors {
            var levels = [UInt8](repeating: 9, count: (vector.count + 3) / 4 * 4)
            var span = levels.mutableSpan
            let range = kernels.quantizeLevels(of: vector.span, into: &span)
            let expected = Bytes.levels(vector)
            #expect(levels == expected.levels, "\(vector.prefix(5))")
            #expect(
                firstDifference([range.low + 0, range.step], [expected.range.low + 0, expected.range.step]) == nil)
        }
    }

    @Test(arguments: instructionSets)
    func `products are bit-equal to integers and two fused multiply-adds`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for (place, length) in Self.lengths.enumerated() {
            var generator = SeededGenerator(seed: UInt64(place))
            let blockCount = place % 20
            let levels = Bytes.levels(generator.floats(length)).levels
            let range = LevelRange(low: generator.approximateGaussian(), step: generator.uniformFloat())
            let matrix = Bytes.matrix(blocks: blockCount, columns: levels.count, using: &generator)
            let (guardedLevels, guardedMatrix) = (try GuardedBytes(levels), try GuardedBytes(matrix))
            let output = try GuardedBytes([Float](repeating: 0, count: 16 * blockCount))
            // Proof: as above.
            unsafe kernels.table.pointee.byte_products(
                guardedLevels.pointer(UInt8.self), range.low, range.step, levels.count / 4,
                guardedMatrix.pointer(UInt8.self), blockCount, output.pointer(Float.self))
            let found = unsafe output.bytes.withMemoryRebound(to: Float.self) { unsafe Array($0) }
            let difference = firstDifference(found, Bytes.products(levels, range, matrix))
            #expect(difference == nil, "\(length) columns, \(blockCount) blocks")
            withExtendedLifetime((guardedLevels, guardedMatrix, output)) {}
        }
    }

    @Test(arguments: instructionSets, [UInt8(127), 129, 128])
    func `the largest sums do not overflow`(set: InstructionSet, weight: UInt8) throws {
        let kernels = try Kernels.of(set)
        var generator = SeededGenerator(seed: 2)
        let levels = [UInt8](repeating: 127, count: 65_536)
        let range = LevelRange(low: 0, step: 1)
        let matrix = Bytes.matrix(blocks: 2, columns: levels.count, weight: weight, using: &generator)
        let found = [Float].filled(32) { output in
            // Proof: bytes have no padding to expose.
            unsafe kernels.byteProducts(of: levels.span, range, with: matrix.span.bytes, into: &output)
        }
        #expect(firstDifference(found, Bytes.products(levels, range, matrix)) == nil)
    }
}

@Suite struct ScanLeafTests {
    @Test func `a part of a leaf keeps what is not about blocks`() {
        let leaf = ScanLeaf(
            query: 3, firstBlock: 10, slotCount: 70, firstNumber: 500, constant: 1.5, biasFactor: 2, liveStart: 7,
            tag: 9)
        let (first, rest, last) = (leaf.part(0..<1), leaf.part(1..<3), leaf.part(2..<3))
        #expect([first, rest, last].map(\.firstBlock) == [10, 11, 12])
        #expect([first, rest, last].map(\.slotCount) == [32, 38, 6])
        #expect([first, rest, last].map(\.blockCount) == [1, 2, 1])
        for (blocks, part) in zip([UInt32(0), 1, 2], [first, rest, last]) {
            #expect(part.leaf.first_number == 500 + 32 * blocks && part.leaf.live_start == 7 + blocks)
            #expect(part.query == 3 && part.constant == 1.5 && part.leaf.bias_factor == 2 && part.tag == 9)
        }
        let everyRow = ScanLeaf(firstBlock: 0, slotCount: 64, firstNumber: 0, constant: 0).part(1..<2)
        #expect(everyRow.leaf.live_start == .max)
    }
}
