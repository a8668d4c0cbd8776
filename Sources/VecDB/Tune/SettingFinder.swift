import SegmentFile
import TreeAH
import VectorKernels

/// Finds the knobs that reach a recall with the least work.
struct SettingFinder {
    /// A setting that reaches the target.
    struct Found {
        let leavesToSearch: Int
        let reorder: Int
        let recall: Double
        /// Nanoseconds of a search, by a model that knows bytes and cache misses: what is stored with a build must not
        /// depend on how busy the machine was.
        let cost: Double
    }

    let segment: IndexSegment
    /// With their true k nearest.
    let probes: [Probe]
    let k: Int
    let targetRecall: Double
    /// Whether the probes stand for more queries than themselves.
    let isSample: Bool
    let threads: Int
    /// Asked now and then; ends the search by throwing.
    let checkCancellation: () throws -> Void

    /// Exact scores that are tried, for k = 10. With more, a search is no longer worth a tree.
    private static let reorders = [10, 14, 20, 28, 40, 56, 80, 110, 150, 200, 280, 400, 800, 1600, 3200, 6400]

    /// Settings of the tree that reach the target, the cheapest first: one for each number of exact scores that may be
    /// worth its cost. None where only brute force does.
    func find() throws -> [Found] {
        guard let leafCount = segment.parameters.tree?.leafCount, leafCount > 0, !probes.isEmpty else { return [] }
        var found: [Found] = []
        for reorder in reorders {
            var (leaves, lastRecall) = (max(1, leafCount / 400), -1.0)
            while leaves < leafCount || reorder < segment.rowCount {
                try checkCancellation()
                let setting = try measure(leaves: leaves, reorder: reorder)
                if let cheapest = found.map(\.cost).min(), setting.cost >= 1.2 * cheapest { break }
                if setting.recall >= wantedRecall {
                    found.append(setting)
                    break
                }
                if leaves == leafCount { break }
                if setting.recall < lastRecall + 0.002, leaves > leafCount / 50 {
                    // Recall may only rest, as where the leaves of one huge cluster come before all others.
                    let ahead = try measure(leaves: min(leafCount, 4 * leaves), reorder: reorder)
                    // More leaves have stopped to help: more exact scores must.
                    if ahead.recall < setting.recall + 0.01 { break }
                }
                lastRecall = setting.recall
                leaves = min(leafCount, leaves + max(1, leaves / 4))
            }
        }
        return found.sorted { $0.cost < $1.cost }
    }

    /// Of a sample somewhat more is wanted, for the cheapest of many settings is also the luckiest.
    private var wantedRecall: Double {
        guard isSample else { return targetRecall }
        return min(targetRecall + 0.16 / Double(probes.count).squareRoot(), (1 + targetRecall) / 2)
    }

    /// In proportion to k, for the best of a hundred take more exact scores than the best of ten.
    var reorders: [Int] {
        var last = 0
        return Self.reorders.compactMap { reorder in
            let scaled = min(segment.rowCount, max(k, reorder * k / 10))
            defer { last = scaled }
            return scaled > last ? scaled : nil
        }
    }

    func measure(leaves: Int, reorder: Int) throws -> Found {
        let (segment, probes) = (segment, probes)
        let plan = SearchPlan(k: k, leavesToSearch: leaves, reorder: reorder)
        let results = try concurrentMap(count: probes.count, threads: threads) { index throws(SegmentError) in
            let probe = probes[index]
            var scratch = SearchScratch()
            var trace = SearchTrace(isOn: false)
            try segment.search(probe.query, plan: plan, excluding: probe.excluded, scratch: &scratch, trace: &trace)
            let hits = scratch.best.count { probe.truth.contains($0.offset) }
            return (
                share: probe.truth.isEmpty ? 1 : Double(hits) / Double(probe.truth.count),
                codes: Double(trace.statistics.codesScanned)
            )
        }
        let count = Double(max(1, results.count))
        let codes = results.reduce(0) { $0 + $1.codes } / count
        let bytesOfSlot = Double(segment.parameters.tree?.bytesOfBlock ?? 0) / 32
        let nanosecondsOfRow = 30 + Double(segment.rowStride) / 16
        return Found(
            leavesToSearch: leaves, reorder: reorder, recall: results.reduce(0) { $0 + $1.share } / count,
            cost: codes * bytesOfSlot / 16 + Double(leaves) * 20 + Double(reorder) * nanosecondsOfRow)
    }
}
