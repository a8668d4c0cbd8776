import Catalog
import SegmentFile
import TreeAH
import VectorKernels

/// Writes the segment of a build: assigns rows to partitions, brings them into partition order, encodes and stores them.
struct SegmentBuilder {
    let plan: BuildPlan
    let source: CandidateSource
    /// Ordinals that are left out, ascending.
    let dropped: [UInt64]
    let clock: BuildClock
    let directory: Directory
    let databaseUUID: SegmentUUID
    let segmentUUID: SegmentUUID

    private var kernels: Kernels { .best }
    private var storage: RowStorage { RowStorage(element: plan.element, dimensions: plan.dimensions) }
    private var rowCount: Int { plan.inputRowCount - dropped.count }

    /// - Returns: the finished, synced file; nothing names it yet.
    func write(_ tree: TrainedTree?, idByteCount: Int?) throws -> SegmentSummary {
        guard let tree else { return try writeExact(idByteCount: idByteCount) }
        let scatter = try assign(tree)
        let sizes = leafSizes(scatter, leafCount: tree.leafCount)
        let blockCount = sizes.slots.reduce(0) { $0 + CodeBlockLayout.blockCount(slotCount: $1) }
        let parameters = tree.parameters(
            metric: plan.metric, slotCount: sizes.slots.reduce(0, +), blockCount: blockCount)
        let writer = try makeWriter(parameters, idByteCount: idByteCount)
        try writePartitions(tree, sizes: sizes, to: writer)
        try encode(scatter, tree, to: writer)
        try writeIDs(to: writer, idByteCount: idByteCount)
        return try finish(writer)
    }

    /// What the catalog records about the finished file.
    func record(_ file: SegmentSummary) -> SegmentRecord {
        SegmentRecord(
            byteCount: UInt64(file.byteCount), rowCount: UInt64(rowCount), headerChecksum: file.headerCRC,
            firstOrdinal: ordinalRange.first)
    }

    /// The ordinals that the segment covers: from the first row stored to the last.
    private var ordinalRange: (first: UInt64, span: Int) {
        guard rowCount > 0 else { return (0, 0) }
        var (first, last) = (UInt64(0), UInt64(plan.inputRowCount - 1))
        for ordinal in dropped where ordinal == first { first += 1 }
        for ordinal in dropped.reversed() where ordinal == last { last -= 1 }
        return (first, Int(last - first) + 1)
    }

    private func makeWriter(_ tree: IndexParameters.Tree?, idByteCount: Int?) throws -> SegmentWriter {
        let ordinals = ordinalRange
        let geometry = SegmentGeometry(
            metric: plan.metric, dimensions: plan.dimensions, rowCount: rowCount, ordinalSpan: ordinals.span,
            element: plan.element, tree: tree, storesOrdinals: storesOrdinals(tree), idByteCount: idByteCount)
        let features = SegmentHeader.Features(
            incompatible: tree?.hasSecondAssignments == true ? SegmentHeader.Features.secondAssignments : 0,
            readOnlyCompatible: (tree?.anisotropy ?? 0) > 0 ? SegmentHeader.Features.anisotropicCodes : 0,
            compatible: idByteCount == nil ? 0 : SegmentHeader.Features.mappedIDs)
        let writer = try SegmentWriter(
            in: directory,
            identity: SegmentIdentity(
                databaseUUID: databaseUUID, segmentUUID: segmentUUID, features: features, rowCount: rowCount,
                firstOrdinal: ordinals.first, ordinalSpan: ordinals.span, dimensions: plan.dimensions,
                metricCode: plan.metric.code),
            sections: geometry.plans)
        try writer.append(IndexParameters(tree: tree, seed: plan.seed).encoded, to: .parameters)
        return writer
    }

    /// Rows have their own order in a tree, and gaps between ordinals where candidates were dropped.
    private func storesOrdinals(_ tree: IndexParameters.Tree?) -> Bool { tree != nil || ordinalRange.span != rowCount }

    private func finish(_ writer: SegmentWriter) throws -> SegmentSummary {
        clock.mark(.write)
        try clock.report(.sync, 0, of: 1)
        let summary = try writer.finish()
        try clock.report(.sync, 1, of: 1)
        clock.mark(.sync)
        return summary
    }

    // MARK: reading rows

    /// Calls `body` with batches of the rows that are stored, normalised for cosine.
    private func forEachStoredBatch(_ phase: BuildPhase, _ body: (StoredBatch) throws -> Void) throws {
        let dimensions = plan.dimensions
        var nextDropped = dropped.startIndex
        var done = 0
        try clock.report(phase, 0, of: plan.inputRowCount)
        try source.forEachBatch { batch, first in
            let count = batch.count / dimensions
            done += count
            guard done <= plan.inputRowCount else {
                throw DatabaseError(.invalidInput, "the input grew while it was read")
            }
            var ordinals = Array(first..<first + UInt64(count))
            if nextDropped < dropped.endIndex, dropped[nextDropped] < first + UInt64(count) {
                var kept = 0
                for row in 0..<count {
                    if nextDropped < dropped.endIndex, dropped[nextDropped] == first + UInt64(row) {
                        nextDropped += 1
                        continue
                    }
                    for column in 0..<dimensions {
                        batch[kept * dimensions + column] = batch[row * dimensions + column]
                    }
                    ordinals[kept] = first + UInt64(row)
                    kept += 1
                }
                batch.removeSubrange((kept * dimensions)...)
                ordinals.removeSubrange(kept...)
            }
            let norms = plan.metric == .cosine ? try normaliseRows(&batch, ordinals: ordinals) : []
            try body(StoredBatch(rows: batch, ordinals: ordinals, norms: norms))
            try clock.report(phase, done, of: plan.inputRowCount)
        }
        guard done == plan.inputRowCount else {
            throw DatabaseError(.invalidInput, "the input has \(done) rows now and had \(plan.inputRowCount) at first")
        }
    }

    private struct StoredBatch {
        let rows: [Float]
        let ordinals: [UInt64]
        /// Under cosine the length of each row before it was normalised.
        let norms: [Float]
    }

    private func normaliseRows(_ batch: inout [Float], ordinals: [UInt64]) throws(DatabaseError) -> [Float] {
        let dimensions = plan.dimensions
        var norms: [Float] = []
        norms.reserveCapacity(ordinals.count)
        var span = batch.mutableSpan
        for row in ordinals.indices {
            var vector = span._mutatingExtracting(row * dimensions..<(row + 1) * dimensions)
            guard let norm = normalise(&vector) else {
                throw DatabaseError(
                    .invalidInput, "row \(ordinals[row]) is a zero vector, which has no direction for cosine")
            }
            norms.append(norm)
        }
        return norms
    }

    // MARK: exact

    private func writeExact(idByteCount: Int?) throws -> SegmentSummary {
        let writer = try makeWriter(nil, idByteCount: idByteCount)
        let first = ordinalRange.first
        var (offsets, norms) = ([UInt32](), [Float]())
        try forEachStoredBatch(.write) { batch in
            try writer.append(storage.encode(batch.rows.span), to: .reorderVectors)
            if storesOrdinals(nil) { offsets += batch.ordinals.map { UInt32($0 - first) } }
            norms += batch.norms
        }
        if storesOrdinals(nil) {
            try writer.append(offsets, to: .ordinals)
            var rows = [UInt32](repeating: .max, count: ordinalRange.span)
            for (row, offset) in offsets.enumerated() { rows[Int(offset)] = UInt32(row) }
            try writer.append(rows, to: .rowsByOrdinal)
        }
        if plan.metric == .cosine { try writer.append(norms, to: .norms) }
        try writeIDs(to: writer, idByteCount: idByteCount)
        return try finish(writer)
    }

    // MARK: tree

    /// Finds each row's partition, and its second one, and appends it to their buckets.
    private func assign(_ tree: TrainedTree) throws -> PartitionScatter {
        let isCosine = plan.metric == .cosine
        let scatter = PartitionScatter(
            expectedSizes: tree.second == nil ? tree.expectedSizes : tree.expectedSizes.map { 2 * $0 },
            rowWidth: plan.dimensions + (isCosine ? 1 : 0),
            bucketByteCount: plan.memoryBytes / 12, bufferByteCount: plan.memoryBytes / 6,
            scratch: try ScratchFile(in: directory))
        try forEachStoredBatch(.assign) { batch in
            let first = tree.table.nearest(to: batch.rows, threads: plan.threads, kernels: kernels)
            let values = isCosine ? rowsWithNorms(batch) : batch.rows
            guard let second = tree.second else {
                return try add(values, of: batch, to: scatter, leaves: first, isSecond: nil, tree)
            }
            try add(values, of: batch, to: scatter, leaves: first, isSecond: false, tree)
            let leaves = second.leaves(for: batch.rows, first: first, threads: plan.threads, kernels: kernels)
            try add(values, of: batch, to: scatter, leaves: leaves, isSecond: true, tree)
        }
        try scatter.finish()
        clock.mark(.assign)
        return scatter
    }

    /// Each row followed by the length it had.
    private func rowsWithNorms(_ batch: StoredBatch) -> [Float] {
        var values: [Float] = []
        values.reserveCapacity(batch.rows.count + batch.norms.count)
        for row in batch.norms.indices {
            values += batch.rows[row * plan.dimensions..<(row + 1) * plan.dimensions]
            values.append(batch.norms[row])
        }
        return values
    }

    private func add(
        _ values: [Float], of batch: StoredBatch, to scatter: PartitionScatter, leaves: [UInt32], isSecond: Bool?,
        _ tree: TrainedTree
    ) throws {
        let (first, width) = (ordinalRange.first, scatter.rowWidth)
        let distances = plan.metric.boundsEstimates ? squaredDistances(of: batch.rows, leaves, tree.centroids) : []
        for row in leaves.indices {
            try scatter.add(
                values.span.extracting(row * width..<(row + 1) * width), leaf: leaves[row],
                ordinal: UInt32(batch.ordinals[row] - first),
                squaredDistance: distances.isEmpty ? nil : distances[row], isSecond: isSecond)
        }
    }

    /// The squared distances of rows from their leaves' centroids, as the rows will be stored.
    private func squaredDistances(of rows: [Float], _ leaves: [UInt32], _ centroids: [Float]) -> [Float] {
        let (storage, dimensions, kernels, chunk) = (storage, plan.dimensions, kernels, 1024)
        return concurrentMap(count: (leaves.count + chunk - 1) / chunk, threads: plan.threads) { part in
            let range = part * chunk..<min(leaves.count, (part + 1) * chunk)
            var stored = Array(rows[range.lowerBound * dimensions..<range.upperBound * dimensions])
            if storage.isLossy { stored = storage.roundTripped(stored) }
            let (vectors, targets) = (stored.span, centroids.span)
            return range.enumerated().map { place, row in
                let leaf = Int(leaves[row])
                return abs(
                    unsafe kernels.score(
                        .negatedSquaredDistance,
                        query: vectors.extracting(place * dimensions..<(place + 1) * dimensions),
                        row: targets.extracting(leaf * dimensions..<(leaf + 1) * dimensions).bytes))
            }
        }.flatMap { $0 }
    }

    /// How many rows and how many slots each leaf has.
    private func leafSizes(_ scatter: PartitionScatter, leafCount: Int) -> (rows: [Int], slots: [Int]) {
        var slots = [Int](repeating: 0, count: leafCount)
        for bucket in scatter.buckets {
            for leaf in bucket.leafOfRow { slots[Int(leaf)] += 1 }
        }
        var rows = slots
        for bucket in scatter.buckets {
            for (leaf, isSecond) in zip(bucket.leafOfRow, bucket.isSecond) where isSecond { rows[Int(leaf)] -= 1 }
        }
        return (rows, slots)
    }

    private func writePartitions(
        _ tree: TrainedTree, sizes: (rows: [Int], slots: [Int]), to writer: SegmentWriter
    ) throws {
        var (block, row) = (0, 0)
        var leaves: [UInt32] = []
        for (rows, slots) in zip(sizes.rows, sizes.slots) {
            leaves += [UInt32(block), UInt32(slots), UInt32(row), UInt32(rows)]
            block += CodeBlockLayout.blockCount(slotCount: slots)
            row += rows
        }
        try writer.append(leaves, to: .leaves)
        try writer.append(tree.routingMatrix(for: plan.metric, kernels: kernels).bytes, to: .routingCentroids)
        try writer.append(tree.origin, to: .origin)
        try writer.append(tree.storedCentroids, to: .centroids)
        if tree.projection.kind != .none { try writer.append(tree.projection.bytes, to: .projection) }
        try writer.append(tree.codebooks.codewords, to: .codebooks)
        if tree.anisotropy > 0 { try writer.append([tree.anisotropy], to: .anisotropy) }
        clock.mark(.write)
    }

    /// Reads bucket after bucket back, brings its rows into partition order and stores vectors, codes and ordinals.
    private func encode(_ scatter: PartitionScatter, _ tree: TrainedTree, to writer: SegmentWriter) throws {
        let encoder = Encoder(
            form: plan.metric.form, hasBiases: tree.hasBiases, origin: plan.metric == .l2 ? tree.origin : [],
            projection: tree.projection,
            codebooks: tree.codebooks, codingLength: tree.codingLength, anisotropy: tree.anisotropy, kernels: kernels)
        var rowsByOrdinal = [UInt32](repeating: .max, count: ordinalRange.span)
        var nextRow = 0
        // What the slots hold, 32 for each block; ordinals until every row has its number.
        var slotRows: [UInt32] = []
        // Norms are the last of the sections with rows, and ordinals cost four bytes a row either way.
        for index in scatter.buckets.indices {
            for job in EncodingJob.jobs(
                of: scatter, bucket: index, rowLimit: max(4096, plan.memoryBytes / 6 / (4 * plan.dimensions)),
                threads: plan.threads)
            {
                let slots = try job.gather(from: scatter)
                let storage = storage
                let parts = concurrentMap(count: job.parts.count, threads: plan.threads) { part in
                    job.encode(part, slots, encoder: encoder, storage: storage, centroids: tree.centroids)
                }
                for part in parts {
                    try writer.append(part.vectors, to: .reorderVectors)
                    try writer.append(part.codes.blocks, to: .codes)
                    if plan.metric.boundsEstimates { try writer.append(part.codes.radii, to: .blockRadii) }
                    if plan.metric == .cosine { try writer.append(part.norms, to: .norms) }
                }
                var ordinals = slots.ordinals
                if tree.second != nil {
                    for part in job.parts { appendInBlocks(ordinals[part.slots], to: &slotRows) }
                    ordinals = zip(ordinals, slots.isSecond).filter { !$1 }.map(\.0)
                }
                try writer.append(ordinals, to: .ordinals)
                for ordinal in ordinals {
                    rowsByOrdinal[Int(ordinal)] = UInt32(nextRow)
                    nextRow += 1
                }
                try clock.report(.encode, nextRow, of: rowCount)
            }
            scatter.release(index)
        }
        clock.mark(.encode)
        try writer.append(rowsByOrdinal, to: .rowsByOrdinal)
        guard tree.second != nil else { return }
        for place in slotRows.indices {
            slotRows[place] = slotRows[place] == .max ? 0 : rowsByOrdinal[Int(slotRows[place])]
        }
        try writer.append(slotRows, to: .slotRows)
    }

    /// Appends the ordinals of a leaf's slots, its last block completed.
    private func appendInBlocks(_ ordinals: ArraySlice<UInt32>, to slots: inout [UInt32]) {
        slots += ordinals
        while slots.count % CodeBlockLayout.slotsPerBlock != 0 { slots.append(.max) }
    }

    // MARK: ids

    /// Writes the mapped copy of the ids, by ordinal.
    private func writeIDs(to writer: SegmentWriter, idByteCount: Int?) throws {
        guard let idByteCount else { return try clock.report(.write, 0, of: 1) }
        let (first, span) = ordinalRange
        var (offset, nextDropped, written) = (UInt64(0), dropped.startIndex, 0)
        try clock.report(.write, 0, of: plan.inputRowCount)
        try source.forEachIDBatch { batch, firstOrdinal in
            var (offsets, bytes) = ([UInt64](), [UInt8]())
            for (place, id) in batch.enumerated() {
                let ordinal = firstOrdinal + UInt64(place)
                while nextDropped < dropped.endIndex, dropped[nextDropped] < ordinal { nextDropped += 1 }
                let isDropped = nextDropped < dropped.endIndex && dropped[nextDropped] == ordinal
                guard ordinal >= first, ordinal < first + UInt64(span) else { continue }
                offsets.append(offset)
                if !isDropped {
                    bytes += id.utf8
                    offset += UInt64(id.utf8.count)
                }
            }
            written += offsets.count
            try writer.append(offsets, to: .idOffsets)
            try writer.append(bytes, to: .ids)
            try clock.report(.write, Int(firstOrdinal) + batch.count, of: plan.inputRowCount)
        }
        guard written == span, offset == UInt64(idByteCount) else {
            throw DatabaseError(.invalidInput, "the ids changed while they were read")
        }
        try writer.append([offset], to: .idOffsets)
    }
}
