import SegmentFile
import TreeAH
import VectorKernels

extension IndexSegment {
    /// The whole way of a query to its nearest rows: the best k end in `scratch.best`, as ordinal offsets.
    ///
    /// - Parameter query: `dimensions` floats, normalised for cosine.
    func search(
        _ query: [Float], plan: SearchPlan, excluding excluded: ExcludedRows, scratch: inout SearchScratch,
        trace: inout SearchTrace
    ) throws(SegmentError) {
        if plan.way == .direct {
            let rows = excluded.remaining(of: rowCount)
            try scoreDirectly(query, k: plan.k, rows: rows, scratch: &scratch)
            return trace.finishExactScan(rows: rows.count, isDirect: true)
        }
        guard let tree = parameters.tree, plan.way == .tree else {
            try scanExactly(query, k: plan.k, excluding: excluded, scratch: &scratch)
            return trace.finishExactScan(rows: rowCount - excluded.count)
        }
        let leaves = treeView(tree)
        leaves.project(query.span, scratch: &scratch, kernels: kernels)
        leaves.chooseLeaves(
            count: plan.leavesToSearch, rowsNeeded: plan.k, excluding: excluded, scratch: &scratch,
            kernels: kernels)
        trace.finish("choose leaves", leaves: tree.leafCount, searched: scratch.leaves.count)
        leaves.prepareLookupTable(scratch: &scratch, kernels: kernels)
        trace.finish("lookup table")
        scratch.begin(queryCount: 1, keeping: keptEstimates(plan))
        try ensureCodesIntact(leaves, scratch)
        leaves.enqueueChosenLeaves(
            for: query.span, keeping: keptEstimates(plan), excluding: excluded, scratch: &scratch, kernels: kernels)
        trace.statistics.codesScanned = leaves.scanQueue(scratch: &scratch, kernels: kernels)
        if scratch.hasOpenBlocks {
            leaves.enqueueOtherBlocks(k: slotsFor(plan.k), scratch: &scratch, kernels: kernels)
            trace.statistics.codesScanned += leaves.scanQueue(scratch: &scratch, kernels: kernels)
        }
        trace.finish("scan")
        trace.statistics.candidatesReordered = try reorder(query, k: plan.k, scratch: &scratch)
        trace.finish("reorder")
    }

    /// As ``search(_:plan:excluding:scratch:trace:)`` for several queries at once on a tree: each leaf is scanned for all
    /// queries that chose it while its codes are near.
    ///
    /// - Parameter finish: called for each query in turn when its hits are in `best`.
    func searchTogether(
        _ queries: [[Float]], plan: SearchPlan, excluding excluded: [ExcludedRows], tree: IndexParameters.Tree,
        scratch: inout SearchScratch, finish: (borrowing SearchScratch) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        do throws(SegmentError) {
            let leaves = treeView(tree)
            scratch.begin(queryCount: queries.count, keeping: keptEstimates(plan))
            for (number, query) in queries.enumerated() {
                leaves.project(query.span, scratch: &scratch, kernels: kernels)
                leaves.chooseLeaves(
                    count: plan.leavesToSearch, rowsNeeded: plan.k, excluding: excluded[number],
                    scratch: &scratch, kernels: kernels)
                leaves.prepareLookupTable(number: number, scratch: &scratch, kernels: kernels)
                try ensureCodesIntact(leaves, scratch)
                leaves.enqueueChosenLeaves(
                    for: query.span, number: number, keeping: keptEstimates(plan), excluding: excluded[number],
                    scratch: &scratch, kernels: kernels)
            }
            scratch.orderQueue(leafCount: tree.leafCount)
            _ = leaves.scanQueue(scratch: &scratch, kernels: kernels)
            if scratch.hasOpenBlocks {
                leaves.enqueueOtherBlocks(k: slotsFor(plan.k), scratch: &scratch, kernels: kernels)
                scratch.orderQueue(leafCount: tree.leafCount)
                _ = leaves.scanQueue(scratch: &scratch, kernels: kernels)
            }
        } catch { throw DatabaseError(error) }
        for (number, query) in queries.enumerated() {
            do throws(SegmentError) {
                _ = try reorder(query, number: number, k: plan.k, scratch: &scratch)
            } catch { throw DatabaseError(error) }
            try finish(scratch)
        }
    }

    /// How many of the best slots hold `k` different rows for certain.
    private func slotsFor(_ k: Int) -> Int { hasSecondAssignments ? (k > .max / 2 ? .max : 2 * k) : k }

    private func keptEstimates(_ plan: SearchPlan) -> Int {
        max(1, min(max(plan.reorder, slotsFor(plan.k)), parameters.tree?.slotCount ?? rowCount))
    }

    private func ensureCodesIntact(_ leaves: borrowing TreeView, _ scratch: borrowing SearchScratch)
        throws(SegmentError)
    {
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

    /// Exact scores of the best estimates; the best k end in `scratch.best` as ordinal offsets.
    ///
    /// - Returns: how many got exact scores.
    private func reorder(
        _ query: [Float], number: Int = 0, k: Int, scratch: inout SearchScratch
    ) throws(SegmentError) -> Int {
        let places = scratch.estimates.select(query: number, kernels: kernels)
        if hasSecondAssignments { try collectRows(ofSlots: places, scratch: &scratch) }
        let numbers = hasSecondAssignments ? scratch.rows : scratch.estimates.allNumbers
        let rows = numbers.span.extracting(hasSecondAssignments ? numbers.indices : places)
        try score(rows, query, k: k, scratch: &scratch)
        return rows.count
    }

    /// Exact scores of some rows and of no others: brute force where exclusions have left few. The best k end in
    /// `scratch.best` as ordinal offsets.
    ///
    /// - Complexity: O(rows · d).
    func scoreDirectly(
        _ query: [Float], k: Int, rows: [UInt32], scratch: inout SearchScratch
    ) throws(SegmentError) {
        try score(rows.span, query, k: k, scratch: &scratch)
    }

    private func score(
        _ rows: Span<UInt32>, _ query: [Float], k: Int, scratch: inout SearchScratch
    ) throws(SegmentError) {
        let reader = reader
        try reader.ensureIntact(.reorderVectors, rows: rows, stride: rowStride)
        if storesOrdinals { fetchOrdinals(of: rows) }
        scratch.best.removeAll(keepingCapacity: true)
        guard !rows.isEmpty else { return }
        scratch.scores.reserveFloats(rows.count)
        var scores = scratch.scores.mutableSpan
        kernels.exactScores(
            metric.form, element: element, query: query.span,
            rows: reader.bytes(of: .reorderVectors), stride: rowStride, indices: rows, into: &scores)
        if let place = scratch.scores.span.extracting(rows.indices).firstNaN() {
            throw damagedScore(ofRow: rows[place])
        }
        // Ties are broken by ordinal, which only those need that reach the k-th best score.
        let worst = scratch.kthBestScore(k, count: rows.count, kernels: kernels)
        for place in rows.indices where orderKey(scratch.scores[place]) >= worst {
            scratch.best.append((scratch.scores[place], try ordinalOffset(ofRow: rows[place])))
        }
        scratch.keepBest(k)
    }

    private func collectRows(ofSlots slots: Range<Int>, scratch: inout SearchScratch) throws(SegmentError) {
        let reader = reader
        let slotRows = Span<UInt32>(_bytes: reader.bytes(of: .slotRows))
        guard scratch.collectRows(ofSlots: slots, in: slotRows, rowCount: rowCount) else {
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

    /// Brute force over the stored vectors; the best k end in `scratch.best` as ordinal offsets.
    private func scanExactly(
        _ query: [Float], k: Int, excluding excluded: ExcludedRows, scratch: inout SearchScratch
    ) throws(SegmentError) {
        let (reader, stride) = (reader, rowStride)
        scratch.candidates.reset(keeping: max(1, min(k, rowCount)))
        let chunk = 4096
        for start in Swift.stride(from: 0, to: rowCount, by: chunk) {
            let rows = start..<min(rowCount, start + chunk)
            try reader.ensureIntact(.reorderVectors, rows.lowerBound * stride..<rows.upperBound * stride)
            if storesOrdinals { try reader.ensureIntact(.ordinals, 4 * rows.lowerBound..<4 * rows.upperBound) }
            let vectors = reader.bytes(of: .reorderVectors)
            scratch.scores.reserveFloats(rows.count)
            var scores = scratch.scores.mutableSpan
            kernels.exactScores(
                metric.form, element: element, query: query.span,
                rows: vectors.extracting(rows.lowerBound * stride..<rows.upperBound * stride), stride: stride,
                into: &scores)
            if let place = scratch.scores.span.extracting(0..<rows.count).firstNaN() {
                throw damagedScore(ofRow: UInt32(rows.lowerBound + place))
            }
            let ordinals = Span<UInt32>(_bytes: reader.bytes(of: .ordinals))
            scratch.appendScores(
                rows: rows, excluding: excluded, numbering: storesOrdinals ? ordinals.extracting(rows) : ordinals,
                kernels: kernels)
        }
        try rankExactly(k, scratch: &scratch)
    }

    /// Ends a scan whose candidates are numbered by ordinal offsets: the best k end in `scratch.best`.
    func rankExactly(_ k: Int, scratch: inout SearchScratch) throws(SegmentError) {
        scratch.best.removeAll(keepingCapacity: true)
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
