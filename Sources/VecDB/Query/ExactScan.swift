import SegmentFile
import TreeAH
import VectorKernels

/// Brute force for several queries that share the reading of each row: chunks of rows go in, the best candidates of each
/// query stay.
struct ExactScan {
    /// Rows that are scored before their scores are looked at: few enough for the scores of a group of queries to stay in
    /// the cache, many enough to be worth a call. A multiple of 32, the rows of a word of a mask.
    static let chunkRowCount = 1024

    let form: ScoreForm
    let element: RowElement
    let dimensions: Int
    /// For each query at least its best k so far.
    private(set) var candidates: [TopCandidates]
    /// A row of which a score was no number: its values, or a query's, have squares that overflow.
    private(set) var rowWithoutScore: Int?

    private let kernels = Kernels.best
    private var scores: [Float]
    /// What the kernels need to score rows together: nothing until a whole tile of them has come.
    private var turned: [Float] = []
    private var liveMask: [UInt32] = []

    init(queryCount count: Int, form: ScoreForm, element: RowElement, dimensions: Int, keeping keep: Int) {
        (self.form, self.element, self.dimensions) = (form, element, dimensions)
        candidates = [TopCandidates](repeating: TopCandidates(), count: count)
        for query in candidates.indices { candidates[query].reset(keeping: max(1, keep)) }
        scores = [Float](repeating: 0, count: count * Self.chunkRowCount)
    }

    /// Scores a chunk.
    ///
    /// - Parameters:
    ///   - queries: row-major, `dimensions` floats each, normalised for cosine; the same ones for all chunks.
    ///   - bytes: at most `chunkRowCount` rows as `element` stores them.
    ///   - rows: their numbers, consecutive; filters go by them.
    ///   - numbering: what candidates are numbered by instead, one for each row; empty: by `rows`.
    ///   - filters: which rows each query may be answered.
    mutating func add(
        _ queries: Span<Float>, _ bytes: RawSpan, rows: Range<Int>, numbering: Span<UInt32> = Span(),
        filters: [RowFilter]
    ) {
        precondition(rows.count <= Self.chunkRowCount && filters.count == candidates.count)
        precondition(queries.count == candidates.count * dimensions)
        // Copied or taken out before spans of the other fields are lent: those would overlap with them.
        let (kernels, form, element, dimensions) = (kernels, form, element, dimensions)
        var scores: [Float] = []
        swap(&scores, &self.scores)
        let scratchCount = Kernels.batchScratchCount(
            dimensions: dimensions, queries: candidates.count, rows: rows.count)
        if turned.count < scratchCount { turned = [Float](repeating: 0, count: scratchCount) }
        do {
            var scratch = turned.mutableSpan
            var output = scores.mutableSpan
            kernels.exactScores(
                form, element: element, queries: queries, dimensions: dimensions, rows: bytes,
                stride: element.stride(dimensions: dimensions), scratch: &scratch, into: &output)
        }
        if let place = scores.span.extracting(0..<candidates.count * rows.count).firstNaN() {
            rowWithoutScore = rows.lowerBound + place % rows.count
        }
        for query in candidates.indices {
            liveMask.removeAll(keepingCapacity: true)
            _ = filters[query].appendLiveMask(of: rows, to: &liveMask)
            let live = liveMask
            candidates[query].append(
                scores.span.extracting(query * rows.count..<(query + 1) * rows.count), first: UInt32(rows.lowerBound),
                live: live.span, numbering: numbering, kernels: kernels)
        }
        swap(&scores, &self.scores)
    }
}
