import VectorKernels

// The stages of a tree-AH search, in the order they run.

extension TreeView {
    /// Projects the query, for leaves that are ranked in the projected space and for its lookup table.
    ///
    /// - Parameter query: d floats.
    /// - Complexity: O(K · d), or O(d · log d) for a structured rotation.
    public func project(_ query: Span<Float>, scratch: SearchScratch, kernels: Kernels) {
        scratch.withProjected(count: max(projection.writtenCount, shape.paddedDimensions)) { projected in
            projection.apply(to: query, into: &projected, kernels: kernels)
        }
    }

    /// Leaves the `count` leaves nearest to `query` in `scratch.leaves`, best first.
    ///
    /// While they hold fewer than `rowsNeeded` rows that are not excluded, the next best leaf is added.
    ///
    /// - Parameter query: d floats, projected already.
    /// - Complexity: O(leaves · d), O(leaves · K) when ranked by projection.
    public func chooseLeaves(
        nearest query: Span<Float>, count: Int, rowsNeeded: Int, excluding excluded: ExcludedRows,
        scratch: SearchScratch, kernels: Kernels
    ) {
        scratch.routingScores.reserveFloats((leaves.count + 15) / 16 * 16)
        var scores = scratch.routingScores.mutableSpan
        if ranksByProjection {
            let projected = scratch.projected
            kernels.blockProducts(
                of: projected.span.extracting(0..<shape.projectedDimensions), with: routingCentroids,
                start: routingBiases, into: &scores)
        } else {
            kernels.blockProducts(of: query, with: routingCentroids, start: routingBiases, into: &scores)
        }
        keepBestLeaves(min(count, leaves.count), scratch: scratch, kernels: kernels)
        guard scratch.leaves.count < leaves.count else { return }
        var rows = scratch.leaves.reduce(0) { $0 + liveRowCount(of: Int($1), excluding: excluded) }
        guard rows < rowsNeeded else { return }
        let chosen = scratch.leaves.count
        keepBestLeaves(leaves.count, scratch: scratch, kernels: kernels)
        var kept = chosen
        while kept < scratch.leaves.count, rows < rowsNeeded {
            rows += liveRowCount(of: Int(scratch.leaves[kept]), excluding: excluded)
            kept += 1
        }
        scratch.leaves.removeSubrange(kept...)
    }

    /// Computes the projected query's lookup table, which serves all leaves.
    ///
    /// - Parameter number: the query's place among those that are searched for together.
    /// - Complexity: O(16 · K).
    public func prepareLookupTable(number: Int = 0, scratch: SearchScratch, kernels: Kernels) {
        let tableSize = shape.evenSubspaces * 16
        scratch.tableEntries.reserveFloats(tableSize)
        while scratch.tables.count < (number + 1) * tableSize { scratch.tables.append(0) }
        while scratch.factors.count <= number { scratch.factors.append(TableFactors(step: 0, offset: 0)) }
        var entries = scratch.tableEntries.mutableSpan
        var tables = scratch.tables.mutableSpan
        var table = tables._mutatingExtracting(number * tableSize..<(number + 1) * tableSize)
        scratch.factors[number] = kernels.lookupTable(
            of: scratch.projected.span, codewords: codewords, subspaces: shape.evenSubspaces,
            dimensionsPerBlock: shape.dimensionsPerBlock, scratch: &entries, into: &table)
    }

    /// Puts the leaves of `scratch.leaves` on the list of those to be scanned.
    ///
    /// - Returns: the slots they hold.
    /// - Complexity: O(leaves · d).
    public func enqueueChosenLeaves(
        for query: Span<Float>, number: Int = 0, excluding excluded: ExcludedRows, scratch: SearchScratch,
        kernels: Kernels
    ) -> Int {
        let chosen = scratch.leaves
        scratch.withScores(count: chosen.count) { scores in
            kernels.exactScores(
                form, element: .float32, query: query, rows: centroids, stride: centroidStride, indices: chosen.span,
                into: &scores)
        }
        var slots = 0
        for (place, chosenLeaf) in chosen.enumerated() {
            let leaf = leaves[Int(chosenLeaf)]
            let score = scratch.scores[place]
            scratch.queue.append(
                ScanLeaf(
                    query: number, firstBlock: Int(leaf.firstBlock), slotCount: Int(leaf.slotCount),
                    firstNumber: leaf.firstRow, constant: form == .dot ? score : 0.5 * score,
                    biasFactor: biasFactor(ofLeaf: Int(chosenLeaf), score: score, kernels: kernels),
                    liveStart: excluded.appendLiveMask(of: leaf.rows, to: &scratch.liveMask)))
            slots += Int(leaf.slotCount)
        }
        return slots
    }

    /// Scans all leaves on the list for their queries; the best estimates end in `scratch.estimates`.
    ///
    /// - Complexity: O(slots · subspaces).
    public func scanQueue(scratch: SearchScratch, kernels: Kernels) {
        let (queue, tables, factors, live) = (scratch.queue, scratch.tables, scratch.factors, scratch.liveMask)
        scratch.estimates.scan(
            queue.span, codes: codes, blockByteCount: layout.byteCount, pairs: layout.pairs,
            hasBiases: layout.hasBiases, tables: tables.span, factors: factors.span, live: live.span, kernels: kernels)
    }

    /// How much of a slot's bias counts: for inner products the query's component along the centroid.
    private func biasFactor(ofLeaf number: Int, score: Float, kernels: Kernels) -> Float {
        guard form == .dot, layout.hasBiases else { return 1 }
        let centroid = centroids.extracting(number * centroidStride..<number * centroidStride + 4 * dimensions)
        let factor = score / kernels.score(.dot, query: Span<Float>(_bytes: centroid), row: centroid)
        return factor.isFinite ? factor : 0
    }

    private func liveRowCount(of leaf: Int, excluding excluded: ExcludedRows) -> Int {
        Int(leaves[leaf].rowCount) - excluded.count(in: leaves[leaf].rows)
    }

    /// Ranks by routing score, equal ones by smaller number.
    private func keepBestLeaves(_ count: Int, scratch: SearchScratch, kernels: Kernels) {
        scratch.leaves.removeAll(keepingCapacity: true)
        guard count > 0 else { return }
        scratch.rankedLeaves.reset(keeping: count)
        scratch.rankedLeaves.append(
            scratch.routingScores.span.extracting(0..<leaves.count), first: 0, live: Span(), kernels: kernels)
        scratch.rankedLeaves.select(kernels: kernels)
        scratch.rankedLeaves.sortByRank()
        for place in 0..<scratch.rankedLeaves.count { scratch.leaves.append(scratch.rankedLeaves.numbers[place]) }
    }
}
