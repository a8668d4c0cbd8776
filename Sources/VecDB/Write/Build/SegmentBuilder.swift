import Catalog
import FileSystem
import SegmentFile
import TreeAH
import VectorKernels

/// Writes the segment of a build: an exact one in the order of the input, or one in the order of a model's partitions.
struct SegmentBuilder {
    let stored: StoredRows
    let directory: Directory
    let databaseUUID: SegmentUUID
    let segmentUUID: SegmentUUID

    var plan: BuildPlan { stored.plan }
    var clock: BuildClock { stored.clock }
    private var rowCount: Int { stored.count }

    /// - Parameters:
    ///   - trained: `nil` for an exact segment.
    ///   - idByteCount: bytes of all ids; `nil` where no copy of them is mapped.
    /// - Returns: the finished, synced file; nothing names it yet.
    func write(_ trained: TreeTraining.Result?, idByteCount: Int?) throws -> SegmentSummary {
        let writer =
            if let trained {
                try writeTree(trained, idByteCount: idByteCount)
            } else {
                try writeExact(idByteCount: idByteCount)
            }
        try writeIDs(to: writer, idByteCount: idByteCount)
        clock.mark(.write)
        try clock.report(.sync, 0, of: 1)
        let summary = try writer.finish()
        try clock.report(.sync, 1, of: 1)
        clock.mark(.sync)
        return summary
    }

    /// What the catalog records about the finished file.
    func record(_ file: SegmentSummary) -> SegmentRecord {
        SegmentRecord(
            byteCount: UInt64(file.byteCount), rowCount: UInt64(rowCount), headerChecksum: file.headerCRC,
            firstOrdinal: stored.ordinalRange.first)
    }

    func makeWriter(_ tree: IndexParameters.Tree?, idByteCount: Int?) throws -> SegmentWriter {
        let ordinals = stored.ordinalRange
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
    private func storesOrdinals(_ tree: IndexParameters.Tree?) -> Bool {
        tree != nil || stored.ordinalRange.span != rowCount
    }

    private func writeExact(idByteCount: Int?) throws -> SegmentWriter {
        let writer = try makeWriter(nil, idByteCount: idByteCount)
        let (first, span) = stored.ordinalRange
        var (offsets, norms) = ([UInt32](), [Float]())
        try stored.forEachBatch(.write) { batch in
            try writer.append(plan.storage.encode(batch.rows.span), to: .reorderVectors)
            if storesOrdinals(nil) { offsets += batch.ordinals.map { UInt32($0 - first) } }
            norms += batch.norms
        }
        if storesOrdinals(nil) {
            try writer.append(offsets, to: .ordinals)
            var rows = [UInt32](repeating: .max, count: span)
            for (row, offset) in offsets.enumerated() { rows[Int(offset)] = UInt32(row) }
            try writer.append(rows, to: .rowsByOrdinal)
        }
        if plan.metric == .cosine { try writer.append(norms, to: .norms) }
        return writer
    }

    /// Writes the mapped copy of the ids, by ordinal.
    private func writeIDs(to writer: SegmentWriter, idByteCount: Int?) throws {
        guard let idByteCount else { return try clock.report(.write, 0, of: 1) }
        let (first, span) = stored.ordinalRange
        let dropped = stored.dropped
        var (offset, nextDropped, written) = (UInt64(0), dropped.startIndex, 0)
        try clock.report(.write, 0, of: plan.inputRowCount)
        try stored.source.forEachIDBatch { batch, firstOrdinal in
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
