import SegmentFile
import TreeAH
import VectorKernels

/// The knobs of one search with every default filled in.
struct SearchPlan {
    var k: Int
    var leavesToSearch: Int
    var reorder: Int
    var exact: Bool

    init(_ options: SearchOptions, defaults: SearchDefaults?) {
        k = options.k
        leavesToSearch = options.leavesToSearch ?? defaults?.leavesToSearch ?? .max
        reorder = options.reorder ?? defaults?.reorder ?? .max
        exact = options.exact
    }

    init(k: Int, leavesToSearch: Int, reorder: Int, exact: Bool = false) {
        self.k = k
        self.leavesToSearch = leavesToSearch
        self.reorder = reorder
        self.exact = exact
    }
}

extension IndexSegment {
    /// The whole way of a query to its nearest rows: the best k end in `scratch.best`, as ordinal offsets.
    ///
    /// - Parameter query: `dimensions` floats, normalised for cosine.
    func search(
        _ query: [Float], plan: SearchPlan, excluding excluded: ExcludedRows, scratch: SearchScratch,
        trace: inout SearchTrace
    ) throws(SegmentError) {
        try reader.checkSize()
        guard let tree = parameters.tree, !plan.exact else {
            try scanExactly(query, k: plan.k, excluding: excluded, scratch: scratch)
            return trace.finishExactScan(rows: rowCount - excluded.count)
        }
        let leaves = treeView(tree)
        leaves.chooseLeaves(
            nearest: query.span, count: plan.leavesToSearch, rowsNeeded: plan.k, excluding: excluded, scratch: scratch,
            kernels: kernels)
        trace.finish("choose leaves", leaves: tree.leafCount, searched: scratch.leaves.count)
        leaves.prepareLookupTable(for: query.span, scratch: scratch, kernels: kernels)
        trace.finish("lookup table")
        scratch.candidates.reset(keeping: max(1, min(max(plan.reorder, plan.k), rowCount)))
        for leaf in scratch.leaves { try reader.ensureIntact(.codes, leaves.codeBytes(of: Int(leaf))) }
        trace.statistics.codesScanned = leaves.scanChosenLeaves(
            query: query.span, excluding: excluded, scratch: scratch, kernels: kernels)
        scratch.candidates.select(kernels: kernels)
        trace.finish("scan")
        try reorder(query, k: plan.k, scratch: scratch)
        trace.finish("reorder", reordered: scratch.candidates.count)
    }

    private var kernels: Kernels { .best }

    /// Exact scores of the candidates; the best k end in `scratch.best` as ordinal offsets.
    private func reorder(_ query: [Float], k: Int, scratch: SearchScratch) throws(SegmentError) {
        let (reader, candidates) = (reader, scratch.candidates)
        let rows = candidates.numbers.span.extracting(0..<candidates.count)
        try reader.ensureIntact(.reorderVectors, rows: rows, stride: rowStride)
        scratch.best.removeAll(keepingCapacity: true)
        guard !rows.isEmpty else { return }
        scratch.withScores(count: rows.count) { scores in
            kernels.exactScores(
                metric.form, element: element, query: query.span,
                rows: reader.bytes(of: .reorderVectors), stride: rowStride, indices: rows, into: &scores)
        }
        // Ties are broken by ordinal, which only those need that reach the k-th best score.
        let worst = scratch.kthBestScore(k, count: rows.count, kernels: kernels)
        for place in rows.indices where orderKey(scratch.scores[place]) >= worst {
            scratch.best.append((scratch.scores[place], try ordinalOffset(ofRow: rows[place])))
        }
        scratch.keepBest(k)
    }

    /// Brute force over the stored vectors; the best k end in `scratch.best` as ordinal offsets.
    private func scanExactly(
        _ query: [Float], k: Int, excluding excluded: ExcludedRows, scratch: SearchScratch
    ) throws(SegmentError) {
        let (reader, stride) = (reader, rowStride)
        scratch.best.removeAll(keepingCapacity: true)
        guard rowCount > 0 else { return }
        scratch.candidates.reset(keeping: min(k, rowCount))
        let chunk = 4096
        for start in Swift.stride(from: 0, to: rowCount, by: chunk) {
            let rows = start..<min(rowCount, start + chunk)
            try reader.ensureIntact(.reorderVectors, rows.lowerBound * stride..<rows.upperBound * stride)
            if storesOrdinals { try reader.ensureIntact(.ordinals, 4 * rows.lowerBound..<4 * rows.upperBound) }
            let vectors = reader.bytes(of: .reorderVectors)
            scratch.withScores(count: rows.count) { scores in
                kernels.exactScores(
                    metric.form, element: element, query: query.span,
                    rows: vectors.extracting(rows.lowerBound * stride..<rows.upperBound * stride), stride: stride,
                    into: &scores)
            }
            let ordinals = Span<UInt32>(_bytes: reader.bytes(of: .ordinals))
            scratch.appendScores(
                rows: rows, excluding: excluded, numbering: storesOrdinals ? ordinals.extracting(rows) : ordinals,
                kernels: kernels)
        }
        scratch.candidates.select(kernels: kernels)
        for place in 0..<scratch.candidates.count {
            let offset = scratch.candidates.numbers[place]
            guard Int(offset) < reader.header.ordinalSpan else {
                throw SegmentError(
                    .damaged, file: reader.file, section: "ordinals",
                    "holds ordinal \(offset) of \(reader.header.ordinalSpan)")
            }
            scratch.best.append((scratch.candidates.scores[place], offset))
        }
        scratch.keepBest(k)
    }
}
