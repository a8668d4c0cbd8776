import Testing

@testable import VectorKernels

@Suite struct LookupTableTests {
    private func table(
        _ kernels: Kernels, _ z: [Float], _ codewords: [Float], _ subspaces: Int, _ dimensionsPerBlock: Int
    ) -> Reference.Table {
        var scratch = [Float](repeating: 0, count: subspaces * 16)
        var entries = [UInt8](repeating: 0xEE, count: subspaces * 16)
        var scratchSpan = scratch.mutableSpan
        var entriesSpan = entries.mutableSpan
        let factors = kernels.lookupTable(
            of: z.span, codewords: codewords.span, subspaces: subspaces, dimensionsPerBlock: dimensionsPerBlock,
            scratch: &scratchSpan, into: &entriesSpan)
        return Reference.Table(entries: entries, step: factors.step, offset: factors.offset)
    }

    @Test(arguments: instructionSets)
    func `tables are those of the reference`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for (subspaces, dimensionsPerBlock) in [(2, 1), (2, 2), (4, 3), (16, 2), (18, 4), (64, 2), (516, 2), (1200, 1)]
        {
            for seed in seeds {
                var generator = SeededGenerator(seed: seed)
                let z = generator.floats(subspaces * dimensionsPerBlock)
                var codewords = generator.floats(subspaces * dimensionsPerBlock * 16)
                // An odd number of subspaces ends in one of zeros.
                if seed == seeds[0] {
                    codewords.replaceSubrange(
                        codewords.count - 16 * dimensionsPerBlock..<codewords.count,
                        with: repeatElement(0, count: 16 * dimensionsPerBlock))
                }
                let found = table(kernels, z, codewords, subspaces, dimensionsPerBlock)
                let expected = Reference.lookupTable(
                    z, codewords: codewords, subspaces: subspaces, dimensionsPerBlock: dimensionsPerBlock)
                #expect(found == expected, "seed \(seed), \(subspaces) subspaces of \(dimensionsPerBlock)")
                #expect(found.entries.contains(127) && found.entries.contains(0))
            }
        }
    }

    @Test(arguments: instructionSets)
    func `entries half way between two levels go to the even one`(set: InstructionSet) throws {
        // Entries 0, 0.5, 1, 1.5, … and a largest one of 127: the step is 1.
        let codewords = (0..<16).map { $0 == 15 ? 127 : Float($0) / 2 } + [Float](repeating: 0, count: 16)
        let found = table(try Kernels.of(set), [1, 0], codewords, 2, 1)
        let levels: [UInt8] = [0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 6, 6, 7, 127]
        #expect(found == .init(entries: levels + [UInt8](repeating: 0, count: 16), step: 1, offset: 0))
    }

    @Test(arguments: instructionSets)
    func `a range too small to invert gives a table of zeros`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        let equal = table(kernels, [2, 3], [Float](repeating: 0.5, count: 32), 2, 1)
        #expect(equal == .init(entries: [UInt8](repeating: 0, count: 32), step: 0, offset: 2.5))
        let tiny = (0..<32).map { Float(bitPattern: UInt32($0)) }
        let found = table(kernels, [1, 1], tiny, 2, 1)
        #expect(found == Reference.lookupTable([1, 1], codewords: tiny, subspaces: 2, dimensionsPerBlock: 1))
        #expect(found.step == 0)
    }

    @Test(arguments: instructionSets)
    func `NaN and infinity keep every entry within 7 bits`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        let plain = try Kernels.of(.scalar)
        let specials: [Float] = [.nan, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1]
        for seed in 0..<200 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var z = generator.floats(8)
            var codewords = generator.floats(8 * 16)
            for _ in 0..<1 + seed % 4 {
                if seed % 3 != 0 { z[generator.uniform(below: 8)] = specials[generator.uniform(below: 6)] }
                if seed % 3 != 1 { codewords[generator.uniform(below: 128)] = specials[generator.uniform(below: 6)] }
            }
            let found = table(kernels, z, codewords, 4, 2)
            let expected = table(plain, z, codewords, 4, 2)
            #expect(found.entries.allSatisfy { $0 <= 127 }, "seed \(seed)")
            #expect(found.entries == expected.entries, "seed \(seed)")
            let difference = firstDifference([found.step, found.offset], [expected.step, expected.offset])
            #expect(difference == nil, "seed \(seed)")
        }
    }
}
