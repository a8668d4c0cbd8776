import SegmentFile
import TreeAH
import VectorKernels

// What a mapped segment does for a search: `SegmentList` leads through the stages.

extension IndexSegment: SearchableSegment {
    /// Checks what a search reads of the leaves in `scratch.leaves` before it is trusted.
    func ensureCodesIntact(_ leaves: borrowing TreeView, _ scratch: borrowing SearchScratch) throws(SegmentError) {
        if intactLeaves.contains(all: scratch.leaves.span) { return }
        // The disk is asked for all of them before the first is waited for.
        for leaf in scratch.leaves { reader.prefetch(.codes, leaves.codeBytes(of: Int(leaf))) }
        for leaf in scratch.leaves { try reader.ensureIntact(.codes, leaves.codeBytes(of: Int(leaf))) }
        if hasSecondAssignments {
            for leaf in scratch.leaves { try reader.ensureIntact(.slotRows, leaves.slotRowBytes(of: Int(leaf))) }
        }
        if metric.boundsEstimates {
            for leaf in scratch.leaves { try reader.ensureIntact(.blockRadii, leaves.radiusBytes(of: Int(leaf))) }
        }
        for leaf in scratch.leaves where !intactLeaves.contains(Int(leaf)) {
            try checkCodes(ofLeaf: Int(leaf), in: leaves)
            intactLeaves.insert(Int(leaf))
        }
    }

    /// Exact scores of the candidates of a search.
    ///
    /// - Parameters:
    ///   - places: where `numbers` holds those of this segment.
    ///   - numbers: of slots, or of rows where each has one slot.
    /// - Returns: how many got exact scores.
    func reorder(
        _ places: Range<Int>, of numbers: [UInt32], _ query: Span<Float>, k: Int, scratch: inout SearchScratch
    ) throws(SegmentError) -> Int {
        guard hasSecondAssignments else {
            try scoreExactly(numbers.span.extracting(places), query, k: k, scratch: &scratch)
            return places.count
        }
        try collectRows(ofSlots: places, of: numbers, scratch: &scratch)
        let rows = scratch.rows
        try scoreExactly(rows.span, query, k: k, scratch: &scratch)
        return rows.count
    }

    func scoreExactly(
        _ rows: Span<UInt32>, _ query: Span<Float>, k: Int, scratch: inout SearchScratch
    ) throws(SegmentError) {
        let reader = reader
        try reader.ensureIntact(.reorderVectors, rows: rows, stride: rowStride)
        if storesOrdinals { fetchOrdinals(of: rows) }
        guard !rows.isEmpty else { return }
        scratch.scores.reserveFloats(rows.count)
        var scores = scratch.scores.mutableSpan
        kernels.exactScores(
            metric.form, element: element, query: query,
            rows: reader.bytes(of: .reorderVectors), stride: rowStride, indices: rows, into: &scores)
        if let place = scratch.scores.span.extracting(rows.indices).firstNaN() {
            throw damagedScore(ofRow: rows[place])
        }
        // Ties are broken by ordinal, which only those need that reach the k-th best score.
        let worst = max(scratch.hits.threshold, scratch.kthBestScore(k, count: rows.count, kernels: kernels))
        for place in rows.indices where orderKey(scratch.scores[place]) >= worst {
            scratch.hits.add(
                score: scratch.scores[place], ordinal: ordinal(atOffset: try ordinalOffset(ofRow: rows[place])))
        }
        scratch.hits.finishSegment()
    }

    private func collectRows(
        ofSlots slots: Range<Int>, of numbers: [UInt32], scratch: inout SearchScratch
    ) throws(SegmentError) {
        let reader = reader
        let slotRows = Span<UInt32>(_bytes: reader.bytes(of: .slotRows))
        guard scratch.collectRows(ofSlots: slots, of: numbers, in: slotRows, rowCount: rowCount) else {
            throw SegmentError(
                .damaged, file: reader.file, section: SectionKind.slotRows.name,
                "names a row of \(rowCount) that is none")
        }
    }

    /// Asks for the ordinals of rows, which lie scattered like the rows.
    private func fetchOrdinals(of rows: Span<UInt32>) {
        let reader = reader
        let ordinals = reader.bytes(of: .ordinals)
        for index in rows.indices {
            let start = 4 * Int(rows[index])
            kernels.fetch(ordinals.extracting(start..<start + 4))
        }
    }

    func scanExactly(
        _ query: Span<Float>, k: Int, filter: RowFilter, limits: SearchLimits,
        scratch: inout SearchScratch
    ) throws {
        let (reader, stride) = (reader, rowStride)
        scratch.candidates.reset(keeping: max(1, min(k, rowCount)), above: scratch.hits.scoreThreshold)
        let chunk = 4096
        for start in Swift.stride(from: 0, to: rowCount, by: chunk) {
            try limits.check()
            let rows = start..<min(rowCount, start + chunk)
            try reader.ensureIntact(.reorderVectors, rows.lowerBound * stride..<rows.upperBound * stride)
            if storesOrdinals { try reader.ensureIntact(.ordinals, 4 * rows.lowerBound..<4 * rows.upperBound) }
            let vectors = reader.bytes(of: .reorderVectors)
            scratch.scores.reserveFloats(rows.count)
            var scores = scratch.scores.mutableSpan
            kernels.exactScores(
                metric.form, element: element, query: query,
                rows: vectors.extracting(rows.lowerBound * stride..<rows.upperBound * stride), stride: stride,
                into: &scores)
            if let place = scratch.scores.span.extracting(0..<rows.count).firstNaN() {
                throw damagedScore(ofRow: UInt32(rows.lowerBound + place))
            }
            let ordinals = Span<UInt32>(_bytes: reader.bytes(of: .ordinals))
            scratch.appendScores(
                rows: rows, filter: filter, numbering: storesOrdinals ? ordinals.extracting(rows) : ordinals,
                kernels: kernels)
        }
        try collect(k, scratch: &scratch)
    }

    /// Candidates of a scan are numbered by ordinal offsets.
    func collect(_ k: Int, scratch: inout SearchScratch) throws(SegmentError) {
        scratch.candidates.select(kernels: kernels)
        for place in 0..<scratch.candidates.count {
            let offset = scratch.candidates.numbers[place]
            guard Int(offset) < reader.header.ordinalSpan else {
                throw SegmentError(
                    .damaged, file: reader.file, section: "ordinals",
                    "holds ordinal \(offset) of \(reader.header.ordinalSpan)")
            }
            scratch.hits.add(score: scratch.candidates.scores[place], ordinal: ordinal(atOffset: offset))
        }
        scratch.hits.finishSegment()
    }
}
