import VectorKernels

/// What searches of every size find of the rows that they should find, counted over some queries.
///
/// Whether a search has a row among its candidates depends on the rank of the row's leaf and on how many estimates in the
/// leaves searched are better. A scan of all leaves tells both, and with them the answers of all searches at once: each
/// query costs two such scans, however many settings are asked about. Sums are of integers, so that they do not depend on
/// how queries are shared among threads.
public struct EstimateSurvey: Sendable {
    /// What is asked.
    public struct Question: Sendable {
        /// The numbers of hits, ascending; at most 64.
        public let counts: [Int]
        /// The numbers of leaves, ascending.
        public let leaves: [Int]
        /// For each of `counts` the numbers of candidates that get exact scores, ascending.
        public let candidates: [[Int]]

        public init(counts: [Int], leaves: [Int], candidates: [[Int]]) {
            precondition(counts.count <= 64 && candidates.count == counts.count)
            (self.counts, self.leaves, self.candidates) = (counts, leaves, candidates)
        }
    }

    /// A row that searches should find.
    public struct Wanted: Sendable {
        public var row: UInt32
        /// A bit for each of the question's counts: whether it is among the so many nearest, or ties with the last of them.
        public var counts: UInt64

        public init(row: UInt32, counts: UInt64) { (self.row, self.counts) = (row, counts) }
    }

    public let question: Question
    /// For each count the hits that all queries together should have.
    private var wanted: [Int]
    /// For each count, by leaves and then candidates: those that they have.
    private var found: [[Int]]
    /// For each count, by leaves: slots in the leaves searched, all queries together, and those that are scanned where radii
    /// show which matter.
    private var slots: [[Int]]
    private var boundedSlots: [[Int]]
    /// For each count the queries that tell about it.
    public private(set) var queryCounts: [Int]

    public init(_ question: Question) {
        self.question = question
        wanted = question.counts.map { _ in 0 }
        found = question.candidates.map { [Int](repeating: 0, count: question.leaves.count * $0.count) }
        slots = question.counts.map { _ in question.leaves.map { _ in 0 } }
        boundedSlots = slots
        queryCounts = wanted
    }

    /// The share of the hits wanted that searches have; `nil` where no query tells.
    ///
    /// - Parameters: places in the question's lists.
    public func recall(count: Int, leaves: Int, candidates: Int) -> Double? {
        guard wanted[count] > 0 else { return nil }
        let hits = found[count][leaves * question.candidates[count].count + candidates]
        return Double(hits) / Double(wanted[count])
    }

    /// The slots that such a search scans, on average.
    public func slotsScanned(count: Int, leaves: Int, candidates: Int) -> Double {
        let all = Double(slots[count][leaves]) / Double(max(1, queryCounts[count]))
        guard all > Double(question.candidates[count][candidates]) else { return all }
        return Double(boundedSlots[count][leaves]) / Double(max(1, queryCounts[count]))
    }

    /// Adds what others have counted.
    public mutating func add(_ other: EstimateSurvey) {
        for index in wanted.indices {
            wanted[index] += other.wanted[index]
            queryCounts[index] += other.queryCounts[index]
            for place in found[index].indices { found[index][place] += other.found[index][place] }
            for place in question.leaves.indices {
                slots[index][place] += other.slots[index][place]
                boundedSlots[index][place] += other.boundedSlots[index][place]
            }
        }
    }

    /// Adds a query.
    ///
    /// - Parameters:
    ///   - query: d floats.
    ///   - rows: those that searches should find, in any order, each once.
    ///   - hits: for each count how many a search should have; 0 where the query tells nothing.
    /// - Complexity: O(slots · subspaces + blocks + leaves asked about · (rows + candidates asked about)).
    public mutating func add(
        _ query: [Float], rows: [Wanted], hits: [Int], in tree: TreeView, filter: RowFilter,
        scratch: inout SearchScratch, kernels: Kernels
    ) {
        var scan = SurveyScan(query, in: tree, filter: filter, scratch: &scratch, kernels: kernels)
        let places = scan.findRows(rows, question, in: tree, scratch: &scratch)
        let better = scan.countBetter(than: places, question, in: tree, scratch: &scratch)
        for count in question.counts.indices where hits[count] > 0 {
            queryCounts[count] += 1
            for leaves in question.leaves.indices {
                let reached = scan.stepReached(from: leaves, rows: question.counts[count])
                slots[count][leaves] += scan.slots[reached]
                boundedSlots[count][leaves] += scan.boundedSlots[reached][count]
            }
            wanted[count] += hits[count]
            countFound(
                count, hits: hits[count], scan, places, better, numbersSlots: tree.numbersSlots, rowCount: rows.count)
        }
    }

    private mutating func countFound(
        _ count: Int, hits: Int, _ scan: SurveyScan, _ places: [SurveyScan.Place], _ better: [[Int32]],
        numbersSlots: Bool, rowCount: Int
    ) {
        let candidates = question.candidates[count]
        let leastKept = numbersSlots ? 2 * question.counts[count] : question.counts[count]
        let places = places.enumerated().filter { $0.element.counts >> UInt64(count) & 1 == 1 }
        // A row may have two slots: the last step at which it was met, in all blocks and in those that are scanned.
        var seen = [Int32](repeating: -1, count: numbersSlots ? rowCount : 0)
        var seenBounded = seen
        for leaves in question.leaves.indices {
            let reached = scan.stepReached(from: leaves, rows: question.counts[count])
            let threshold = scan.thresholds[reached][count]
            var (all, bounded, next) = (0, 0, 0)
            func record(_ survey: inout EstimateSurvey) {
                let kept = max(candidates[next], leastKept)
                let met = scan.isBounded && scan.slots[reached] > kept ? bounded : all
                survey.found[count][leaves * candidates.count + next] += min(met, hits)
                next += 1
            }
            for (place, slot) in places {
                while next < candidates.count, better[reached][place] >= max(candidates[next], leastKept) {
                    record(&self)
                }
                guard next < candidates.count else { break }
                guard slot.step <= reached else { continue }
                let isScanned = slot.bound >= threshold
                if numbersSlots {
                    if seen[slot.row] != leaves {
                        all += 1
                        seen[slot.row] = Int32(leaves)
                    }
                    if isScanned, seenBounded[slot.row] != leaves {
                        bounded += 1
                        seenBounded[slot.row] = Int32(leaves)
                    }
                } else {
                    all += 1
                    if isScanned { bounded += 1 }
                }
            }
            while next < candidates.count { record(&self) }
        }
    }
}
