import Testing

@testable import VectorKernels

@Suite struct TopCandidatesTests {
    private func best(_ candidates: [(score: Float, number: UInt32)], keep: Int) -> Appended {
        let ranked = candidates.sorted(by: Reference.isBefore).prefix(keep)
        return Appended(scores: ranked.map(\.score)[...], numbers: ranked.map(\.number)[...], position: ranked.count)
    }

    private func ranked(_ top: inout TopCandidates, kernels: Kernels) -> Appended {
        top.select(kernels: kernels)
        top.sortByRank()
        return Appended(scores: top.scores[..<top.count], numbers: top.numbers[..<top.count], position: top.count)
    }

    @Test(arguments: instructionSets)
    func `appended scores give the best of all of them`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        var top = TopCandidates()
        for seed in seeds {
            var generator = SeededGenerator(seed: seed)
            for (keep, parts) in [(1, [1]), (3, [700, 33]), (50, [1, 2000, 0, 17, 64]), (400, [399]), (7, [5000])] {
                for coarse in [false, true] {
                    for excludes in [false, true] {
                        top.reset(keeping: keep)
                        var all: [(score: Float, number: UInt32)] = []
                        var first: UInt32 = 10
                        for part in parts {
                            let scores = coarse ? generator.coarseFloats(part) : generator.floats(part)
                            let live = excludes ? generator.words((part + 31) / 32) : []
                            top.append(scores.span, first: first, live: live.span, kernels: kernels)
                            for (i, score) in scores.enumerated()
                            where live.isEmpty || live[i / 32] >> (i % 32) & 1 == 1 {
                                all.append((score, first + UInt32(i)))
                            }
                            first += UInt32(part)
                        }
                        let found = ranked(&top, kernels: kernels)
                        #expect(found == best(all, keep: keep), "seed \(seed), keep \(keep), coarse \(coarse)")
                    }
                }
            }
        }
    }

    @Test(arguments: instructionSets)
    func `scanned leaves give the best of all their slots`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for seed in seeds {
            var generator = SeededGenerator(seed: seed)
            for (keep, pairs) in [(1, 3), (10, 4), (50, 8), (1000, 2)] {
                for coarse in [false, true] {
                    var buffers = CandidateBuffers()
                    buffers.reset(queryCount: 1, keeping: keep)
                    var all: [(score: Float, number: UInt32)] = []
                    var (codes, live, queue) = ([UInt8](), [UInt32](), [ScanLeaf]())
                    var (first, firstBlock) = (UInt32(0), 0)
                    var last: Leaf?
                    for (place, slotCount) in [900, 0, 31, 700].enumerated() {
                        var leaf = Leaf(
                            pairs: pairs, slotCount: slotCount, hasBiases: pairs == 4, excludes: place == 0,
                            coarse: coarse, using: &generator)
                        leaf.firstNumber = first
                        leaf.constant = Float(place) / 4
                        leaf.table = last?.table ?? leaf.table  // one table serves all leaves
                        queue.append(
                            ScanLeaf(
                                firstBlock: firstBlock, slotCount: slotCount, firstNumber: first,
                                constant: leaf.constant, biasFactor: leaf.biasFactor,
                                liveStart: leaf.live.isEmpty ? nil : live.count))
                        codes += leaf.blocks
                        live += leaf.live
                        for (slot, estimate) in leaf.estimates().enumerated() where leaf.isLive(slot) {
                            all.append((estimate, first + UInt32(slot)))
                        }
                        first += UInt32(slotCount)
                        firstBlock += leaf.blockCount
                        last = leaf
                    }
                    let leaf = try #require(last)
                    // Proof: bytes have no padding to expose.
                    unsafe buffers.scan(
                        queue.span, codes: codes.span.bytes, blockByteCount: leaf.blockByteCount, pairs: pairs,
                        hasBiases: leaf.hasBiases, tables: leaf.table.span,
                        factors: [TableFactors(step: leaf.step, offset: leaf.offset)].span, live: live.span,
                        kernels: kernels)
                    let places = buffers.select(query: 0, kernels: kernels)
                    let found = Set(buffers.allNumbers[places])
                    #expect(found.count == places.count)
                    let expected = Set(best(all, keep: keep).numbers)
                    #expect(found == expected, "seed \(seed), keep \(keep), coarse \(coarse)")
                }
            }
        }
    }

    @Test(arguments: instructionSets)
    func `scores may be numbered by a list, and ties go by the numbers in it`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for seed in seeds {
            for keep in [1, 20, 300] {
                var generator = SeededGenerator(seed: seed)
                let scores = generator.coarseFloats(2500)
                let live = generator.words(80)
                let numbering = (0..<2500).map { UInt32($0) * 5 }.shuffled(using: &generator)
                var top = TopCandidates()
                top.reset(keeping: keep)
                top.append(
                    scores.span, first: 77, live: live.span, numbering: numbering.span, kernels: kernels)
                let all = scores.indices.filter { live[$0 / 32] >> ($0 % 32) & 1 == 1 }
                    .map { (score: scores[$0], number: numbering[$0]) }
                #expect(ranked(&top, kernels: kernels) == best(all, keep: keep), "seed \(seed), keep \(keep)")
            }
        }
    }

    @Test func `a buffer that is used again forgets what it held`() {
        var top = TopCandidates()
        top.reset(keeping: 2)
        top.append([9, 8, 7, 6].span, first: 0, live: Span(), kernels: .best)
        top.select(kernels: .best)
        #expect(top.threshold == 8)
        top.reset(keeping: 2)
        #expect(top.threshold == -.infinity && top.count == 0)
        top.append([1].span, first: 5, live: Span(), kernels: .best)
        #expect(ranked(&top, kernels: .best) == best([(1, 5)], keep: 2))
    }

    @Test func `ranking orders zeros, infinities and NaN by their keys`() {
        let scores: [Float] = [0, -0.0, .infinity, 1, -.infinity, 0]
        var top = TopCandidates()
        top.reset(keeping: 6)
        top.append(scores.span, first: 0, live: Span(), kernels: .best)
        top.sortByRank()
        #expect(Array(top.numbers[..<6]) == [2, 3, 0, 5, 1, 4])
        #expect(orderKey(.nan) > orderKey(.infinity) && orderKey(-.nan) < orderKey(-.infinity))
        for value in scores + [.nan, -.nan, .leastNonzeroMagnitude] {
            #expect(score(ofOrderKey: orderKey(value)).bitPattern == value.bitPattern)
        }
    }
}
