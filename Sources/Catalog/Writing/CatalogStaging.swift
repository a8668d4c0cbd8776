import FileSystem
import Foundation
import GRDB

/// The rows of a segment that is being written.
///
/// Each call is one or more transactions of at most 100,000 rows, synced when it returns; larger batches are faster. Not
/// for use by several threads at once.
public final class CatalogStaging {
    /// Rows of one transaction at most: more would make readers wait, fewer would make syncs dominate.
    static let transactionRowLimit = 100_000

    public let key: SegmentKey
    public let uuid: SegmentUUID
    public var fileName: String { uuid.segmentFileName }
    /// Staged ids; 0 as long as ids are implicit.
    public internal(set) var idCount: UInt64 = 0
    /// Staged metadata documents; `nil` before ``beginMetadata(_:)``.
    public internal(set) var documentCount: UInt64?
    /// Staged query-side embeddings.
    public internal(set) var queryCount: UInt64 = 0

    let writer: CatalogWriter
    let names: Schema.Segment
    var hasStoredIDs = false
    var idsAreIndexed = false
    var queriesAreIndexed = false
    var columns: [CatalogColumn] = []
    var compressor: LZ4Compressor?
    var queryDimensions: Int?

    var file: CatalogFile { writer.file }

    init(writer: CatalogWriter, key: SegmentKey, uuid: SegmentUUID) {
        self.writer = writer
        self.key = key
        self.uuid = uuid
        names = Schema.Segment(key: key)
    }

    /// Drops everything staged.
    public func discard() throws(CatalogError) {
        try writer.discardStaging(key)
    }

    /// Builds the indexes, and stores what publishing needs.
    func finish() throws(CatalogError) {
        try indexIDs()
        if queryCount > 0, !queriesAreIndexed {
            try writer.write { db in try db.execute(sql: names.createQueriesByID) }
            queriesAreIndexed = true
        }
        if documentCount != nil { try prepareCompressor(sampling: []) }
    }

    /// Why the staged rows cannot be those of a segment with this record.
    func problem(_ record: SegmentRecord, dimensions: Int) -> String? {
        if hasStoredIDs, idCount != record.rowCount {
            return "\(grouped(idCount)) ids are staged for a segment of \(grouped(record.rowCount)) rows"
        }
        if record.rowCount > UInt64(UInt32.max) {
            return "a segment holds at most 2^32 - 1 rows, found \(grouped(record.rowCount))"
        }
        if record.firstOrdinal > UInt64(Int64.max) - record.rowCount {
            return "ordinals end at 2^63 - 1; the segment begins with \(grouped(record.firstOrdinal))"
        }
        if let documentCount, documentCount > record.rowCount {
            return "\(grouped(documentCount)) documents are staged for \(grouped(record.rowCount)) rows"
        }
        if let queryDimensions, queryDimensions != dimensions {
            return "the staged queries have \(queryDimensions) dimensions, the database has \(dimensions)"
        }
        return nil
    }

    func segment(_ record: SegmentRecord, born generation: UInt64) -> CatalogSegment {
        CatalogSegment(
            key: key, uuid: uuid, fileName: fileName, record: record, ids: hasStoredIDs ? .stored : .implicit,
            documentCount: documentCount, queryCount: queryCount, born: generation, died: nil)
    }

    /// Calls `body` with ranges of at most 100,000 that make up 0 ..< `count`.
    func inTransactions(
        of count: Int, _ body: (Database, Range<Int>) throws -> Void
    ) throws(CatalogError) {
        for start in stride(from: 0, to: count, by: Self.transactionRowLimit) {
            let range = start..<min(count, start + Self.transactionRowLimit)
            try writer.write { db in try body(db, range) }
        }
    }

    func checkID(
        _ id: String, ordinal: UInt64? = nil, _ what: @autoclosure () -> String
    ) throws(CatalogError) {
        guard id.utf8.count <= CatalogSnapshot.idByteLimit else {
            throw file.error(
                .invalidArgument, ordinal: ordinal, limit: CatalogSnapshot.idByteLimit,
                "the id of \(what()) has \(grouped(id.utf8.count)) bytes; at most 1 MiB are allowed")
        }
        guard !id.utf8.contains(0) else {
            throw file.error(
                .invalidArgument, ordinal: ordinal, "the id of \(what()) holds a NUL character; remove it")
        }
    }

    func storedOrdinal(_ ordinal: UInt64) throws(CatalogError) -> Int64 {
        guard let value = Int64(exactly: ordinal) else {
            throw file.error(.invalidArgument, "ordinal \(grouped(ordinal)) is above 2^63 - 1")
        }
        return value
    }
}
