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
    /// While they hold fewer than `rowsNeeded` rows that may be returned, the next best leaf is added.
    ///
    /// - Complexity: O(leaves · d), O(leaves · K) when ranked by projection.
    public func chooseLeaves(
        count: Int, rowsNeeded: Int, filter: RowFilter,
        scratch: inout SearchScratch, kernels: Kernels
    ) {
        scoreLeaves(scratch: &scratch, kernels: kernels)
        keepBestLeaves(min(count, leaves.count), scratch: &scratch, kernels: kernels)
        for leaf in scratch.leaves { fetchFirstBlock(of: Int(leaf), kernels: kernels) }
        guard scratch.leaves.count < leaves.count else { return }
        var rows = scratch.leaves.reduce(0) { $0 + liveRowCount(of: Int($1), filter: filter) }
        guard rows < rowsNeeded else { return }
        let chosen = scratch.leaves.count
        rankAllLeaves(scratch: &scratch, kernels: kernels)
        var kept = chosen
        while kept < scratch.leaves.count, rows < rowsNeeded {
            rows += liveRowCount(of: Int(scratch.leaves[kept]), filter: filter)
            kept += 1
        }
        scratch.leaves.removeSubrange(kept...)
    }

    /// Leaves all leaves in `scratch.leaves`, nearest first: the order in which searches of more and more leaves take them.
    ///
    /// - Complexity: O(leaves · (d + log leaves)).
    public func rankLeaves(scratch: inout SearchScratch, kernels: Kernels) {
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
    /// - Parameters:
    ///   - number: the query's place among those that are searched for together.
    ///   - start: where the tables of this model begin among those of several.
    /// - Complexity: O(16 · K).
    public func prepareLookupTable(
        number: Int = 0, from start: TableStart = TableStart(), scratch: inout SearchScratch, kernels: Kernels
    ) {
        let (tableSize, first) = (lookupTableSize, start.bytes + number * lookupTableSize)
        while scratch.tables.count < first + tableSize { scratch.tables.append(0) }
        while scratch.factors.count <= start.factors + number {
            scratch.factors.append(TableFactors(step: 0, offset: 0))
        }
        let projected = scratch.projected
        // Moved out and back: two parts cannot be lent for writing at once.
        var entries: [Float] = []
        swap(&entries, &scratch.tableEntries)
        entries.reserveFloats(tableSize)
        var room = entries.mutableSpan
        var tables = scratch.tables.mutableSpan
        var table = tables._mutatingExtracting(first..<first + tableSize)
        let factors = kernels.lookupTable(
            of: projected.span, codewords: codewords, subspaces: shape.evenSubspaces,
            dimensionsPerBlock: shape.dimensionsPerBlock, scratch: &room, into: &table)
        scratch.factors[start.factors + number] = factors
        swap(&entries, &scratch.tableEntries)
    }

    /// The bytes of one query's lookup table.
    public var lookupTableSize: Int { shape.evenSubspaces * 16 }

    /// Puts the leaves of `scratch.leaves` on the list of those to be scanned: ``noteChosenLeaves(for:onOneScale:scratch:kernels:)``
    /// and ``enqueue(_:for:number:firstNumber:bounding:filter:scratch:kernels:)`` for a tree of one segment.
    ///
    /// - Parameter keep: how many estimates are kept; when all are, every block is scanned.
    /// - Complexity: O(leaves · d).
    public func enqueueChosenLeaves(
        for query: Span<Float>, number: Int = 0, keeping keep: Int, filter: RowFilter,
        scratch: inout SearchScratch, kernels: Kernels
    ) {
        let chosen = noteChosenLeaves(for: query, scratch: &scratch, kernels: kernels)
        enqueue(
            chosen, for: query, number: number, bounding: slotCount(of: chosen, scratch) > keep, filter: filter,
            scratch: &scratch, kernels: kernels)
    }

    /// Computes what the estimates in each leaf of `scratch.leaves` share, for all segments of the model.
    ///
    /// - Parameter onOneScale: whether the estimates are compared with those of other models (numerics, section 7).
    /// - Returns: the leaves' places among all that were chosen since `scratch.begin`.
    /// - Complexity: O(leaves · d).
    public func noteChosenLeaves(
        for query: Span<Float>, onOneScale: Bool = false, scratch: inout SearchScratch, kernels: Kernels
    ) -> Range<Int> {
        let (leaves, count, relative) = (scratch.leaves, scratch.leaves.count, scratch.relative)
        scratch.scores.reserveFloats(count)
        var scores = scratch.scores.mutableSpan
        kernels.exactScores(
            form, element: Self.centroidElement, query: relative.span.extracting(0..<dimensions), rows: centroids,
            stride: Self.centroidElement.stride(dimensions: dimensions),
            indices: leaves.span, into: &scores)
        let share = form == .dot && (layout.hasBiases || onOneScale) ? kernels.dot(query, origin) : 0
        let first = scratch.chosen.count
        for place in 0..<count {
            let score = scratch.scores[place]
            scratch.chosen.append(
                ChosenLeaf(
                    leaf: leaves[place],
                    constant: form == .dot ? (onOneScale ? share + score : score) : 0.5 * score,
                    // For inner products the query's share of an error along the centroid.
                    biasFactor: form == .dot ? share + score : 1))
        }
        return first..<scratch.chosen.count
    }

    /// The slots of chosen leaves in this segment.
    public func slotCount(of chosen: Range<Int>, _ scratch: borrowing SearchScratch) -> Int {
        var slots = 0
        for place in chosen { slots += Int(leaves[Int(scratch.chosen[place].leaf)].slotCount) }
        return slots
    }

    /// The rows of chosen leaves in this segment that may be returned.
    public func liveRowCount(
        of chosen: Range<Int>, filter: RowFilter, _ scratch: borrowing SearchScratch
    ) -> Int {
        chosen.reduce(0) { $0 + liveRowCount(of: Int(scratch.chosen[$1].leaf), filter: filter) }
    }

    /// Puts chosen leaves on the list of those to be scanned; but only their first blocks where radii may show that the others
    /// are not needed, which ``enqueueOtherBlocks(k:scratch:kernels:)`` decides.
    ///
    /// - Parameters:
    ///   - chosen: what ``noteChosenLeaves(for:onOneScale:scratch:kernels:)`` gave.
    ///   - firstNumber: the number of this segment's first slot among those of several segments.
    ///   - isBounding: whether not all estimates are kept, so that some blocks need not be scanned.
    public func enqueue(
        _ chosen: Range<Int>, for query: Span<Float>, number: Int = 0, firstNumber: UInt32 = 0,
        bounding isBounding: Bool, filter: RowFilter, scratch: inout SearchScratch, kernels: Kernels
    ) {
        let square = !radii.isEmpty && isBounding ? kernels.dot(query, query) : 0
        // The square of a tiny query's length vanishes, or keeps few of its digits: it bounds nothing.
        let isBounded = square >= .leastNormalMagnitude
        if isBounded {
            while scratch.lengths.count <= number { scratch.lengths.append(0) }
            scratch.lengths[number] = square.squareRoot()
        }
        for place in chosen {
            let chosen = scratch.chosen[place]
            let leaf = leaves[Int(chosen.leaf)]
            let scan = ScanLeaf(
                query: number, firstBlock: Int(leaf.firstBlock), slotCount: Int(leaf.slotCount),
                firstNumber: firstNumber + (numbersSlots ? 32 &* leaf.firstBlock : leaf.firstRow),
                constant: chosen.constant, biasFactor: chosen.biasFactor,
                liveStart: appendLiveMask(of: leaf, filter: filter, to: &scratch.liveMask), tag: chosen.leaf)
            if isBounded, scan.blockCount > 1 {
                scratch.queue.append(scan.part(0..<1))
                scratch.others.append(scan.part(1..<scan.blockCount))
            } else {
                scratch.queue.append(scan)
            }
        }
    }

    private func appendLiveMask(
        of leaf: Leaf, filter: RowFilter, to words: inout [UInt32]
    ) -> Int? {
        numbersSlots
            ? filter.appendLiveMask(ofSlots: rows(ofSlotsIn: leaf), to: &words)
            : filter.appendLiveMask(of: leaf.rows, to: &words)
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
                threshold = scratch.threshold(k, query: query, kernels: kernels)
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
    /// - Parameter start: where the tables of this model begin among those of several.
    /// - Returns: how many slots they hold.
    /// - Complexity: O(slots · subspaces).
    public func scanQueue(
        from start: TableStart = TableStart(), scratch: inout SearchScratch, kernels: Kernels
    ) -> Int {
        let (queue, tables, factors, live) = (scratch.queue, scratch.tables, scratch.factors, scratch.liveMask)
        scratch.estimates.scan(
            queue.span, codes: codes, blockByteCount: layout.byteCount, pairs: layout.pairs,
            hasBiases: layout.hasBiases, tables: tables.span.extracting(droppingFirst: start.bytes),
            factors: factors.span.extracting(droppingFirst: start.factors), live: live.span, kernels: kernels)
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

    /// The rows of a leaf that may be returned.
    public func liveRowCount(of leaf: Int, filter: RowFilter) -> Int {
        Int(leaves[leaf].rowCount) - filter.excludedCount(in: leaves[leaf].rows)
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

/// Where a model's lookup tables and their factors begin in a search's scratch memory.
public struct TableStart: Sendable {
    public var bytes = 0
    public var factors = 0

    public init() {}
}
