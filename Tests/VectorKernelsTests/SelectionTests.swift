import CVectorKernels
import Testing

@testable import VectorKernels

@Suite struct SelectionTests {
    /// The best `keep` by sorting, in their original order, and the worst score among them.
    private func expected(_ scores: [Float], _ numbers: [UInt32], keep: Int) -> (Appended, worst: UInt32) {
        let ranked = scores.indices.sorted {
            Reference.isBefore((scores[$0], numbers[$0]), (scores[$1], numbers[$1]))
        }
        let kept = ranked.prefix(keep).sorted()
        return (
            Appended(scores: kept.map { scores[$0] }[...], numbers: kept.map { numbers[$0] }[...], position: keep),
            scores[ranked[keep - 1]].bitPattern
        )
    }

    private func check(
        _ kernels: Kernels, _ scores: [Float], _ numbers: [UInt32], keep: Int, _ comment: Comment? = nil
    ) {
        var (foundScores, foundNumbers) = (scores, numbers)
        // Proof: both arrays have `count` elements, and 0 < keep < count.
        let worst = unsafe kernels.table.pointee.select_top(&foundScores, &foundNumbers, scores.count, keep)
        let wanted = expected(scores, numbers, keep: keep)
        #expect(
            Appended(scores: foundScores[..<keep], numbers: foundNumbers[..<keep], position: keep) == wanted.0, comment)
        #expect(worst.bitPattern == wanted.worst, comment)
    }

    @Test(arguments: instructionSets)
    func `the best are kept in their order`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for seed in seeds {
            var generator = SeededGenerator(seed: seed)
            for count in [2, 3, 15, 16, 17, 31, 32, 33, 100, 356] {
                let scores = generator.floats(count)
                let numbers = generator.words(count)
                for keep in Set([1, 2, count / 3 + 1, count / 2, count - 1]) where keep < count {
                    check(kernels, scores, numbers, keep: keep, "seed \(seed), \(keep) of \(count)")
                }
            }
        }
    }

    @Test(arguments: instructionSets)
    func `equal scores at the cut are kept by smaller number`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for seed in seeds {
            var generator = SeededGenerator(seed: seed)
            for count in [2, 16, 17, 33, 250] {
                let numbers = (0..<count).map { UInt32($0) * 3 }.shuffled(using: &generator)
                for levels in [1, 2, 5] {
                    let scores = generator.coarseFloats(count, levels: levels)
                    for keep in Set([1, count / 4 + 1, count / 2, count - 1]) where keep < count {
                        check(kernels, scores, numbers, keep: keep, "seed \(seed), \(keep) of \(count), \(levels)")
                    }
                }
            }
        }
    }

    @Test(arguments: instructionSets)
    func `numbers up to the largest take part in ties`(set: InstructionSet) throws {
        let numbers: [UInt32] = [.max, 0, .max - 1, 1, 0x8000_0000, 0x7FFF_FFFF] + (10..<40)
        let scores = [Float](repeating: 1.5, count: numbers.count)
        for keep in [1, 2, 5, 34, 35] { check(try Kernels.of(set), scores, numbers, keep: keep) }
    }

    @Test(arguments: instructionSets)
    func `order is that of the integer keys for zeros, infinities and NaN`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        let specials: [Float] = [
            0, -0.0, .infinity, -.infinity, .nan, -.nan, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
            .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1, -1,
        ]
        for seed in seeds {
            var generator = SeededGenerator(seed: seed)
            for count in [12, 40, 65] {
                let scores = (0..<count).map { _ in specials[generator.uniform(below: specials.count)] }
                let numbers = (0..<UInt32(count)).shuffled(using: &generator)
                for keep in 1..<count {
                    check(kernels, scores, numbers, keep: keep, "seed \(seed), \(keep) of \(count)")
                }
            }
        }
    }
}

@Suite struct CollectTests {
    private func collected(
        _ kernels: Kernels, _ scores: [Float], threshold: Float, live: [UInt32], capacity: Int, filled: Int
    ) throws -> Appended {
        let (input, words) = (try GuardedBytes(scores), try GuardedBytes(live))
        var outScores = [Float](repeating: -7, count: capacity + 1)
        var outNumbers = [UInt32](repeating: 7, count: capacity + 1)
        var end = filled
        // Proof: input, words and output have the lengths that are handed over, and outlive the call.
        let consumed = unsafe kernels.table.pointee.collect(
            input.pointer(Float.self), scores.count, 500, threshold, live.isEmpty ? nil : words.pointer(UInt32.self),
            &outScores, &outNumbers, capacity, &end)
        withExtendedLifetime((input, words)) {}
        #expect(outScores[capacity] == -7 && outNumbers[capacity] == 7)
        #expect(outScores[..<filled].allSatisfy { $0 == -7 } && outNumbers[..<filled].allSatisfy { $0 == 7 })
        return Appended(scores: outScores[filled..<end], numbers: outNumbers[filled..<end], position: consumed)
    }

    private func expected(
        _ scores: [Float], threshold: Float, live: [UInt32], capacity: Int, filled: Int
    ) -> Appended {
        var result = Appended()
        while result.position < scores.count, capacity - filled - result.numbers.count >= 16 {
            for i in result.position..<min(scores.count, result.position + 16) {
                guard scores[i] >= threshold, live.isEmpty || live[i / 32] >> (i % 32) & 1 == 1 else { continue }
                result.scores.append(scores[i].bitPattern)
                result.numbers.append(500 + UInt32(i))
            }
            result.position = min(scores.count, result.position + 16)
        }
        return result
    }

    @Test(arguments: instructionSets)
    func `live scores that reach the threshold are collected until fewer than 16 places remain`(
        set: InstructionSet
    ) throws {
        let kernels = try Kernels.of(set)
        for seed in seeds {
            var generator = SeededGenerator(seed: seed)
            for count in [0, 1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 100, 257] {
                var scores = generator.coarseFloats(count)
                if count > 20 { (scores[3], scores[count - 1], scores[9]) = (.nan, -.infinity, .infinity) }
                let words = generator.words((count + 31) / 32)
                for (threshold, live) in [(-Float.infinity, []), (0, words), (1, []), (.infinity, words), (-9, words)] {
                    for (capacity, filled) in [(0, 0), (15, 0), (16, 0), (16, 1), (40, 3), (count + 16, 0)] {
                        let found = try collected(
                            kernels, scores, threshold: threshold, live: live, capacity: capacity, filled: filled)
                        let wanted = expected(
                            scores, threshold: threshold, live: live, capacity: capacity, filled: filled)
                        #expect(
                            found == wanted, "seed \(seed), \(count) scores, capacity \(capacity), \(filled) filled")
                    }
                }
            }
        }
    }
}
