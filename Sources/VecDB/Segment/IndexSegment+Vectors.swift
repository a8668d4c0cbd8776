import SegmentFile
import TreeAH

extension IndexSegment {
    /// The stored vectors of consecutive rows as floats, row-major: what the reorder section gives back.
    func vectors(ofRows rows: Range<Int>) throws(SegmentError) -> [Float] {
        let storage = RowStorage(element: element, dimensions: dimensions)
        let bytes = rows.lowerBound * storage.stride..<rows.upperBound * storage.stride
        try reader.ensureIntact(.reorderVectors, bytes)
        let reader = reader
        return storage.decode(reader.bytes(of: .reorderVectors).extracting(bytes))
    }

    func readVectors(
        of rows: Span<UInt32>, to places: Span<Int>, in output: inout MutableSpan<Float>
    ) throws(SegmentError) {
        let reader = reader
        try reader.ensureIntact(.reorderVectors, rows: rows, stride: rowStride)
        RowStorage(element: element, dimensions: dimensions)
            .decode(reader.bytes(of: .reorderVectors), rows: rows, to: places, in: &output)
    }

    /// The vectors of some of a leaf's slots, as ``vectors(ofRows:)`` gives them.
    func vectors(ofSlots slots: Range<Int>, in leaf: Leaf) throws(SegmentError) -> [Float] {
        guard hasSecondAssignments else {
            return try vectors(
                ofRows: leaf.rows.lowerBound + slots.lowerBound..<leaf.rows.lowerBound + slots.upperBound)
        }
        var vectors: [Float] = []
        for row in try rows(ofSlots: slots, in: leaf) { vectors += try self.vectors(ofRows: row..<row + 1) }
        return vectors
    }

    /// The rows of some of a leaf's slots, where they are stored.
    func rows(ofSlots slots: Range<Int>, in leaf: Leaf) throws(SegmentError) -> [Int] {
        let first = 32 * Int(leaf.firstBlock)
        let places = first + slots.lowerBound..<first + slots.upperBound
        try reader.ensureIntact(.slotRows, 4 * places.lowerBound..<4 * places.upperBound)
        let reader = reader
        let slotRows = Span<UInt32>(_bytes: reader.bytes(of: .slotRows))
        var rows: [Int] = []
        for place in places {
            guard Int(slotRows[place]) < rowCount else {
                throw SegmentError(
                    .damaged, file: reader.file, section: SectionKind.slotRows.name,
                    "names row \(slotRows[place]) of \(rowCount)")
            }
            rows.append(Int(slotRows[place]))
        }
        return rows
    }
}
