import VectorKernels

// The stages of a tree-AH search, in the order they run.

extension TreeView {
    /// Counts the query from the tree's origin and projects it, for leaves that are ranked in the projected space and for its lookup table.
    ///
    /// - Parameter query: d floats.
    /// - Complexity: O(K · d), or O(d · log d) for a structured rotation.
    public func project(_ query: Span<Float>, scratch: inout SearchScratch, kernels: Kernels) {
        scratch.relative.reserveFloats(dimensions)
        if form == .dot {
            for index in 0..<dimensions { scratch.relative[index] = query[index] }
        } else {
            for index in 0..<dimensions { scratch.relative[index] = query[index] - origin[index] }
        }
        let relative = scratch.relative
        let count = max(projection.writtenCount, shape.paddedDimensions)
        projection.apply(
            to: relative.span.extracting(0..<dimensions), levels: &scratch.levels, into: &scratch.projected,
            count: count, kernels: kernels)
    }

    /// Leaves the `count` leaves of largest routing score, for the query or the projected one, in `scratch.leaves`, the best one
    /// first and the others as they lie in memory, and asks for the first of their codes.
    ///
    /// While they hold fewer than `rowsNeeded` rows that are not excluded, the next best leaf is added.
    ///
    /// - Complexity: O(leaves · d), O(leaves · K) when ranked by projection.
    public func chooseLeaves(
        count: Int, rowsNeeded: Int, excluding excluded: ExcludedRows,
        scratch: inout SearchScratch, kernels: Kernels
    ) {
        scoreLeaves(scratch: &scratch, kernels: kernels)
        keepBestLeaves(min(count, leaves.count), scratch: &scratch, kernels: kernels)
        for leaf in scratch.leaves { fetchFirstBlock(of: Int(leaf), kernels: kernels) }
        guard scratch.leaves.count < leaves.count else { return }
        var rows = scratch.leaves.reduce(0) { $0 + liveRowCount(of: Int($1), excluding: excluded) }
        guard rows < rowsNeeded else { return }
        let chosen = scratch.leaves.count
        rankAllLeaves(scratch: &scratch, kernels: kernels)
        var kept = chosen
        while kept < scratch.leaves.count, rows < rowsNeeded {
            rows += liveRowCount(of: Int(scratch.leaves[kept]), excluding: excluded)
            kept += 1
        }
        scratch.leaves.removeSubrange(kept...)
    }

    /// Leaves all leaves in `scratch.leaves`, nearest first: the order in which searches of more and more leaves take them.
    ///
    /// - Complexity: O(leaves · (d + log leaves)).
    func rankLeaves(scratch: inout SearchScratch, kernels: Kernels) {
        scoreLeaves(scratch: &scratch, kernels: kernels)
        rankAllLeaves(scratch: &scratch, kernels: kernels)
    }

    private func scoreLeaves(scratch: inout SearchScratch, kernels: Kernels) {
        let vector = ranksByProjection ? scratch.projected : scratch.relative
        kernels.byteProducts(
            of: vector.span.extracting(0..<(ranksByProjection ? shape.projectedDimensions : dimensions)),
            with: routingCentroids, levels: &scratch.levels, into: &scratch.routingScores,
            count: (leaves.count + 15) / 16 * 16)
    }

    /// Computes the projected query's lookup table, which serves all leaves.
    ///
    /// - Parameter number: the query's place among those that are searched for together.
    /// - Complexity: O(16 · K).
    public func prepareLookupTable(number: Int = 0, scratch: inout SearchScratch, kernels: Kernels) {
        let tableSize = shape.evenSubspaces * 16
        while scratch.tables.count < (number + 1) * tableSize { scratch.tables.append(0) }
        while scratch.factors.count <= number { scratch.factors.append(TableFactors(step: 0, offset: 0)) }
        let projected = scratch.projected
        // Moved out and back: two parts cannot be lent for writing at once.
        var entries: [Float] = []
        swap(&entries, &scratch.tableEntries)
        entries.reserveFloats(tableSize)
        var room = entries.mutableSpan
        var tables = scratch.tables.mutableSpan
        var table = tables._mutatingExtracting(number * tableSize..<(number + 1) * tableSize)
        let factors = kernels.lookupTable(
            of: projected.span, codewords: codewords, subspaces: shape.evenSubspaces,
            dimensionsPerBlock: shape.dimensionsPerBlock, scratch: &room, into: &table)
        scratch.factors[number] = factors
        swap(&entries, &scratch.tableEntries)
    }

    /// Puts the leaves of `scratch.leaves` on the list of those to be scanned; but only their first blocks where radii may
    /// show that the others are not needed, which ``enqueueOtherBlocks(k:scratch:kernels:)`` decides.
    ///
    /// - Parameter keep: how many estimates are kept; when all are, every block is scanned.
    /// - Complexity: O(leaves · d).
    public func enqueueChosenLeaves(
        for query: Span<Float>, number: Int = 0, keeping keep: Int, excluding excluded: ExcludedRows,
        scratch: inout SearchScratch, kernels: Kernels
    ) {
        let (chosen, count, relative) = (scratch.leaves, scratch.leaves.count, scratch.relative)
        scratch.scores.reserveFloats(count)
        var scores = scratch.scores.mutableSpan
        kernels.exactScores(
            form, element: Self.centroidElement, query: relative.span.extracting(0..<dimensions), rows: centroids,
            stride: Self.centroidElement.stride(dimensions: dimensions),
            indices: chosen.span, into: &scores)
        var slots = 0
        for leaf in chosen { slots += Int(leaves[Int(leaf)].slotCount) }
        let square = !radii.isEmpty && slots > keep ? kernels.dot(query, query) : 0
        // The square of a tiny query's length vanishes, or keeps few of its digits: it bounds nothing.
        let isBounded = square >= .leastNormalMagnitude
        if isBounded {
            while scratch.lengths.count <= number { scratch.lengths.append(0) }
            scratch.lengths[number] = square.squareRoot()
        }
        let share = form == .dot && layout.hasBiases ? kernels.dot(query, origin) : 0
        for place in 0..<count {
            let leaf = leaves[Int(chosen[place])]
            let score = scratch.scores[place]
            let scan = ScanLeaf(
                query: number, firstBlock: Int(leaf.firstBlock), slotCount: Int(leaf.slotCount),
                firstNumber: numbersSlots ? 32 &* leaf.firstBlock : leaf.firstRow,
                constant: form == .dot ? score : 0.5 * score,
                // For inner products the query's share of an error along the centroid.
                biasFactor: form == .dot ? share + score : 1,
                liveStart: appendLiveMask(of: leaf, excluding: excluded, to: &scratch.liveMask), tag: chosen[place])
            if isBounded, scan.blockCount > 1 {
                scratch.queue.append(scan.part(0..<1))
                scratch.others.append(scan.part(1..<scan.blockCount))
            } else {
                scratch.queue.append(scan)
            }
        }
    }

    private func appendLiveMask(
        of leaf: Leaf, excluding excluded: ExcludedRows, to words: inout [UInt32]
    ) -> Int? {
        numbersSlots
            ? excluded.appendLiveMask(ofSlots: rows(ofSlotsIn: leaf), to: &words)
            : excluded.appendLiveMask(of: leaf.rows, to: &words)
    }

    /// Makes a new list when the first blocks have been scanned: of the other blocks those that may hold one of the `k`
    /// best slots (numerics, section 4).
    ///
    /// Rows of a leaf are in the order of their residuals' lengths, and ⟨q, x⟩ ≤ ⟨q, c⟩ + |q|·|r|.
    public func enqueueOtherBlocks(k: Int, scratch: inout SearchScratch, kernels: Kernels) {
        scratch.queue.removeAll(keepingCapacity: true)
        var (query, threshold) = (-1, -Float.infinity)
        for leaf in scratch.others {
            if leaf.query != query {
                query = leaf.query
                threshold = scratch.kthBestEstimate(k, query: query, kernels: kernels)
            }
            var needed = 0
            while needed < leaf.blockCount,
                leaf.constant + scratch.lengths[query] * radii[leaf.firstBlock + needed] >= threshold
            { needed += 1 }
            if needed > 0 { scratch.queue.append(leaf.part(0..<needed)) }
        }
    }

    /// Scans all leaves on the list for their queries; the best estimates end in `scratch.estimates`.
    ///
    /// - Returns: how many slots they hold.
    /// - Complexity: O(slots · subspaces).
    public func scanQueue(scratch: inout SearchScratch, kernels: Kernels) -> Int {
        let (queue, tables, factors, live) = (scratch.queue, scratch.tables, scratch.factors, scratch.liveMask)
        scratch.estimates.scan(
            queue.span, codes: codes, blockByteCount: layout.byteCount, pairs: layout.pairs,
            hasBiases: layout.hasBiases, tables: tables.span, factors: factors.span, live: live.span, kernels: kernels)
        var slots = 0
        for leaf in queue { slots += leaf.slotCount }
        return slots
    }

    /// Asks for a leaf's first block of codes, and for the radii of those behind it.
    private func fetchFirstBlock(of leaf: Int, kernels: Kernels) {
        guard leaves[leaf].slotCount > 0 else { return }
        let block = Int(leaves[leaf].firstBlock)
        kernels.fetch(codes.extracting(block * layout.byteCount..<(block + 1) * layout.byteCount))
        // Floats have no padding to expose.
        if !radii.isEmpty { kernels.fetch(unsafe radii.extracting(block..<block + 1).bytes) }
    }

    func liveRowCount(of leaf: Int, excluding excluded: ExcludedRows) -> Int {
        Int(leaves[leaf].rowCount) - excluded.count(in: leaves[leaf].rows)
    }

    /// Leaves the leaves of largest routing score in `scratch.leaves`, equal ones by smaller number: the best one first, and
    /// the others as they lie in memory, which is how they are read soonest.
    private func keepBestLeaves(_ count: Int, scratch: inout SearchScratch, kernels: Kernels) {
        scratch.leaves.removeAll(keepingCapacity: true)
        guard count > 0 else { return }
        let room = leaves.count + 16
        scratch.bestLeafScores.reserveFloats(room)
        if scratch.bestLeaves.count < room { scratch.bestLeaves = [UInt32](repeating: 0, count: room) }
        // Moved out and back: two parts cannot be lent for writing at once.
        var (numbers, scores): ([UInt32], [Float]) = ([], [])
        swap(&numbers, &scratch.bestLeaves)
        swap(&scores, &scratch.bestLeafScores)
        var places = numbers.mutableSpan
        var best = scores.mutableSpan
        let kept = kernels.selectBest(
            count, of: scratch.routingScores.span.extracting(0..<leaves.count), into: &best, places: &places)
        scratch.leaves.append(contentsOf: numbers[0..<kept])
        swap(&numbers, &scratch.bestLeaves)
        swap(&scores, &scratch.bestLeafScores)
    }

    /// Leaves all leaves in `scratch.leaves` in the order of their routing scores, equal ones by smaller number.
    private func rankAllLeaves(scratch: inout SearchScratch, kernels: Kernels) {
        keepBestLeaves(leaves.count, scratch: &scratch, kernels: kernels)
        let scores = scratch.routingScores
        scratch.leaves.sort {
            (orderKey(scores[Int($1)]), $0) < (orderKey(scores[Int($0)]), $1)
        }
    }
}
