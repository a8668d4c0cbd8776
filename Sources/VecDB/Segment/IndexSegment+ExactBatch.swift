import SegmentFile
import TreeAH
import VectorKernels

extension IndexSegment {
    /// Brute force over the stored vectors for several queries, which share the reading of each row.
    ///
    /// - Parameters:
    ///   - queries: row-major, `dimensions` floats each, normalised for cosine.
    ///   - excluded: the excluded rows of each query.
    /// - Returns: for each query at least its best k, numbered by ordinal offsets; see `rankExactly`.
    func scanExactly(
        _ queries: [Float], k: Int, excluding excluded: [ExcludedRows]
    ) throws(SegmentError) -> [TopCandidates] {
        try reader.checkSize()
        let (reader, stride) = (reader, rowStride)
        var candidates = [TopCandidates](repeating: TopCandidates(), count: excluded.count)
        for query in candidates.indices { candidates[query].reset(keeping: max(1, min(k, rowCount))) }
        var scores = [Float](repeating: 0, count: excluded.count * min(rowCount, chunkRowCount))
        var turned = [Float](
            repeating: 0, count: Kernels.batchScratchCount(dimensions: dimensions, queries: excluded.count))
        var liveMask: [UInt32] = []
        for start in Swift.stride(from: 0, to: rowCount, by: chunkRowCount) {
            let rows = start..<min(rowCount, start + chunkRowCount)
            try reader.ensureIntact(.reorderVectors, rows.lowerBound * stride..<rows.upperBound * stride)
            if storesOrdinals { try reader.ensureIntact(.ordinals, 4 * rows.lowerBound..<4 * rows.upperBound) }
            var scratch = turned.mutableSpan
            var output = scores.mutableSpan
            kernels.exactScores(
                metric.form, element: element, queries: queries.span, dimensions: dimensions,
                rows: reader.bytes(of: .reorderVectors)
                    .extracting(rows.lowerBound * stride..<rows.upperBound * stride),
                stride: stride, scratch: &scratch, into: &output)
            let ordinals = Span<UInt32>(_bytes: reader.bytes(of: .ordinals))
            for query in candidates.indices {
                liveMask.removeAll(keepingCapacity: true)
                _ = excluded[query].appendLiveMask(of: rows, to: &liveMask)
                candidates[query].append(
                    scores.span.extracting(query * rows.count..<(query + 1) * rows.count),
                    first: UInt32(rows.lowerBound), live: liveMask.span,
                    numbering: storesOrdinals ? ordinals.extracting(rows) : ordinals, kernels: kernels)
            }
        }
        return candidates
    }
}

/// Rows that are scored before their scores are looked at: few enough for the scores of a group to stay in the cache,
/// many enough to be worth a call.
private let chunkRowCount = 1024
