import SegmentFile
import TreeAH
import VectorKernels

/// Chooses the knobs that a search uses when it names none: the least work that finds .95 of the true ten nearest of a
/// sample of queries.
struct DefaultsFinder {
    let segment: IndexSegment
    /// The export's own queries, as given; empty when there are none.
    let queries: [[Float]]
    let sample: TrainingSample
    let threads: Int
    let clock: BuildClock

    private static let targetRecall = 0.95
    /// Bytes that the exact searches for comparison may read in all.
    private static let exactByteBudget = 6 << 30
    private static let k = 10
    /// Beyond so many exact scores a search is no longer worth a tree.
    private static let reorderLimit = 6400

    private struct Probe: Sendable {
        let query: [Float]
        let excluded: ExcludedRows
        var truth: Set<UInt32> = []
    }

    func find() throws -> SearchDefaults {
        let leafCount = segment.parameters.tree?.leafCount ?? 1
        let probes = try withTruth(try makeProbes())
        var (leaves, reorder) = (max(1, leafCount / 100), 50)
        var best = (leaves: leaves, reorder: reorder, recall: -1.0)
        // Widen what is narrow: more leaves first, and more exact scores where leaves have stopped to help.
        while true {
            let recall = try recall(probes, leaves: leaves, reorder: reorder)
            if recall > best.recall { best = (leaves, reorder, recall) }
            if recall >= Self.targetRecall { break }
            let withMoreExactScores = try self.recall(probes, leaves: leaves, reorder: reorder * 2)
            if withMoreExactScores > recall + 0.01, reorder < Self.reorderLimit {
                reorder *= 2
            } else if leaves < leafCount {
                leaves = min(leafCount, leaves + max(1, leaves / 3))
            } else if reorder < Self.reorderLimit {
                reorder *= 2
            } else {
                // Estimates tell too little of such vectors: what is asked for takes all exact scores.
                return defaults(leaves: leafCount, reorder: segment.rowCount, recall: 1, probes.count)
            }
            try clock.report(.sync, 0, of: 1)
        }
        return defaults(leaves: best.leaves, reorder: best.reorder, recall: best.recall, probes.count)
    }

    private func defaults(leaves: Int, reorder: Int, recall: Double, _ sampleQueries: Int) -> SearchDefaults {
        SearchDefaults(
            leavesToSearch: leaves, reorder: reorder, estimatedRecallAt10: recall, sampleQueries: sampleQueries,
            sampleSource: queries.isEmpty ? "candidates" : "queries")
    }

    /// The queries to measure with; a candidate that serves as one must not find itself.
    private func makeProbes() throws -> [Probe] {
        let bytes = max(1, segment.rowCount * segment.rowStride)
        let limit = max(8, min(64, Self.exactByteBudget / bytes))
        if !queries.isEmpty {
            let chosen = min(limit, queries.count)
            return (0..<chosen).map { index in
                let query = queries[index * queries.count / chosen]
                return Probe(
                    query: segment.metric == .cosine ? normalised(query)?.vector ?? query : query, excluded: .none)
            }
        }
        var probes: [Probe] = []
        let dimensions = sample.dimensions
        let chosen = min(limit, sample.count)
        for index in 0..<chosen {
            let place = index * sample.count / chosen
            guard let row = try segment.row(ofOrdinal: sample.ordinals[place]) else { continue }
            let query = Array(sample.rows[place * dimensions..<(place + 1) * dimensions])
            probes.append(Probe(query: query, excluded: ExcludedRows([row])))
        }
        return probes
    }

    private func withTruth(_ probes: [Probe]) throws -> [Probe] {
        let (segment, k) = (segment, Self.k)
        return try concurrentMap(count: probes.count, threads: threads) { index throws(SegmentError) in
            var probe = probes[index]
            probe.truth = try Self.search(segment, probe, SearchPlan(k: k, leavesToSearch: 1, reorder: 1, exact: true))
            return probe
        }
    }

    private func recall(_ probes: [Probe], leaves: Int, reorder: Int) throws -> Double {
        let (segment, k) = (segment, Self.k)
        let shares = try concurrentMap(count: probes.count, threads: threads) { index throws(SegmentError) in
            let found = try Self.search(
                segment, probes[index], SearchPlan(k: k, leavesToSearch: leaves, reorder: reorder))
            let truth = probes[index].truth
            return truth.isEmpty ? 1 : Double(truth.intersection(found).count) / Double(truth.count)
        }
        return shares.isEmpty ? 1 : shares.reduce(0, +) / Double(shares.count)
    }

    private static func search(_ segment: IndexSegment, _ probe: Probe, _ plan: SearchPlan) throws(SegmentError) -> Set<
        UInt32
    > {
        var scratch = SearchScratch()
        var trace = SearchTrace(isOn: false)
        try segment.search(probe.query, plan: plan, excluding: probe.excluded, scratch: &scratch, trace: &trace)
        return Set(scratch.best.map(\.offset))
    }
}
