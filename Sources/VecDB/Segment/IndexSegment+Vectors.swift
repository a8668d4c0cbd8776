import SegmentFile

extension IndexSegment {
    /// The stored vectors of consecutive rows as floats, row-major: what the reorder section gives back.
    func vectors(ofRows rows: Range<Int>) throws(SegmentError) -> [Float] {
        let storage = RowStorage(element: element, dimensions: dimensions)
        let bytes = rows.lowerBound * storage.stride..<rows.upperBound * storage.stride
        try reader.ensureIntact(.reorderVectors, bytes)
        let reader = reader
        return storage.decode(reader.bytes(of: .reorderVectors).extracting(bytes))
    }
}
