import SegmentFile
import TreeAH
import VectorKernels

extension IndexSegment {
    /// Brute force over the stored vectors for several queries, which share the reading of each row.
    ///
    /// - Parameters:
    ///   - queries: row-major, `dimensions` floats each, normalised for cosine.
    ///   - filters: which rows each query may be answered.
    ///   - limits: looked at before each chunk of rows.
    /// - Returns: for each query at least its best k, numbered by ordinal offsets; see `collect`.
    func scanExactly(
        _ queries: Span<Float>, k: Int, filters: [RowFilter], limits: SearchLimits
    ) throws -> [TopCandidates] {
        let (reader, stride) = (reader, rowStride)
        var scan = ExactScan(
            queryCount: filters.count, form: metric.form, element: element, dimensions: dimensions,
            keeping: min(k, rowCount))
        for start in Swift.stride(from: 0, to: rowCount, by: ExactScan.chunkRowCount) {
            try limits.check()
            let rows = start..<min(rowCount, start + ExactScan.chunkRowCount)
            try reader.ensureIntact(.reorderVectors, rows.lowerBound * stride..<rows.upperBound * stride)
            if storesOrdinals { try reader.ensureIntact(.ordinals, 4 * rows.lowerBound..<4 * rows.upperBound) }
            let ordinals = Span<UInt32>(_bytes: reader.bytes(of: .ordinals))
            scan.add(
                queries,
                reader.bytes(of: .reorderVectors)
                    .extracting(rows.lowerBound * stride..<rows.upperBound * stride),
                rows: rows, numbering: storesOrdinals ? ordinals.extracting(rows) : ordinals, filters: filters)
            if let row = scan.rowWithoutScore { throw damagedScore(ofRow: UInt32(row)) }
        }
        return scan.candidates
    }
}
