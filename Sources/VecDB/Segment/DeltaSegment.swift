import SegmentFile
import TreeAH
import VectorKernels

/// Rows in memory that no segment file holds yet: every search scores them exactly.
struct DeltaSegment: SearchableSegment {
    /// Ascending; the ordinal of each row.
    let ordinals: [UInt64]
    /// Rows as `storage` keeps them, so that writing them to a segment changes no score.
    private let bytes: [UInt8]
    private let storage: RowStorage
    private let metric: Metric
    private let kernels = Kernels.best

    var rowCount: Int { ordinals.count }

    /// - Parameters:
    ///   - vectors: row-major, `storage.dimensions` finite floats each, normalised for cosine.
    ///   - ordinals: ascending, one for each.
    init(_ vectors: [Float], ordinals: [UInt64], storage: RowStorage, metric: Metric) {
        precondition(vectors.count == ordinals.count * storage.dimensions)
        precondition(zip(ordinals, ordinals.dropFirst()).allSatisfy { $0 < $1 })
        (self.ordinals, self.storage, self.metric) = (ordinals, storage, metric)
        bytes = storage.encode(vectors.span)
    }

    func row(ofOrdinal ordinal: UInt64) -> UInt32? {
        var (low, high) = (0, ordinals.count)
        while low < high {
            let middle = (low + high) / 2
            if ordinals[middle] < ordinal { low = middle + 1 } else { high = middle }
        }
        return low < ordinals.count && ordinals[low] == ordinal ? UInt32(low) : nil
    }

    func readVectors(of rows: Span<UInt32>, to places: Span<Int>, in output: inout MutableSpan<Float>) {
        storage.decode(unsafe bytes.span.bytes, rows: rows, to: places, in: &output)
    }

    func scanExactly(
        _ query: Span<Float>, k: Int, filter: RowFilter, limits: SearchLimits,
        scratch: inout SearchScratch
    ) throws {
        try limits.check()
        guard rowCount > 0 else { return }
        scratch.candidates.reset(keeping: min(k, rowCount), above: scratch.hits.scoreThreshold)
        scratch.scores.reserveFloats(rowCount)
        var scores = scratch.scores.mutableSpan
        // Bytes of no padding.
        kernels.exactScores(
            metric.form, element: storage.element, query: query, rows: unsafe bytes.span.bytes,
            stride: storage.stride, into: &scores)
        scratch.appendScores(rows: 0..<rowCount, filter: filter, numbering: Span(), kernels: kernels)
        collect(k, scratch: &scratch)
    }

    func scoreExactly(_ rows: Span<UInt32>, _ query: Span<Float>, k: Int, scratch: inout SearchScratch) {
        guard !rows.isEmpty else { return }
        scratch.scores.reserveFloats(rows.count)
        var scores = scratch.scores.mutableSpan
        kernels.exactScores(
            metric.form, element: storage.element, query: query, rows: unsafe bytes.span.bytes,
            stride: storage.stride, indices: rows, into: &scores)
        let worst = max(scratch.hits.threshold, scratch.kthBestScore(k, count: rows.count, kernels: kernels))
        for place in rows.indices where orderKey(scratch.scores[place]) >= worst {
            scratch.hits.add(score: scratch.scores[place], ordinal: ordinals[Int(rows[place])])
        }
        scratch.hits.finishSegment()
    }

    func scanExactly(
        _ queries: Span<Float>, k: Int, filters: [RowFilter], limits: SearchLimits
    ) throws -> [TopCandidates] {
        var scan = ExactScan(
            queryCount: filters.count, form: metric.form, element: storage.element, dimensions: storage.dimensions,
            keeping: min(k, max(1, rowCount)))
        for start in stride(from: 0, to: rowCount, by: ExactScan.chunkRowCount) {
            try limits.check()
            let rows = start..<min(rowCount, start + ExactScan.chunkRowCount)
            let range = rows.lowerBound * storage.stride..<rows.upperBound * storage.stride
            scan.add(queries, unsafe bytes.span.bytes.extracting(range), rows: rows, filters: filters)
        }
        return scan.candidates
    }

    func collect(_ k: Int, scratch: inout SearchScratch) {
        scratch.candidates.select(kernels: kernels)
        for place in 0..<scratch.candidates.count {
            scratch.hits.add(
                score: scratch.candidates.scores[place], ordinal: ordinals[Int(scratch.candidates.numbers[place])])
        }
        scratch.hits.finishSegment()
    }
}
