import VectorKernels

/// The scans that one query of an ``EstimateSurvey`` costs.
struct SurveyScan {
    /// A slot of a row that should be found.
    struct Place {
        let estimate: Float
        let number: UInt32
        /// Its row's place in the list of wanted rows.
        let row: Int
        /// The place of the smallest number of leaves that reaches it.
        let step: Int
        let counts: UInt64
        /// What the scores in its block cannot exceed; ∞ in the first block of a leaf, which is always scanned.
        let bound: Float
    }

    /// For each number of leaves: the slots in them; for each count those that are scanned where radii bound the others,
    /// and the estimate that blocks must be able to reach.
    private(set) var slots: [Int] = []
    /// For each number of leaves the rows in them that may be returned.
    private var rows: [Int] = []
    private(set) var boundedSlots: [[Int]] = []
    private(set) var thresholds: [[Float]] = []
    let isBounded: Bool

    private let query: [Float]
    private let length: Float
    /// All leaves, nearest first.
    private let ranking: [UInt32]
    private let filter: RowFilter
    private let kernels: Kernels

    /// Slots whose estimates are held at a time.
    private static let slotLimit = 1 << 20

    init(
        _ query: [Float], in tree: TreeView, filter: RowFilter,
        scratch: inout SearchScratch, kernels: Kernels
    ) {
        tree.project(query.span, scratch: &scratch, kernels: kernels)
        tree.rankLeaves(scratch: &scratch, kernels: kernels)
        tree.prepareLookupTable(scratch: &scratch, kernels: kernels)
        (self.query, self.filter, self.kernels) = (query, filter, kernels)
        ranking = scratch.leaves
        let square = kernels.dot(query.span, query.span)
        length = square.squareRoot()
        isBounded = !tree.radii.isEmpty && square >= .leastNormalMagnitude
    }

    /// Finds the slots of some rows, best estimates first, and what the leaves reached by each step hold.
    mutating func findRows(
        _ rows: [EstimateSurvey.Wanted], _ question: EstimateSurvey.Question, in tree: TreeView,
        scratch: inout SearchScratch
    ) -> [Place] {
        let rowCount = tree.leaves.isEmpty ? 0 : tree.leaves[tree.leaves.count - 1].rows.upperBound
        var isWanted = [UInt64](repeating: 0, count: (rowCount + 63) / 64)
        for wanted in rows { isWanted[Int(wanted.row) / 64] |= 1 << UInt64(wanted.row % 64) }
        let rows = rows.sorted { $0.row < $1.row }
        let slotsOfHit = tree.numbersSlots ? 2 : 1
        let measured = rows.reduce(0) { $0 | $1.counts }
        // Of the first blocks only so many estimates matter.
        let firstBlockLimit =
            slotsOfHit
            * (question.counts.indices.last { measured >> UInt64($0) & 1 == 1 }
                .map { question.counts[$0] } ?? 1)
        var room: [Float] = []
        var places: [Place] = []
        var (slotCount, liveCount, constants, bestOfFirstBlocks) = (0, 0, [Float](), [Float]())
        var worstOfBest = -Float.infinity
        for step in question.leaves.indices {
            forEachPart(of: step, question, in: tree, scratch: &scratch) { leaf, numbers, estimates in
                slotCount += leaf.slotCount
                liveCount += tree.liveRowCount(of: Int(leaf.tag), filter: filter)
                constants.append(leaf.constant)
                for (number, estimate) in zip(numbers, estimates) {
                    let slot = Int(number &- leaf.firstNumber)
                    if isBounded, slot < 32, estimate > worstOfBest { bestOfFirstBlocks.append(estimate) }
                    let row = tree.numbersSlots ? tree.slotRows[Int(number)] : number
                    guard Int(row) < rowCount, isWanted[Int(row) / 64] >> UInt64(row % 64) & 1 == 1
                    else { continue }
                    var (place, end) = (0, rows.count - 1)
                    while place < end {
                        let middle = (place + end) / 2
                        if rows[middle].row < row { place = middle + 1 } else { end = middle }
                    }
                    let radius = isBounded && slot >= 32 ? tree.radii[leaf.firstBlock + slot / 32] : .infinity
                    places.append(
                        Place(
                            estimate: estimate, number: number, row: place, step: step, counts: rows[place].counts,
                            bound: radius == .infinity ? .infinity : leaf.constant + length * radius))
                }
            }
            let thresholds = question.counts.indices.map { count in
                guard measured >> UInt64(count) & 1 == 1 else { return -Float.infinity }
                return kthLargest(slotsOfHit * question.counts[count], of: bestOfFirstBlocks, &room)
            }
            if bestOfFirstBlocks.count > 2 * firstBlockLimit {
                worstOfBest = kthLargest(firstBlockLimit, of: bestOfFirstBlocks, &room)
                bestOfFirstBlocks.removeAll { $0 < worstOfBest }
            }
            slots.append(slotCount)
            self.rows.append(liveCount)
            self.thresholds.append(thresholds)
            boundedSlots.append(
                thresholds.map {
                    $0 > -.infinity ? slotsScanned(constants, threshold: $0, in: tree) : slotCount
                })
        }
        return places.sorted { ($0.estimate, $1.number) > ($1.estimate, $0.number) }
    }

    /// The k-th largest of some estimates; −∞ when there are fewer.
    private func kthLargest(_ k: Int, of estimates: [Float], _ room: inout [Float]) -> Float {
        guard k <= estimates.count else { return -.infinity }
        room.reserveFloats(estimates.count)
        var span = room.mutableSpan
        return kernels.kthLargest(k, of: estimates.span, scratch: &span)
    }

    /// The step whose leaves a search takes that begins with those of `step`: more, as long as they hold too few rows.
    func stepReached(from step: Int, rows needed: Int) -> Int {
        var step = step
        while step < rows.count - 1, rows[step] < needed { step += 1 }
        return step
    }

    /// For each step and each of `places` how many slots in the leaves reached have a better estimate.
    func countBetter(
        than places: [Place], _ question: EstimateSurvey.Question, in tree: TreeView,
        scratch: inout SearchScratch
    ) -> [[Int32]] {
        guard let worst = places.last else { return question.leaves.map { _ in [] } }
        var total = [Int32](repeating: 0, count: places.count)
        var better: [[Int32]] = []
        for step in question.leaves.indices {
            // Those that are better than the n-th place but than no one before.
            var passed = [Int32](repeating: 0, count: places.count + 1)
            forEachPart(of: step, question, in: tree, scratch: &scratch) { _, numbers, estimates in
                for (number, estimate) in zip(numbers, estimates) where estimate >= worst.estimate {
                    var (low, high) = (0, places.count)
                    while low < high {
                        let middle = (low + high) / 2
                        let other = places[middle]
                        let isBefore =
                            estimate > other.estimate || (estimate == other.estimate && number < other.number)
                        if isBefore { high = middle } else { low = middle + 1 }
                    }
                    passed[low] += 1
                }
            }
            var sum: Int32 = 0
            for place in places.indices {
                sum += passed[place]
                total[place] += sum
            }
            better.append(total)
        }
        return better
    }

    /// Scans the leaves that a step adds, and hands over each with the numbers and estimates of its slots.
    private func forEachPart(
        of step: Int, _ question: EstimateSurvey.Question, in tree: TreeView, scratch: inout SearchScratch,
        _ body: (ScanLeaf, ArraySlice<UInt32>, ArraySlice<Float>) -> Void
    ) {
        var first = step == 0 ? 0 : min(ranking.count, question.leaves[step - 1])
        let end = min(ranking.count, question.leaves[step])
        while first < end {
            var (last, slots) = (first, 0)
            while last < end, last == first || slots + Int(tree.leaves[Int(ranking[last])].slotCount) <= Self.slotLimit
            {
                slots += Int(tree.leaves[Int(ranking[last])].slotCount)
                last += 1
            }
            scratch.leaves.removeAll(keepingCapacity: true)
            scratch.leaves.append(contentsOf: ranking[first..<last])
            scratch.begin(queryCount: 1, keeping: max(1, slots))
            tree.enqueueChosenLeaves(
                for: query.span, keeping: max(1, slots), filter: filter, scratch: &scratch, kernels: kernels)
            _ = tree.scanQueue(scratch: &scratch, kernels: kernels)
            let (numbers, estimates) = (scratch.estimates.allNumbers, scratch.estimates.allScores)
            let places = scratch.estimates.places(of: 0)
            var place = places.lowerBound
            // All are kept, in the order in which they were scanned; only those that are left out are missing.
            for leaf in scratch.queue {
                let start = place
                while place < places.upperBound, Int(numbers[place] &- leaf.firstNumber) < leaf.slotCount { place += 1 }
                body(leaf, numbers[start..<place], estimates[start..<place])
            }
            first = last
        }
    }

    /// The slots that a search scans whose other blocks must reach a threshold; see `TreeView.enqueueOtherBlocks`.
    ///
    /// - Parameter constants: of the nearest leaves, in the order of their ranks.
    private func slotsScanned(_ constants: [Float], threshold: Float, in tree: TreeView) -> Int {
        var slots = 0
        for (rank, constant) in constants.enumerated() {
            let leaf = tree.leaves[Int(ranking[rank])]
            var blocks = min(1, leaf.blockCount)
            while blocks < leaf.blockCount,
                constant + length * tree.radii[Int(leaf.firstBlock) + blocks] >= threshold
            { blocks += 1 }
            slots += min(Int(leaf.slotCount), 32 * blocks)
        }
        return slots
    }
}
