import CVectorKernels
import Testing

@testable import VectorKernels

/// A leaf of random codes, and the scan of it as Formats/numerics.md words it.
struct Leaf {
    var pairs: Int
    var slotCount: Int
    var hasBiases: Bool
    var blocks: [UInt8] = []
    var table: [UInt8]
    var step: Float = 0.013
    var offset: Float = -1.25
    var constant: Float = 0.5
    var biasFactor: Float = 1
    var live: [UInt32] = []
    var firstNumber: UInt32 = 1_000_000

    var blockByteCount: Int { 32 * pairs + (hasBiases ? 192 : 64) }
    var blockCount: Int { (slotCount + 31) / 32 }

    /// - Parameter coarse: scales of few values and no table but 0 and 127, so that equal estimates are common.
    init(
        pairs: Int, slotCount: Int, hasBiases: Bool, excludes: Bool, coarse: Bool = false,
        using generator: inout SeededGenerator
    ) {
        (self.pairs, self.slotCount, self.hasBiases) = (pairs, slotCount, hasBiases)
        table = coarse ? (0..<32 * pairs).map { UInt8($0 % 2 * 127) } : generator.bytes(32 * pairs, below: 128)
        for _ in 0..<(slotCount + 31) / 32 {
            // Unused slots of the last block are zero in a file; here they are rubbish that must not be seen.
            blocks += coarse ? generator.bytes(32 * pairs, below: 2) : generator.bytes(32 * pairs)
            for _ in 0..<32 {
                let scale = coarse ? Float(1 + generator.uniform(below: 2)) : generator.uniformFloat() * 3
                blocks += littleEndianBytes(UInt32(Float16(scale).bitPattern), count: 2)
            }
            for _ in 0..<(hasBiases ? 32 : 0) {
                let bias = coarse ? 0 : generator.approximateGaussian()
                blocks += littleEndianBytes(bias.bitPattern)
            }
        }
        if excludes { live = generator.words(blockCount) }
        if hasBiases, !coarse { biasFactor = generator.approximateGaussian() }
    }

    /// Estimates of all slots (section 4 of the numerics).
    func estimates() -> [Float] {
        (0..<slotCount).map { slot in
            let block = blocks[slot / 32 * blockByteCount..<(slot / 32 + 1) * blockByteCount]
            func byte(_ offset: Int) -> UInt8 { block[block.startIndex + offset] }
            let i = slot % 32
            var sum = 0
            for p in 0..<pairs {
                let codes = Int(byte(32 * p + i))
                sum += Int(table[32 * p + codes % 16]) + Int(table[32 * p + 16 + codes / 16])
            }
            let scaleOffset = 32 * pairs + 2 * i
            let scale = Float16(bitPattern: UInt16(byte(scaleOffset)) | UInt16(byte(scaleOffset + 1)) << 8)
            var bias: Float = 0
            if hasBiases {
                let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(byte(32 * pairs + 64 + 4 * i + $1)) << (8 * $1) }
                bias = Float(bitPattern: bits)
            }
            return fma(Float(scale), fma(step, Float(sum), offset), fma(-biasFactor, bias, constant))
        }
    }

    func isLive(_ slot: Int) -> Bool { live.isEmpty || live[slot / 32] >> (slot % 32) & 1 == 1 }

    /// What a scan must append from block `start` on, until fewer than 32 places remain.
    func expected(threshold: Float, capacity: Int, start: Int = 0, filled: Int = 0) -> Appended {
        let estimates = estimates()
        var result = Appended()
        result.position = start
        while result.position < blockCount, capacity - filled - result.numbers.count >= 32 {
            for slot in result.position * 32..<min(slotCount, result.position * 32 + 32)
            where estimates[slot] >= threshold && isLive(slot) {
                result.scores.append(estimates[slot].bitPattern)
                result.numbers.append(firstNumber + UInt32(slot))
            }
            result.position += 1
        }
        return result
    }

    /// What a scan does append.
    func scanned(
        _ kernels: Kernels, threshold: Float, capacity: Int, start: Int = 0, filled: Int = 0
    ) throws -> Appended {
        // One more output place than `capacity`, to see that it stays as it is; every input ends its memory.
        let (blocks, table, live) = (try GuardedBytes(blocks), try GuardedBytes(table), try GuardedBytes(live))
        var scores = [Float](repeating: -7, count: capacity + 1)
        var numbers = [UInt32](repeating: 7, count: capacity + 1)
        let end = unsafe scores.withUnsafeMutableBufferPointer { scores in
            unsafe numbers.withUnsafeMutableBufferPointer { numbers in
                var state = unsafe vk_scan(
                    blocks: blocks.pointer(UInt8.self), block_byte_count: blockByteCount, pairs: pairs,
                    has_biases: hasBiases, slot_count: UInt32(slotCount), first_number: firstNumber,
                    table: table.pointer(UInt8.self), step: step, offset: offset, constant: constant,
                    bias_factor: biasFactor, threshold: threshold, ahead: nil,
                    live: self.live.isEmpty ? nil : live.pointer(UInt32.self),
                    scores: scores.baseAddress, numbers: numbers.baseAddress, capacity: capacity, count: filled,
                    next_block: start)
                unsafe kernels.table.pointee.scan_blocks(&state)
                return unsafe (count: state.count, position: state.next_block)
            }
        }
        withExtendedLifetime((blocks, table, live)) {}
        #expect(scores[capacity] == -7 && numbers[capacity] == 7)
        #expect(scores[..<filled].allSatisfy { $0 == -7 } && numbers[..<filled].allSatisfy { $0 == 7 })
        return Appended(
            scores: scores[filled..<end.count], numbers: numbers[filled..<end.count], position: end.position)
    }
}

@Suite struct ScanTests {
    static let pairs = [1, 2, 3, 4, 5, 7, 8, 9, 16, 33, 257, 258, 259, 516, 517, 600]
    static let slotCounts = [1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 160, 161]

    @Test(arguments: instructionSets)
    func `every live slot that reaches the threshold is appended in order`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for (place, pairs) in Self.pairs.enumerated() {
            for (other, slotCount) in Self.slotCounts.enumerated() {
                let kind = place + other
                var generator = SeededGenerator(seed: UInt64(kind))
                let leaf = Leaf(
                    pairs: pairs, slotCount: slotCount, hasBiases: kind % 2 == 0, excludes: kind % 3 == 0,
                    using: &generator)
                let middle = leaf.estimates().sorted()[slotCount / 2]
                for threshold in [-.infinity, middle, middle.nextUp, .infinity] {
                    let found = try leaf.scanned(kernels, threshold: threshold, capacity: slotCount + 32)
                    let expected = leaf.expected(threshold: threshold, capacity: slotCount + 32)
                    #expect(found == expected, "seed \(kind), \(pairs) pairs, \(slotCount) slots, from \(threshold)")
                }
            }
        }
    }

    @Test(arguments: instructionSets)
    func `the largest sums do not overflow`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for pairs in [8, 258, 259, 516, 517, 2048, 32_768] {
            var generator = SeededGenerator(seed: 1)
            var leaf = Leaf(pairs: pairs, slotCount: 33, hasBiases: false, excludes: false, using: &generator)
            leaf.table = [UInt8](repeating: 127, count: 32 * pairs)
            (leaf.step, leaf.offset, leaf.constant) = (1, 0, 0)
            let scale = Float(1).f16Bits
            for block in 0..<2 {
                for slot in 0..<32 {
                    let place = block * leaf.blockByteCount + 32 * pairs + 2 * slot
                    leaf.blocks[place] = UInt8(truncatingIfNeeded: scale)
                    leaf.blocks[place + 1] = UInt8(scale >> 8)
                }
            }
            let found = try leaf.scanned(kernels, threshold: 0, capacity: 96)
            #expect(found.scores == [UInt32](repeating: Float(254 * pairs).bitPattern, count: 33))
        }
    }

    @Test(arguments: instructionSets)
    func `a scan stops when a block might not fit and goes on from there`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for seed in seeds {
            for pairs in [3, 4, 8, 20] {
                var generator = SeededGenerator(seed: seed)
                let leaf = Leaf(
                    pairs: pairs, slotCount: 300, hasBiases: pairs == 8, excludes: pairs == 3, using: &generator)
                let threshold = leaf.estimates().sorted()[200]
                for capacity in [31, 32, 33, 63, 64, 100] {
                    var position = 0
                    var numbers: [UInt32] = []
                    while position < leaf.blockCount {
                        let filled = min(capacity, Int(position) % 5)
                        let found = try leaf.scanned(
                            kernels, threshold: threshold, capacity: capacity, start: position, filled: filled)
                        let expected = leaf.expected(
                            threshold: threshold, capacity: capacity, start: position, filled: filled)
                        #expect(found == expected, "seed \(seed), \(pairs) pairs, capacity \(capacity)")
                        numbers += found.numbers
                        guard found.position > position else { break }
                        position = found.position
                    }
                    if position == leaf.blockCount {
                        let all = leaf.expected(threshold: threshold, capacity: 1000)
                        #expect(numbers == all.numbers)
                    } else {
                        #expect(capacity < 36, "a scan with room for a block must advance")
                    }
                }
            }
        }
    }

    @Test(arguments: instructionSets)
    func `a NaN estimate is never appended`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for (step, offset, constant) in [(Float.nan, Float(0), Float(0)), (1, .nan, 0), (1, 0, .nan)] {
            var generator = SeededGenerator(seed: 5)
            var leaf = Leaf(pairs: 4, slotCount: 64, hasBiases: true, excludes: false, using: &generator)
            (leaf.step, leaf.offset, leaf.constant) = (step, offset, constant)
            #expect(try leaf.scanned(kernels, threshold: -.infinity, capacity: 96).numbers.isEmpty)
        }
        var generator = SeededGenerator(seed: 6)
        var leaf = Leaf(pairs: 5, slotCount: 40, hasBiases: true, excludes: false, using: &generator)
        // Every byte of scales and biases all ones: NaN in both.
        for place in 32 * 5..<leaf.blockByteCount { leaf.blocks[place] = 0xFF }
        let found = try leaf.scanned(kernels, threshold: -.infinity, capacity: 96)
        #expect(found == leaf.expected(threshold: -.infinity, capacity: 96) && found.numbers.count == 8)
    }

    @Test(arguments: instructionSets)
    func `a leaf without slots appends nothing`(set: InstructionSet) throws {
        var generator = SeededGenerator(seed: 7)
        let leaf = Leaf(pairs: 8, slotCount: 0, hasBiases: false, excludes: false, using: &generator)
        #expect(try leaf.scanned(try Kernels.of(set), threshold: -.infinity, capacity: 64) == Appended())
    }
}
