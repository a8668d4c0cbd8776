import VectorKernels

/// The best k hits of a search over the segments of a snapshot: larger scores first, equal ones by smaller ordinal.
///
/// Each segment adds what may be among them and ends with ``finishSegment()``, after which the next one need not add scores
/// below ``threshold``.
public struct HitCollector: Sendable {
    /// A candidate with its exact score.
    @frozen public struct Hit: BitwiseCopyable, Sendable, Equatable {
        public let score: Float
        public let ordinal: UInt64

        public init(score: Float, ordinal: UInt64) { (self.score, self.ordinal) = (score, ordinal) }
    }

    /// Ordered, and at most k, after ``finishSegment()``.
    public private(set) var hits: [Hit] = []
    /// The order key of the k-th best hit of the segments that have ended; the smallest key while there are fewer.
    public private(set) var threshold = Int32.min
    /// What a score must reach to be among the best k.
    public var scoreThreshold: Float { threshold == .min ? -.infinity : VectorKernels.score(ofOrderKey: threshold) }
    private var k = 1

    public init() {}

    /// Empties it for a search of the best `k`, at least 1.
    public mutating func reset(k: Int) {
        precondition(k > 0)
        self.k = k
        threshold = .min
        hits.removeAll(keepingCapacity: true)
    }

    /// Adds a candidate.
    public mutating func add(score: Float, ordinal: UInt64) {
        hits.append(Hit(score: score, ordinal: ordinal))
    }

    /// Keeps the best k of what has been added so far.
    ///
    /// - Complexity: O(n · log n) for what was added and kept.
    public mutating func finishSegment() {
        hits.sort { (orderKey($0.score), $1.ordinal) > (orderKey($1.score), $0.ordinal) }
        guard hits.count >= k else { return }
        hits.removeSubrange(k...)
        threshold = orderKey(hits[k - 1].score)
    }
}
