import SegmentFile
import TreeAH
import VectorKernels

/// Finds the knobs that reach a recall with the least work, for several k at once.
struct SettingFinder {
    /// A setting and what it reaches.
    struct Found {
        let leavesToSearch: Int
        let reorder: Int
        let recall: Double
        /// By ``SearchCost``: what is stored with a build must not depend on how busy the machine was.
        let cost: Int
    }

    /// Each k, ascending.
    let counts: [Int]
    let targetRecall: Double
    /// Whether the probes stand for more queries than themselves.
    let isSample: Bool
    private let cost: SearchCost
    private let survey: EstimateSurvey

    /// Exact scores that are tried, for k = 10. With more, a search is no longer worth a tree.
    private static let reorders = [
        10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 56, 68, 80, 95, 110, 130, 150, 175, 200, 240, 280, 340, 400, 560, 800,
        1100, 1600, 2200, 3200, 4500, 6400,
    ]

    /// Surveys what searches find of the probes' hits; `nil` for a segment without a tree or without leaves.
    ///
    /// - Parameters:
    ///   - probes: with the hits that they should have, for these `counts`.
    ///   - report: gets the probes done; throws to stop.
    /// - Complexity: O(rows · subspaces) for each probe.
    init?(
        segment: IndexSegment, probes: [Probe], counts: [Int], targetRecall: Double, isSample: Bool, threads: Int,
        report: (Int) throws -> Void
    ) throws {
        guard let cost = segment.searchCost, cost.leafCount > 0 else { return nil }
        (self.counts, self.targetRecall) = (counts, targetRecall)
        (self.isSample, self.cost) = (isSample, cost)
        var survey = EstimateSurvey(
            EstimateSurvey.Question(
                counts: counts, leaves: Self.leafCounts(upTo: cost.leafCount),
                candidates: counts.map { Self.reorders(k: $0, rowCount: cost.rowCount) }))
        try segment.ensureCodesIntact()
        let groupSize = 4
        let groupCount = (probes.count + groupSize - 1) / groupSize
        for first in stride(from: 0, to: groupCount, by: threads) {
            let empty = EstimateSurvey(survey.question)
            let parts = concurrentMap(count: min(threads, groupCount - first), threads: threads) { part in
                let members = (first + part) * groupSize..<min(probes.count, (first + part + 1) * groupSize)
                return segment.survey(probes[members], from: empty)
            }
            for part in parts { survey.add(part) }
            try report(min(probes.count, (first + threads) * groupSize))
        }
        self.survey = survey
    }

    /// Settings of the tree that reach the target for the n-th k, the cheapest first: one for each number of exact scores
    /// that may be worth its cost. None where only brute force does, or does it for less.
    ///
    /// Where more leaves stop to help they may help again, as where those of one huge cluster come before all others: all
    /// numbers of leaves are looked at.
    func find(_ count: Int) -> [Found] {
        let wantedRecall = wantedRecall(count)
        let question = survey.question
        let found = question.candidates[count].indices.compactMap { candidates in
            question.leaves.indices.lazy.compactMap { measured(count, leaves: $0, candidates: candidates) }
                .first { $0.recall >= wantedRecall }
        }
        return found.filter { $0.cost < cost.ofAllRows }.sorted { $0.cost < $1.cost }
    }

    /// Whether any probe tells something about the n-th k.
    func isMeasured(_ count: Int) -> Bool { probeCount(count) > 0 }

    /// How many probes have told something about the n-th k.
    func probeCount(_ count: Int) -> Int { survey.queryCounts[count] }

    /// What comes nearest to brute force: all leaves, and the most exact scores that are tried.
    func nearest(_ count: Int) -> Found? {
        let question = survey.question
        return measured(count, leaves: question.leaves.count - 1, candidates: question.candidates[count].count - 1)
    }

    private func measured(_ count: Int, leaves: Int, candidates: Int) -> Found? {
        let question = survey.question
        guard let recall = survey.recall(count: count, leaves: leaves, candidates: candidates) else { return nil }
        let slots = survey.slotsScanned(count: count, leaves: leaves, candidates: candidates)
        let (leafCount, reorder) = (question.leaves[leaves], question.candidates[count][candidates])
        return Found(
            leavesToSearch: leafCount, reorder: reorder, recall: recall,
            cost: cost.ofTree(leaves: leafCount, reorder: reorder, slots: Int(slots)))
    }

    /// Of a sample somewhat more is wanted, for the cheapest of many settings is also the luckiest.
    private func wantedRecall(_ count: Int) -> Double {
        guard isSample else { return targetRecall }
        // A probe that has one hit to find tells less.
        let margin = counts[count] < 10 ? 0.32 : 0.16
        return min(targetRecall + margin / Double(max(1, probeCount(count))).squareRoot(), (1 + targetRecall) / 2)
    }

    /// Numbers of leaves that are tried: an eighth more each time, and all.
    private static func leafCounts(upTo leafCount: Int) -> [Int] {
        var counts: [Int] = []
        var leaves = max(1, leafCount / 400)
        while leaves < leafCount {
            counts.append(leaves)
            leaves += max(1, leaves / 8)
        }
        return counts + [leafCount]
    }

    /// In proportion to k, for the best of a hundred take more exact scores than the best of ten.
    private static func reorders(k: Int, rowCount: Int) -> [Int] {
        var last = 0
        return reorders.compactMap { reorder in
            let scaled = min(rowCount, max(k, reorder * min(k, rowCount) / 10))
            defer { last = scaled }
            return scaled > last ? scaled : nil
        }
    }
}

extension IndexSegment {
    /// Reads and checks everything that estimates are made of.
    fileprivate func ensureCodesIntact() throws(SegmentError) {
        for section in [SectionKind.codes, .slotRows, .blockRadii] {
            if let entry = reader.entry(section) { try reader.ensureIntact(section, 0..<entry.byteCount) }
        }
    }

    fileprivate func survey(_ probes: ArraySlice<Probe>, from empty: EstimateSurvey) -> EstimateSurvey {
        guard let tree = parameters.tree else { return empty }
        var survey = empty
        var scratch = SearchScratch()
        for probe in probes {
            survey.add(
                probe.query, rows: probe.wanted, hits: probe.hits, in: treeView(tree), filter: probe.filter,
                scratch: &scratch, kernels: kernels)
        }
        return survey
    }
}
