import EmbeddingInput
import SegmentFile
import TreeAH

/// How often the candidate that a user chose is among the first k: top-k categorical accuracy, as TensorFlow Recommenders'
/// `FactorizedTopK` counts it, in both of its ways.
public struct TopKAccuracy: Sendable {
    /// The values of k that are counted unless others are asked for.
    public static let standardCounts = [1, 5, 10, 50, 100]

    /// The values of k, ascending.
    public let counts: [Int]
    /// For each: the share of queries whose label's id is among the first k hits.
    public let byID: [Double]
    /// For each: the share of queries for which fewer than k hits score better than the label does, so that ties with the
    /// k-th hit count as found, as does a label that an approximate search has overlooked.
    public let byScore: [Double]
    /// Labels that name no candidate, and so are never found.
    public let unknownLabels: Int
    /// Wall-clock time of the searches alone.
    public let seconds: Double
}

extension VectorDatabase {
    /// Counts how often labels are found.
    ///
    /// - Parameters:
    ///   - queries: row-major, `dimensions` floats each.
    ///   - labels: the true candidate's id for each query. Several candidates of one id are all taken for it, and the
    ///     first one's score counts.
    ///   - counts: the values of k.
    ///   - options: how to search; its `k` is not looked at.
    /// - Throws: `invalidArgument` when labels and queries do not agree in number, or for a k below 1; what searches throw.
    public func topKAccuracy(
        _ queries: [Float], labels: [String], counts: [Int] = TopKAccuracy.standardCounts, options: SearchOptions,
        threads: Int? = nil
    ) throws(DatabaseError) -> TopKAccuracy {
        let dimensions = info.dimensions
        guard queries.count == labels.count * dimensions, !labels.isEmpty else {
            throw notQueries(queries, count: labels.count, dimensions: dimensions)
        }
        var search = options
        let counts = counts.sorted()
        search.k = counts.last ?? 1
        (search.includesIDs, search.includesMetadata) = (false, false)
        var counting = LabelCounting(snapshot: snapshot, counts: counts)
        let clock = ContinuousClock()
        var spent = Duration.zero
        for start in stride(from: 0, to: labels.count, by: batchOfLabels) {
            let batch = start..<min(labels.count, start + batchOfLabels)
            let vectors = queries.span.extracting(batch.lowerBound * dimensions..<batch.upperBound * dimensions)
            let began = clock.now
            let answers = try searchBatch(vectors, options: search, threads: threads)
            spent += clock.now - began
            for (place, hits) in answers.enumerated() {
                let query = vectors.extracting(place * dimensions..<(place + 1) * dimensions)
                try counting.snapshot.reading { () throws(DatabaseError) in
                    try counting.add(hits, label: labels[batch.lowerBound + place], query: query)
                }
            }
        }
        let total = Double(labels.count)
        return TopKAccuracy(
            counts: counts, byID: counting.foundByID.map { Double($0) / total },
            byScore: counting.foundByScore.map { Double($0) / total }, unknownLabels: counting.unknown,
            seconds: spent / .seconds(1))
    }
}

/// Queries whose hits are held at a time.
private let batchOfLabels = 4096

/// The tally of labels found, for each k.
private struct LabelCounting {
    let snapshot: Snapshot
    let counts: [Int]
    var foundByID: [Int]
    var foundByScore: [Int]
    var unknown = 0
    /// Of labels met before: users choose the same candidates again and again.
    private var ordinals: [ByteString: [UInt64]] = [:]

    init(snapshot: Snapshot, counts: [Int]) {
        self.snapshot = snapshot
        self.counts = counts
        foundByID = counts.map { _ in 0 }
        foundByScore = foundByID
    }

    mutating func add(_ hits: [Hit], label: String, query: Span<Float>) throws(DatabaseError) {
        let wanted: [UInt64]
        let key = ByteString(label)
        if let known = ordinals[key] {
            wanted = known
        } else {
            wanted = try snapshot.ordinals(ofID: label)
            ordinals[key] = wanted
        }
        guard let first = wanted.first else {
            unknown += 1
            return
        }
        let score = try snapshot.score(ofOrdinal: first, query)
        let metric = snapshot.segments.metric
        let better = hits.count { metric.shown($0.score) > metric.shown(score) }
        let place = hits.firstIndex { wanted.contains($0.ordinal) } ?? .max
        for (index, k) in counts.enumerated() {
            if place < k { foundByID[index] += 1 }
            if better < k { foundByScore[index] += 1 }
        }
    }
}

extension Snapshot {
    /// The exact score of one stored candidate: the one it has as a hit.
    func score(ofOrdinal ordinal: UInt64, _ query: Span<Float>) throws(DatabaseError) -> Float {
        try withPrepared(query) { query throws(DatabaseError) in
            var scratch = SearchScratch()
            scratch.hits.reset(k: 1)
            if let place = try place(of: ordinal) {
                let rows = [place.row]
                do throws(SegmentError) {
                    try segments.parts[place.part].scoreExactly(rows.span, query, k: 1, scratch: &scratch)
                } catch { throw DatabaseError(error) }
            }
            return segments.metric.shown(scratch.hits.hits.first?.score ?? -.infinity)
        }
    }
}
