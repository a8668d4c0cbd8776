import SegmentFile
import TreeAH
import VectorKernels

extension SegmentBuilder {
    /// Sorts rows by partition, encodes them, and writes all sections but the ids.
    func writeTree(_ trained: TreeTraining.Result, idByteCount: Int?) throws -> SegmentWriter {
        let model = trained.model
        let references = model.references
        let scatter = try PartitionSort(
            stored: stored, model: model, references: references,
            expectedSizes: trained.leafShares.map { $0 * Double(plan.inputRowCount) }, directory: directory
        ).run()
        let sizes = leafSizes(scatter, leafCount: model.leafCount)
        let blockCount = sizes.slots.reduce(0) { $0 + CodeBlockLayout.blockCount(slotCount: $1) }
        let writer = try makeWriter(
            IndexParameters.Tree(model, slotCount: sizes.slots.reduce(0, +), blockCount: blockCount),
            idByteCount: idByteCount)
        try writePartitions(model, sizes: sizes, to: writer)
        try encode(scatter, model, references: references, to: writer)
        return writer
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
        _ model: TreeModel, sizes: (rows: [Int], slots: [Int]), to writer: SegmentWriter
    ) throws {
        var (block, row) = (0, 0)
        var leaves: [UInt32] = []
        for (rows, slots) in zip(sizes.rows, sizes.slots) {
            leaves += [UInt32(block), UInt32(slots), UInt32(row), UInt32(rows)]
            block += CodeBlockLayout.blockCount(slotCount: slots)
            row += rows
        }
        try writer.append(leaves, to: .leaves)
        try writer.append(model.routing.bytes, to: .routingCentroids)
        try writer.append(model.origin, to: .origin)
        try writer.append(model.storedCentroids, to: .centroids)
        if model.projection.kind != .none { try writer.append(model.projection.bytes, to: .projection) }
        try writer.append(model.codebooks.codewords, to: .codebooks)
        if model.anisotropy > 0 { try writer.append([model.anisotropy], to: .anisotropy) }
        clock.mark(.write)
    }

    /// Reads bucket after bucket back, brings its rows into partition order and stores vectors, codes and ordinals.
    private func encode(
        _ scatter: PartitionScatter, _ model: TreeModel, references: [Float], to writer: SegmentWriter
    ) throws {
        let encoder = model.encoder(kernels: .best)
        var rowsByOrdinal = [UInt32](repeating: .max, count: stored.ordinalRange.span)
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
                let storage = plan.storage
                let parts = concurrentMap(count: job.parts.count, threads: plan.threads) { part in
                    job.encode(part, slots, encoder: encoder, storage: storage, centroids: references)
                }
                for part in parts {
                    try writer.append(part.vectors, to: .reorderVectors)
                    try writer.append(part.codes.blocks, to: .codes)
                    if plan.metric.boundsEstimates { try writer.append(part.codes.radii, to: .blockRadii) }
                    if plan.metric == .cosine { try writer.append(part.norms, to: .norms) }
                }
                var ordinals = slots.ordinals
                if model.hasSecondAssignments {
                    for part in job.parts { appendInBlocks(ordinals[part.slots], to: &slotRows) }
                    ordinals = zip(ordinals, slots.isSecond).filter { !$1 }.map(\.0)
                }
                try writer.append(ordinals, to: .ordinals)
                for ordinal in ordinals {
                    rowsByOrdinal[Int(ordinal)] = UInt32(nextRow)
                    nextRow += 1
                }
                try clock.report(.encode, nextRow, of: stored.count)
            }
            scatter.release(index)
        }
        clock.mark(.encode)
        try writer.append(rowsByOrdinal, to: .rowsByOrdinal)
        guard model.hasSecondAssignments else { return }
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
}
