import FileSystem
import GRDB

/// Reading everything, a batch at a time, so that no transaction stays open while the caller works.
extension CatalogSnapshot {
    /// The next ids of a segment in the order of ordinals.
    ///
    /// - Parameters:
    ///   - ordinal: the last one of the batch before; `nil` begins.
    ///   - limit: at most this many; an empty batch is the end.
    public func ids(
        in segment: CatalogSegment, after ordinal: UInt64?, limit: Int
    ) throws(CatalogError) -> [(ordinal: UInt64, id: String)] {
        if segment.ids == .implicit {
            guard ordinal != UInt64.max else { return [] }
            let start = max(segment.record.firstOrdinal, ordinal.map { $0 + 1 } ?? 0)
            // Ends at 2^63: checked when the segment's row was read.
            let end = segment.record.firstOrdinal + segment.record.rowCount
            return (start..<max(start, end)).prefix(limit).map { ($0, String($0)) }
        }
        let table = Schema.Segment(key: segment.key).candidates
        return try read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT ordinal, \(Self.checkedID) FROM \(table) WHERE ordinal > ? ORDER BY ordinal LIMIT ?")
            let rows = try Row.fetchCursor(statement, arguments: [Self.lowerBound(ordinal), limit])
            var batch: [(ordinal: UInt64, id: String)] = []
            while let row = try rows.next() {
                let ordinal = try RowReader(row: row, table: table, file: file)
                    .ascendingCount(0, after: batch.last?.ordinal ?? ordinal)
                batch.append((ordinal, try checkedID(row, 1, table: table, ordinal: ordinal)))
            }
            return batch
        }
    }

    /// The next metadata rows of a segment in the order of ordinals: documents, verified, and the typed columns.
    ///
    /// - Parameters: as of ``ids(in:after:limit:)``.
    public func metadata(
        in segment: CatalogSegment, after ordinal: UInt64?, limit: Int
    ) throws(CatalogError) -> [CatalogMetadataRow] {
        guard segment.documentCount != nil else { return [] }
        let table = Schema.Segment(key: segment.key).metadata
        return try read { db in
            let columns = try file.columns(of: segment.key, db)
            let dictionary = try reader.dictionary(of: segment.key, db)
            let names = columns.map { ", " + Schema.identifier($0.sqlName) }.joined()
            let statement = try db.cachedStatement(
                sql: "SELECT ordinal, \(Self.checkedDocument)\(names) FROM \(table) "
                    + "WHERE ordinal > ? ORDER BY ordinal LIMIT ?")
            let rows = try Row.fetchCursor(statement, arguments: [Self.lowerBound(ordinal), limit])
            var batch: [CatalogMetadataRow] = []
            while let row = try rows.next() {
                let reader = RowReader(row: row, table: table, file: file)
                let ordinal = try reader.ascendingCount(0, after: batch.last?.ordinal ?? ordinal)
                let document = try DocumentPacking.unpack(
                    try reader.blob(1), ordinal: ordinal, dictionary: dictionary, file: file)
                let values = try columns.indices.map { try value(row, $0 + 2, of: columns[$0], table) }
                batch.append(CatalogMetadataRow(ordinal: ordinal, document: document, values: values))
            }
            return batch
        }
    }

    private func value(
        _ row: Row, _ index: Int, of column: CatalogColumn, _ table: String
    ) throws(CatalogError) -> CatalogValue {
        let value: DatabaseValue = row[index]
        switch (value.storage, column.type) {
        case (.null, _): return .null
        case (.int64(let number), .integer): return .integer(number)
        case (.int64(let number), .bool) where number == 0 || number == 1: return .bool(number == 1)
        case (.double(let number), .real): return .real(number)
        case (.string(let text), .text): return .text(text)
        default:
            throw file.damaged(
                "table '\(table)': column \(quoted(column.sqlName)) holds a value that is not \(column.type.rawValue)")
        }
    }

    /// The next stored query-side embeddings of a segment, by position, verified.
    ///
    /// - Parameter position: the first one wanted; positions count from 0 without holes.
    public func queries(
        in segment: CatalogSegment, from position: UInt64, limit: Int
    ) throws(CatalogError) -> [CatalogQuery] {
        guard segment.queryCount > 0, let first = Int64(exactly: position) else { return [] }
        return try read { db in
            let statement = try db.cachedStatement(
                sql: "\(selectQueries(of: segment)) WHERE position >= ? ORDER BY position LIMIT ?")
            let rows = try Row.fetchCursor(statement, arguments: [first, limit])
            var batch: [CatalogQuery] = []
            while let row = try rows.next() {
                let (found, query) = try query(row, of: segment)
                guard found == position + UInt64(batch.count) else {
                    throw file.damaged(
                        "query \(grouped(position + UInt64(batch.count))) of segment \(segment.key) is missing")
                }
                batch.append(query)
            }
            return batch
        }
    }

    /// What `ordinal > ?` compares with: −1 begins.
    private static func lowerBound(_ ordinal: UInt64?) -> Int64 {
        ordinal.map { Int64(clamping: $0) } ?? -1
    }
}
