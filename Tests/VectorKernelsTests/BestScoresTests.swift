import Testing

@testable import VectorKernels

@Suite struct BestScoresTests {
    @Test(arguments: instructionSets)
    func `the k-th largest score is found among ties and infinities`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for seed in seeds {
            var generator = SeededGenerator(seed: seed)
            for count in [1, 2, 15, 16, 17, 100, 700] {
                for scores in [
                    generator.floats(count), generator.coarseFloats(count),
                    [Float](repeating: -.infinity, count: count),
                    generator.floats(count).map { $0 > 1 ? .infinity : $0 < -1 ? -.infinity : $0 },
                ] {
                    let sorted = scores.map(orderKey).sorted(by: >)
                    for k in [1, 2, count / 2, count] where 1...count ~= k {
                        var scratch = [Float](repeating: 0, count: count)
                        var room = scratch.mutableSpan
                        let found = kernels.kthLargest(k, of: scores.span, scratch: &room)
                        #expect(orderKey(found) == sorted[k - 1], "seed \(seed), \(k) of \(count)")
                    }
                }
            }
        }
    }

    @Test(arguments: instructionSets)
    func `NaN counts as minus infinity for the k-th largest score`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        let scores: [Float] = [.nan, 3, -.nan, 1, 2] + [Float](repeating: .nan, count: 20)
        var scratch = scores
        var room = scratch.mutableSpan
        #expect(kernels.kthLargest(1, of: scores.span, scratch: &room) == 3)
        #expect(kernels.kthLargest(3, of: scores.span, scratch: &room) == 1)
        #expect(kernels.kthLargest(4, of: scores.span, scratch: &room) == -.infinity)
    }

    /// The best one first, the others in their order; as ``Reference`` ranks them.
    private func expectedPlaces(_ scores: [Float], keep: Int) -> [UInt32] {
        let ranked = scores.indices.filter { !scores[$0].isNaN }.sorted {
            Reference.isBefore((scores[$0], UInt32($0)), (scores[$1], UInt32($1)))
        }
        return ranked.prefix(1).map(UInt32.init) + ranked.prefix(keep).dropFirst().sorted().map(UInt32.init)
    }

    @Test(arguments: instructionSets)
    func `the best scores are selected with their places, the best one first`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for seed in seeds {
            var generator = SeededGenerator(seed: seed)
            // 2,600 scores are enough for a common bound when 24 are kept; a thousand are too many for one.
            for (count, keeps) in [
                (1, [1, 5]), (33, [1, 7, 33]), (700, [3, 24, 699]), (2_600, [1, 24, 100, 1_200]),
            ] {
                for scores in [
                    generator.floats(count), generator.coarseFloats(count),
                    [Float](repeating: 0, count: count),
                    generator.floats(count).map { $0 > 1 ? .nan : $0 < -1 ? -.infinity : $0 },
                ] {
                    for keep in keeps {
                        var best = [Float](repeating: 0, count: count + 16)
                        var places = [UInt32](repeating: 0, count: count + 16)
                        var bestRoom = best.mutableSpan
                        var placesRoom = places.mutableSpan
                        let kept = kernels.selectBest(keep, of: scores.span, into: &bestRoom, places: &placesRoom)
                        let found = Array(places[0..<kept])
                        #expect(found == expectedPlaces(scores, keep: keep), "seed \(seed), \(keep) of \(count)")
                        #expect(
                            best[0..<kept].map(\.bitPattern) == found.map { scores[Int($0)].bitPattern },
                            "seed \(seed), \(keep) of \(count)")
                    }
                }
            }
        }
    }
}
