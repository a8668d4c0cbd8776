import Testing
import VectorKernels

@testable import TreeAH

@Suite struct HitCollectorTests {
    private func add(_ hits: [(Float, UInt64)], to collector: inout HitCollector) {
        for (score, ordinal) in hits { collector.add(score: score, ordinal: ordinal) }
        collector.finishSegment()
    }

    @Test func `hits come by score, then by ordinal, and no more than k`() {
        var collector = HitCollector()
        collector.reset(k: 7)
        add([(1, 9), (0, 1), (2, 7), (-0.0, 0), (2, 1 << 40), (1, 2)], to: &collector)
        #expect(collector.hits.map(\.ordinal) == [7, 1 << 40, 2, 9, 1, 0])
        #expect(collector.threshold == .min && collector.scoreThreshold == -.infinity)
        collector.reset(k: 3)
        #expect(collector.hits.isEmpty)
        add([(1, 9), (0, 1), (2, 7), (-0.0, 0), (2, 3), (1, 2)], to: &collector)
        #expect(collector.hits.map(\.ordinal) == [3, 7, 2] && collector.hits.map(\.score) == [2, 2, 1])
    }

    @Test func `a threshold rises from segment to segment, and what ties with it counts`() {
        var collector = HitCollector()
        collector.reset(k: 2)
        add([(5, 10)], to: &collector)
        #expect(collector.scoreThreshold == -.infinity)
        add([(3, 11), (1, 12)], to: &collector)
        #expect(collector.threshold == orderKey(3) && collector.scoreThreshold == 3)
        add([(3, 4)], to: &collector)
        #expect(collector.hits.map(\.ordinal) == [10, 4])
        add([], to: &collector)
        #expect(collector.hits.map(\.ordinal) == [10, 4])
        collector.reset(k: 2)
        #expect(collector.threshold == .min)
    }

    @Test func `any order of segments gives the same hits`() {
        var generator = SeededGenerator(seed: 3)
        let all = (0..<200).map { (Float(generator.uniform(below: 20)), UInt64($0)) }
        let expected = all.sorted { ($0.0, $1.1) > ($1.0, $0.1) }.prefix(30).map(\.1)
        for parts in [1, 2, 7, 200] {
            var collector = HitCollector()
            collector.reset(k: 30)
            for part in (0..<parts).shuffled(using: &generator) {
                add(all.enumerated().filter { $0.offset % parts == part }.map(\.element), to: &collector)
            }
            #expect(collector.hits.map(\.ordinal) == expected)
        }
    }
}
