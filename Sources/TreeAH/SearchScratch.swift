import VectorKernels

/// The memory of one running search, reused from one to the next so that a warm search allocates nothing.
///
/// A span keeps all of it from being changed; what is lent to a kernel beside a part that it fills is a second reference to
/// the array, which copies nothing.
public struct SearchScratch: Sendable {
    /// The leaves to scan, best first; see `TreeView.chooseLeaves`.
    public internal(set) var leaves: [UInt32] = []
    /// The best estimates of each query that is searched for; their numbers are rows, or slots where
    /// rows may have two of them.
    public var estimates = CandidateBuffers()
    /// The best of an exact scan.
    public var candidates = TopCandidates()

    /// The best of the exact scores.
    public var hits = HitCollector()
    /// Exact scores in the order of their rows.
    public var scores: [Float] = []
    /// The rows that get exact scores, where candidates are slots.
    public private(set) var rows: [UInt32] = []
    /// What ``collectNumbers(at:in:)`` found.
    public private(set) var numbers: [UInt32] = []
    private var seenRows: [UInt32] = []

    var routingScores: [Float] = []
    /// The leaves of largest routing score and their scores, in `TreeView.keepBestLeaves`.
    var bestLeaves: [UInt32] = []
    var bestLeafScores: [Float] = []
    /// The query less the tree's origin.
    var relative: [Float] = []
    var projected: [Float] = []
    /// A vector's bytes, while it is multiplied.
    var levels: [UInt8] = []
    var tableEntries: [Float] = []
    /// One behind the other, by the queries' numbers.
    var tables: [UInt8] = []
    var factors: [TableFactors] = []
    var liveMask: [UInt32] = []
    /// The leaves that queries search, those of one model and query one behind the other.
    var chosen: [ChosenLeaf] = []
    /// Where they lie in `chosen`, and their slots in all segments: of each query by the first model, by the next one …
    public private(set) var routes: [(leaves: Range<Int>, slots: Int)] = []
    /// The leaves of one segment to be scanned, each for one query.
    var queue: [ScanLeaf] = []
    /// The blocks of those leaves behind the first ones, while it is open whether they will be scanned.
    var others: [ScanLeaf] = []
    /// Such blocks of other segments, by the segments' places.
    private var othersOfSegments: [[ScanLeaf]] = []
    private var ordered: [ScanLeaf] = []
    private var bucketStarts: [Int] = []
    /// |q| of each query.
    var lengths: [Float] = []
    /// What other blocks than first ones must be able to reach, by queries; NaN where that has not been asked yet.
    private var thresholds: [Float] = []

    /// What finding the k-th largest of some scores takes.
    private var selection: [Float] = []

    public init() {}

    /// Makes ready for the tree search of `queryCount` queries together, each keeping its `keep` best estimates.
    public mutating func begin(queryCount: Int, keeping keep: Int) {
        estimates.reset(queryCount: queryCount, keeping: keep)
        chosen.removeAll(keepingCapacity: true)
        routes.removeAll(keepingCapacity: true)
        queue.removeAll(keepingCapacity: true)
        others.removeAll(keepingCapacity: true)
        for segment in othersOfSegments.indices { othersOfSegments[segment].removeAll(keepingCapacity: true) }
        liveMask.removeAll(keepingCapacity: true)
        thresholds.removeAll(keepingCapacity: true)
        for _ in 0..<queryCount { thresholds.append(.nan) }
    }

    /// Sets what a query searches by a model: all of them are set in their order, and then any of them again.
    public mutating func note(leaves: Range<Int>, slots: Int, at place: Int) {
        if place < routes.count { routes[place] = (leaves, slots) } else { routes.append((leaves, slots)) }
    }

    /// Whether blocks are left for `TreeView.enqueueOtherBlocks` to decide on.
    public var hasOpenBlocks: Bool { !others.isEmpty }

    /// Empties the list of leaves for another segment, and puts aside what is open of this one, or brings back what is open
    /// of that one.
    ///
    /// - Parameter segment: its place among those that are searched.
    public mutating func exchangeOpenBlocks(ofSegment segment: Int) {
        while othersOfSegments.count <= segment { othersOfSegments.append([]) }
        queue.removeAll(keepingCapacity: true)
        swap(&others, &othersOfSegments[segment])
    }

    /// Brings the list of leaves into the order in which they lie in memory, so that queries share what each brings in;
    /// but the first leaf of each query, its best one, stays in front and raises its threshold early.
    public mutating func orderQueue(leafCount: Int) {
        // A counting sort, twice as many buckets as leaves: first leaves before all others, then as they lie.
        func bucket(_ index: Int) -> Int {
            let isFirst = index == 0 || queue[index - 1].query != queue[index].query
            return Int(queue[index].tag) + (isFirst ? 0 : leafCount)
        }
        bucketStarts.removeAll(keepingCapacity: true)
        for _ in 0...2 * leafCount { bucketStarts.append(0) }
        for index in queue.indices { bucketStarts[bucket(index) + 1] += 1 }
        for bucket in 0..<2 * leafCount { bucketStarts[bucket + 1] += bucketStarts[bucket] }
        ordered.removeAll(keepingCapacity: true)
        ordered.append(contentsOf: queue)
        for index in queue.indices {
            let bucket = bucket(index)
            ordered[bucketStarts[bucket]] = queue[index]
            bucketStarts[bucket] += 1
        }
        swap(&queue, &ordered)
    }

    /// The order key of the k-th best of the first `count` exact scores; the smallest key when there are no more than k.
    public mutating func kthBestScore(_ k: Int, count: Int, kernels: Kernels) -> Int32 {
        guard count > k else { return .min }
        return orderKey(kthLargest(k, of: scores, 0..<count, kernels: kernels))
    }

    /// The k-th best of a query's estimates in the first blocks of all leaves: asked when these have been scanned, and kept
    /// while other blocks add theirs.
    mutating func threshold(_ k: Int, query: Int, kernels: Kernels) -> Float {
        if thresholds[query].isNaN { thresholds[query] = kthBestEstimate(k, query: query, kernels: kernels) }
        return thresholds[query]
    }

    /// The k-th best of a query's estimates so far, −∞ while there are fewer than k.
    mutating func kthBestEstimate(_ k: Int, query: Int, kernels: Kernels) -> Float {
        let places = estimates.places(of: query)
        guard places.count >= k else { return -.infinity }
        return kthLargest(k, of: estimates.allScores, places, kernels: kernels)
    }

    private mutating func kthLargest(_ k: Int, of scores: [Float], _ places: Range<Int>, kernels: Kernels) -> Float {
        selection.reserveFloats(places.count)
        var room = selection.mutableSpan
        return kernels.kthLargest(k, of: scores.span.extracting(places), scratch: &room)
    }

    /// Adds the exact scores of consecutive rows to the candidates.
    ///
    /// - Parameter numbering: what each row is called; its own number when empty.
    public mutating func appendScores(
        rows: Range<Int>, filter: RowFilter, numbering: Span<UInt32>, kernels: Kernels
    ) {
        liveMask.removeAll(keepingCapacity: true)
        _ = filter.appendLiveMask(of: rows, to: &liveMask)
        let (scores, liveMask) = (scores, liveMask)
        candidates.append(
            scores.span.extracting(0..<rows.count), first: UInt32(rows.lowerBound), live: liveMask.span,
            numbering: numbering, kernels: kernels)
    }

    /// Those of a query's candidates that one segment numbers, less its first number, in their order.
    ///
    /// - Parameters:
    ///   - places: of the candidates in ``estimates``.
    ///   - range: the numbers of the segment's slots among those of all.
    public mutating func collectNumbers(at places: Range<Int>, in range: Range<UInt64>) {
        numbers.removeAll(keepingCapacity: true)
        let all = estimates.allNumbers
        for place in places where range.contains(UInt64(all[place])) {
            numbers.append(all[place] - UInt32(range.lowerBound))
        }
    }

    /// Leaves in `rows` the rows of some slots, each once, in the order of the slots.
    ///
    /// - Parameters:
    ///   - slots: their places in `numbers`.
    ///   - slotRows: the row of every slot.
    /// - Returns: `false` when a row is not below `rowCount`, which is damage.
    public mutating func collectRows(
        ofSlots slots: Range<Int>, of numbers: [UInt32], in slotRows: Span<UInt32>, rowCount: Int
    ) -> Bool {
        rows.removeAll(keepingCapacity: true)
        // A table of rows by their hashes, half of it empty at least.
        let bits = min(32, max(4, Int.bitWidth - (2 * slots.count).leadingZeroBitCount))
        let mask = 1 << bits - 1
        if seenRows.count <= mask { seenRows = [UInt32](repeating: .max, count: mask + 1) }
        for place in 0...mask { seenRows[place] = .max }
        for slot in slots {
            let row = slotRows[Int(numbers[slot])]
            guard Int(row) < rowCount else { return false }
            var place = Int((row &* 0x9E37_79B1) >> UInt32(32 - bits))
            while seenRows[place] != .max, seenRows[place] != row { place = (place + 1) & mask }
            guard seenRows[place] != row else { continue }
            seenRows[place] = row
            rows.append(row)
        }
        return true
    }
}

/// A leaf that a query searches, with what its estimates share.
struct ChosenLeaf: BitwiseCopyable, Sendable {
    let leaf: UInt32
    /// The part of the score that its slots share.
    let constant: Float
    /// What their biases are multiplied by.
    let biasFactor: Float
}

extension [Float] {
    /// Makes room for `count` floats; what they hold afterwards is left over from before.
    public mutating func reserveFloats(_ count: Int) {
        if self.count < count { self = [Float](repeating: 0, count: count) }
    }
}
