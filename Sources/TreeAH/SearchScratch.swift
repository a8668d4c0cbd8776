import VectorKernels

/// The memory of one running search, reused from one to the next so that a warm search allocates nothing.
///
/// Sent between threads by the pool that owns it, but never used by two at once.
public final class SearchScratch: @unchecked Sendable {
    /// The leaves to scan, best first; see `TreeView.chooseLeaves`.
    public internal(set) var leaves: [UInt32] = []
    /// The best estimates of each query that is searched for; their numbers are rows.
    public var estimates = CandidateBuffers()
    /// The best of an exact scan.
    public var candidates = TopCandidates()

    /// The best of the exact scores, by ordinal offset.
    public var best: [(score: Float, offset: UInt32)] = []
    /// Exact scores in the order of their rows.
    public private(set) var scores: [Float] = []

    var routingScores: [Float] = []
    var rankedLeaves = TopCandidates()
    var projected: [Float] = []
    var tableEntries: [Float] = []
    /// One behind the other, by the queries' numbers.
    var tables: [UInt8] = []
    var factors: [TableFactors] = []
    var liveMask: [UInt32] = []
    /// The leaves to be scanned, each for one query.
    var queue: [ScanLeaf] = []

    private var selection = TopCandidates()

    public init() {}

    /// Makes ready for the tree search of `queryCount` queries together, each keeping its `keep` best estimates.
    public func begin(queryCount: Int, keeping keep: Int) {
        estimates.reset(queryCount: queryCount, keeping: keep)
        queue.removeAll(keepingCapacity: true)
        liveMask.removeAll(keepingCapacity: true)
    }

    /// Brings the list of leaves into the order in which they lie in memory, so that queries share what each brings in;
    /// but the first leaf of each query, its best one, stays in front and raises its threshold early.
    public func orderQueue() {
        // First leaves before all others, then by where they lie; the index makes the order a total one.
        var keys: [UInt64] = []
        keys.reserveCapacity(queue.count)
        for (index, leaf) in queue.enumerated() {
            let isFirst = index == 0 || queue[index - 1].query != leaf.query
            keys.append((isFirst ? 0 : 1 << 63) | UInt64(leaf.firstBlock) << 31 | UInt64(index))
        }
        keys.sort()
        let unordered = queue
        for (place, key) in keys.enumerated() { queue[place] = unordered[Int(key & (1 << 31 - 1))] }
    }

    /// Lends room for `count` exact scores.
    public func withScores(count: Int, _ body: (inout MutableSpan<Float>) -> Void) {
        // Moved out and back, so that the span borrows a variable of this call and nothing is copied.
        var lent: [Float] = []
        swap(&lent, &scores)
        lent.reserveFloats(count)
        var span = lent.mutableSpan
        body(&span)
        swap(&lent, &scores)
    }

    /// Lends room for the projected query.
    func withProjected(count: Int, _ body: (inout MutableSpan<Float>) -> Void) {
        var lent: [Float] = []
        swap(&lent, &projected)
        lent.reserveFloats(count)
        var span = lent.mutableSpan
        body(&span)
        swap(&lent, &projected)
    }

    /// The order key of the k-th best of the first `count` exact scores; the smallest key when there are no more than k.
    public func kthBestScore(_ k: Int, count: Int, kernels: Kernels) -> Int32 {
        guard count > k else { return .min }
        selection.reset(keeping: k)
        let scores = scores
        selection.append(scores.span.extracting(0..<count), first: 0, kernels: kernels)
        selection.select(kernels: kernels)
        return orderKey(selection.threshold)
    }

    /// Adds the exact scores of consecutive rows to the candidates.
    ///
    /// - Parameter numbering: what each row is called; its own number when empty.
    public func appendScores(
        rows: Range<Int>, excluding excluded: ExcludedRows, numbering: Span<UInt32>, kernels: Kernels
    ) {
        liveMask.removeAll(keepingCapacity: true)
        _ = excluded.appendLiveMask(of: rows, to: &liveMask)
        let (scores, live) = (scores, liveMask)
        candidates.append(
            scores.span.extracting(0..<rows.count), first: UInt32(rows.lowerBound), live: live.span,
            numbering: numbering,
            kernels: kernels)
    }

    /// Orders `best`, larger scores first and equal ones by smaller ordinal, and drops what is behind the k-th.
    public func keepBest(_ k: Int) {
        best.sort { (orderKey($0.score), $1.offset) > (orderKey($1.score), $0.offset) }
        if best.count > k { best.removeSubrange(k...) }
    }
}

extension [Float] {
    /// Makes room for `count` floats; what they hold afterwards is left over from before.
    mutating func reserveFloats(_ count: Int) {
        if self.count < count { self = [Float](repeating: 0, count: count) }
    }
}
