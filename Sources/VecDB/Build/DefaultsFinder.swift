import SegmentFile
import TreeAH
import VectorKernels

/// Chooses the knobs that a search uses when it names none: the least work that finds the wanted share of the true ten nearest
/// of a sample of queries.
struct DefaultsFinder {
    let segment: IndexSegment
    /// The export's own queries, as given; empty when there are none.
    let queries: [[Float]]
    let sample: TrainingSample
    /// Recall@10 that is wanted.
    let targetRecall: Double
    let threads: Int
    let clock: BuildClock

    /// Multiplications that the exact searches for comparison may take in all.
    private static let exactWork = 48e9
    private static let k = 10
    /// What is wanted more on the sample than of all queries, for the cheapest of many settings is also the luckiest.
    private static let margin = 0.01
    /// Exact scores that are tried. With more, a search is no longer worth a tree.
    private static let reorders = [10, 14, 20, 28, 40, 56, 80, 110, 150, 200, 280, 400, 800, 1600, 3200, 6400]

    private struct Probe: Sendable {
        let query: [Float]
        let excluded: ExcludedRows
        var truth: Set<UInt32> = []
    }

    func find() throws -> SearchDefaults {
        let leafCount = segment.parameters.tree?.leafCount ?? 1
        let probes = try withTruth(try makeProbes())
        var best: (setting: SearchDefaults, cost: Double)?
        for reorder in Self.reorders {
            var (leaves, lastRecall) = (max(1, leafCount / 400), -1.0)
            while true {
                let found = try measure(probes, leaves: leaves, reorder: reorder)
                if let best, found.cost >= best.cost { break }
                if found.recall >= min(1, targetRecall + Self.margin) {
                    let setting = defaults(leaves: leaves, reorder: reorder, recall: found.recall, probes.count)
                    best = (setting, found.cost)
                    break
                }
                // More leaves have stopped to help: more exact scores must.
                if leaves == leafCount || (found.recall < lastRecall + 0.002 && leaves > leafCount / 50) { break }
                lastRecall = found.recall
                leaves = min(leafCount, leaves + max(1, leaves / 4))
                try clock.report(.sync, 0, of: 1)
            }
        }
        // Where estimates tell too little of such vectors, what is asked for takes all exact scores.
        return best?.setting ?? defaults(leaves: leafCount, reorder: segment.rowCount, recall: 1, probes.count)
    }

    private func defaults(leaves: Int, reorder: Int, recall: Double, _ sampleQueries: Int) -> SearchDefaults {
        SearchDefaults(
            leavesToSearch: leaves, reorder: reorder, estimatedRecallAt10: recall, sampleQueries: sampleQueries,
            sampleSource: queries.isEmpty ? "candidates" : "queries")
    }

    /// The queries to measure with; a candidate that serves as one must not find itself.
    private func makeProbes() throws -> [Probe] {
        let workOfQuery = Double(max(1, segment.rowCount)) * Double(segment.dimensions)
        let limit = Int(max(16, min(256, Self.exactWork / workOfQuery)))
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

    /// The probes with their true neighbours, by brute force; the probes of a thread share its reading of the rows.
    private func withTruth(_ probes: [Probe]) throws -> [Probe] {
        let (segment, k) = (segment, Self.k)
        let groupSize = max(1, (probes.count + threads - 1) / threads)
        let groups = try concurrentMap(count: (probes.count + groupSize - 1) / groupSize, threads: threads) {
            group throws(SegmentError) in
            var members = Array(probes[group * groupSize..<min(probes.count, (group + 1) * groupSize)])
            var candidates = try segment.scanExactly(
                members.flatMap(\.query), k: k, excluding: members.map(\.excluded))
            var scratch = SearchScratch()
            for index in members.indices {
                swap(&scratch.candidates, &candidates[index])
                try segment.rankExactly(k, scratch: &scratch)
                members[index].truth = Set(scratch.best.map(\.offset))
            }
            return members
        }
        return Array(groups.joined())
    }

    /// Recall of a setting, and what a search costs by it: nanoseconds, by a model that knows bytes and cache misses, for
    /// defaults must not depend on how busy the machine was.
    private func measure(_ probes: [Probe], leaves: Int, reorder: Int) throws -> (recall: Double, cost: Double) {
        let (segment, k) = (segment, Self.k)
        let results = try concurrentMap(count: probes.count, threads: threads) { index throws(SegmentError) in
            let truth = probes[index].truth
            let (found, codes) = try Self.search(
                segment, probes[index], SearchPlan(k: k, leavesToSearch: leaves, reorder: reorder))
            let share = truth.isEmpty ? 1 : Double(truth.intersection(found).count) / Double(truth.count)
            return (share: share, codes: Double(codes))
        }
        let count = Double(max(1, results.count))
        let bytesOfSlot = Double(segment.parameters.tree?.bytesOfBlock ?? 0) / 32
        let codes = results.reduce(0) { $0 + $1.codes } / count
        let cost =
            codes * bytesOfSlot / 16 + Double(leaves) * 20 + Double(reorder) * (30 + Double(segment.rowStride) / 16)
        return (results.isEmpty ? 1 : results.reduce(0) { $0 + $1.share } / count, cost)
    }

    private static func search(
        _ segment: IndexSegment, _ probe: Probe, _ plan: SearchPlan
    ) throws(SegmentError) -> (found: Set<UInt32>, codesScanned: Int) {
        var scratch = SearchScratch()
        var trace = SearchTrace(isOn: false)
        try segment.search(probe.query, plan: plan, excluding: probe.excluded, scratch: &scratch, trace: &trace)
        return (Set(scratch.best.map(\.offset)), trace.statistics.codesScanned)
    }
}
