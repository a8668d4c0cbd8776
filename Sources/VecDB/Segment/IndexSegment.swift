import SegmentFile
import TreeAH
import VectorKernels

/// An open segment whose numbers have been checked against each other: from here on extents are right, and only the values
/// inside large sections are still bounded at each use.
final class IndexSegment: Sendable {
    let reader: SegmentReader
    let metric: Metric
    let element: RowElement
    let parameters: IndexParameters
    let hasMappedIDs: Bool
    let storesOrdinals: Bool
    /// Whether rows may have two slots, and candidates of a scan are slots.
    let hasSecondAssignments: Bool
    let kernels = Kernels.best
    /// Leaves whose codes and radii have been verified.
    let intactLeaves: GrowingBitmap

    var rowCount: Int { reader.header.rowCount }
    var dimensions: Int { reader.header.dimensions }
    var rowStride: Int { element.stride(dimensions: dimensions) }

    init(checking reader: SegmentReader) throws(SegmentError) {
        self.reader = reader
        let header = reader.header
        parameters = try IndexParameters(parsing: reader)
        guard let metric = Metric(code: header.metricCode) else {
            // unreached: the header's check knows the same metrics
            throw .unsupported(reader.file, nil, "has the metric \(header.metricCode)")
        }
        guard let type = reader.entry(.reorderVectors)?.elementType else {
            throw SegmentError(.damaged, file: reader.file, section: "reorder-vectors", "is missing")
        }
        guard let element = RowElement(type) else {
            throw .unsupported(reader.file, "reorder-vectors", "stores rows as \(type.label)")
        }
        self.metric = metric
        self.element = element
        hasMappedIDs = header.features.compatible & SegmentHeader.Features.mappedIDs != 0
        storesOrdinals = reader.entry(.ordinals) != nil
        hasSecondAssignments = parameters.tree?.hasSecondAssignments ?? false
        intactLeaves = GrowingBitmap(count: parameters.tree?.leafCount ?? 0)
        guard storesOrdinals || header.ordinalSpan == header.rowCount else {
            throw SegmentError(
                .damaged, file: reader.file, section: "ordinals", "is missing although ordinals have gaps")
        }
        try SegmentGeometry(
            metric: metric, dimensions: header.dimensions, rowCount: header.rowCount, ordinalSpan: header.ordinalSpan,
            element: element, tree: parameters.tree, storesOrdinals: storesOrdinals,
            idByteCount: hasMappedIDs ? reader.entry(.ids)?.byteCount ?? 0 : nil,
            hasInt8Tier: header.features.compatible & SegmentHeader.Features.int8Tier != 0
        ).check(reader)
        try reader.verifyDeferred()
        try checkLeaves()
        try checkMatrices()
    }

    /// Leaves follow each other without gaps, so that each one's blocks and rows lie inside their sections.
    private func checkLeaves() throws(SegmentError) {
        guard let tree = parameters.tree else { return }
        let reader = reader
        let leaves = Span<Leaf>(_bytes: reader.bytes(of: .leaves))
        var (blocks, rows, slots) = (0, 0, 0)
        for index in leaves.indices {
            let leaf = leaves[index]
            guard Int(leaf.firstBlock) == blocks, Int(leaf.firstRow) == rows,
                hasSecondAssignments ? leaf.slotCount >= leaf.rowCount : leaf.slotCount == leaf.rowCount
            else {
                throw SegmentError(.damaged, file: reader.file, section: "leaves", "does not continue at leaf \(index)")
            }
            blocks += leaf.blockCount
            rows += Int(leaf.rowCount)
            slots += Int(leaf.slotCount)
        }
        guard blocks == tree.blockCount, rows == rowCount, slots == tree.slotCount else {
            throw SegmentError(
                .damaged, file: reader.file, section: "leaves",
                "holds \(rows) rows and \(slots) slots in \(blocks) blocks, "
                    + "expected \(rowCount) and \(tree.slotCount) in \(tree.blockCount)")
        }
    }

    /// The tree's numbers in place; `nil`-free because callers ask only for tree segments.
    @_lifetime(borrow self)
    func treeView(_ tree: IndexParameters.Tree) -> TreeView {
        let reader = reader
        let view = TreeView(
            form: metric.form, dimensions: dimensions, shape: tree.shape,
            leaves: Span<Leaf>(_bytes: reader.bytes(of: .leaves)),
            routingCentroids: reader.bytes(of: .routingCentroids),
            ranksByProjection: tree.ranksByProjection, origin: Span<Float>(_bytes: reader.bytes(of: .origin)),
            centroids: reader.bytes(of: .centroids),
            projection: ProjectionView(
                kind: tree.projection, inputDimensions: dimensions, outputDimensions: tree.shape.projectedDimensions,
                values: reader.bytes(of: .projection)),
            codewords: Span<Float>(_bytes: reader.bytes(of: .codebooks)), codes: reader.bytes(of: .codes),
            slotRows: Span<UInt32>(_bytes: reader.bytes(of: .slotRows)),
            radii: Span<Float>(_bytes: reader.bytes(of: .blockRadii)), hasBiases: tree.hasBiases)
        // Proof: the reader is a constant of this object and keeps its bytes as long as it lives.
        return unsafe _overrideLifetime(view, borrowing: self)
    }

    /// As `SegmentReader.dropPages`.
    func dropPages() {
        reader.dropPages()
        intactLeaves.forget()
    }

    // MARK: rows, ordinals and ids

    /// The ordinal of a row, less the segment's first ordinal.
    func ordinalOffset(ofRow row: UInt32) throws(SegmentError) -> UInt32 {
        guard storesOrdinals else { return row }
        try reader.ensureIntact(.ordinals, 4 * Int(row)..<4 * Int(row) + 4)
        let reader = reader
        let offset = Span<UInt32>(_bytes: reader.bytes(of: .ordinals))[Int(row)]
        guard Int(offset) < reader.header.ordinalSpan else {
            throw SegmentError(
                .damaged, file: reader.file, section: "ordinals",
                "holds ordinal \(offset) of \(reader.header.ordinalSpan)")
        }
        return offset
    }

    func ordinal(atOffset offset: UInt32) -> UInt64 { reader.header.firstOrdinal + UInt64(offset) }

    /// The row of an ordinal; `nil` where there is none.
    func row(ofOrdinal ordinal: UInt64) throws(SegmentError) -> UInt32? {
        let (offset, below) = ordinal.subtractingReportingOverflow(reader.header.firstOrdinal)
        guard !below, offset < UInt64(reader.header.ordinalSpan) else { return nil }
        guard storesOrdinals else { return UInt32(offset) }
        try reader.ensureIntact(.rowsByOrdinal, 4 * Int(offset)..<4 * Int(offset) + 4)
        let reader = reader
        let row = Span<UInt32>(_bytes: reader.bytes(of: .rowsByOrdinal))[Int(offset)]
        if row == .max { return nil }
        guard Int(row) < rowCount else {
            throw SegmentError(
                .damaged, file: reader.file, section: "rows-by-ordinal", "holds row \(row) of \(rowCount)")
        }
        return row
    }

    /// The mapped copy of the id of an ordinal that the segment has.
    func mappedID(ofOrdinal ordinal: UInt64) throws(SegmentError) -> String {
        try mappedID(atOffset: UInt32(ordinal - reader.header.firstOrdinal))
    }

    /// The mapped copy of an id.
    func mappedID(atOffset offset: UInt32) throws(SegmentError) -> String {
        try reader.ensureIntact(.idOffsets, 8 * Int(offset)..<8 * Int(offset) + 16)
        let reader = reader
        let offsets = Span<UInt64>(_bytes: reader.bytes(of: .idOffsets))
        let ids = reader.bytes(of: .ids)
        guard let start = Int(exactly: offsets[Int(offset)]), let end = Int(exactly: offsets[Int(offset) + 1]),
            start <= end, end <= ids.byteCount
        else {
            throw SegmentError(.damaged, file: reader.file, section: "id-offsets", "does not increase at \(offset)")
        }
        try reader.ensureIntact(.ids, start..<end)
        guard let id = String(validating: ids.extracting(start..<end).array, as: UTF8.self) else {
            throw SegmentError(
                .damaged, file: reader.file, section: "ids", "holds an id that is not UTF-8 at byte \(start)")
        }
        return id
    }
}
