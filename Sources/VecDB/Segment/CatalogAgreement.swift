import Catalog
import SegmentFile

/// What a catalog says of its segment must be what the segment says: searches and inspections refuse the same.
extension CatalogSnapshot {
    /// - Throws: `mismatch` unless exactly one segment is live.
    func onlySegment() throws(SegmentError) -> CatalogSegment {
        guard let segment = segments.first, segments.count == 1 else {
            throw SegmentError(
                .mismatch, file: catalogFileName,
                "names \(segments.count) segments in generation \(generation), expected one")
        }
        return segment
    }

    /// What is to be asked of a file before its sections are believed.
    ///
    /// - Parameters:
    ///   - header: of the file named `file`.
    ///   - named: the row that names it.
    /// - Throws: `mismatch` for a file of another database, or another one than the row describes.
    func check(_ header: SegmentHeader, of file: String, namedBy named: CatalogSegment) throws(SegmentError) {
        guard header.databaseUUID == databaseUUID else {
            throw SegmentError(.mismatch, file: file, "belongs to another database (\(header.databaseUUID))")
        }
        guard header.headerCRC == named.record.headerChecksum, UInt64(header.fileByteCount) == named.record.byteCount,
            UInt64(header.rowCount) == named.record.rowCount, header.firstOrdinal == named.record.firstOrdinal
        else { throw SegmentError(.mismatch, file: file, "is not the file that the catalog describes") }
    }

    /// What is to be asked of a segment that could be opened.
    ///
    /// - Throws: `mismatch` for another metric or other dimensions than the settings have.
    func check(_ segment: IndexSegment) throws(SegmentError) {
        guard segment.metric.rawValue == settings.metric, segment.dimensions == settings.dimensions else {
            throw SegmentError(
                .mismatch, file: segment.reader.file, "contradicts the catalog about metric or dimensions")
        }
    }
}
