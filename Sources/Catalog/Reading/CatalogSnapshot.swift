import FileSystem
import Foundation
import GRDB

/// One generation of the catalog.
///
/// Ids, documents and queries are read when asked for. They are those of this generation even when newer ones have been
/// published since; once its segments' rows have been removed as garbage, reads throw `snapshotGone`.
public struct CatalogSnapshot: Sendable {
    let reader: CatalogReader
    public let contents: CatalogContents

    public var generation: UInt64 { contents.generation }
    public var databaseUUID: SegmentUUID { contents.databaseUUID }
    public var settings: CatalogSettings { contents.settings }
    /// The live segments, by key.
    public var segments: [CatalogSegment] { contents.segments }

    var file: CatalogFile { reader.file }

    /// Stored query-side embeddings.
    public var queryCount: UInt64 { segments.reduce(0) { $0 &+ $1.queryCount } }

    /// The metadata columns of a segment; none when it has no metadata.
    public func columns(of segment: CatalogSegment) throws(CatalogError) -> [CatalogColumn] {
        guard segment.documentCount != nil else { return [] }
        return try read { db in
            let columns = try file.columns(of: segment.key, db)
            // None may be right, or all that garbage removal left.
            if columns.isEmpty, try isGone(db) { throw gone }
            return columns
        }
    }

    /// Runs `body`; what is missing now, and was there when the snapshot was taken, is garbage removed since, not damage.
    func read<Result>(_ body: (Database) throws -> Result) throws(CatalogError) -> Result {
        try reader.pool.read { db in
            do {
                return try body(db)
            } catch {
                if try isGone(db) { throw gone }
                throw error
            }
        }
    }

    /// Whether rows of one of the snapshot's segments were removed, which happens only after it was replaced.
    private func isGone(_ db: Database) throws -> Bool {
        guard try file.currentGeneration(db) > generation else { return false }
        let statement = try db.cachedStatement(sql: "SELECT count(*) FROM segment WHERE key = ?")
        return try segments.contains { try Int.fetchOne(statement, arguments: [$0.key.rawValue]) == 0 }
    }

    private var gone: CatalogError {
        file.error(
            .snapshotGone,
            "generation \(grouped(generation)) was replaced and its rows were removed; take a new snapshot")
    }
}

// MARK: - Looking up

extension CatalogSnapshot {
    /// The most bytes of an id.
    public static let idByteLimit = 1 << 20

    /// The id of each ordinal, or `nil` where no live segment has it.
    ///
    /// - Complexity: one look-up in a B-tree for each ordinal.
    public func ids(forOrdinals ordinals: [UInt64]) throws(CatalogError) -> [String?] {
        try read { db in
            var ids = [String?](repeating: nil, count: ordinals.count)
            for segment in segments {
                for (index, ordinal) in ordinals.enumerated() where ids[index] == nil {
                    ids[index] = try id(of: ordinal, in: segment, db)
                }
            }
            return ids
        }
    }

    private func id(of ordinal: UInt64, in segment: CatalogSegment, _ db: Database) throws -> String? {
        if segment.ids == .implicit { return segment.hasImplicit(ordinal) ? String(ordinal) : nil }
        guard let key = Int64(exactly: ordinal) else { return nil }
        let table = Schema.Segment(key: segment.key).candidates
        let statement = try db.cachedStatement(
            sql: "SELECT \(Self.checkedID) FROM \(table) WHERE ordinal = ?")
        guard let row = try Row.fetchOne(statement, arguments: [key]) else { return nil }
        return try checkedID(row, 0, table: table, ordinal: ordinal)
    }

    /// An id as bytes, or NULL when it is not text or too long.
    static let checkedID = "CASE WHEN typeof(id) = 'text' AND length(id) <= \(idByteLimit) THEN CAST(id AS BLOB) END"

    func checkedID(_ row: Row, _ column: Int, table: String, ordinal: UInt64) throws(CatalogError) -> String {
        guard case .blob(let bytes) = (row[column] as DatabaseValue).storage,
            let id = String(validating: bytes, as: UTF8.self)
        else { throw file.damaged("table '\(table)', row \(grouped(ordinal)): the id is not UTF-8 text") }
        return id
    }

    /// The ordinals of the candidates with each id, ascending; several when the build allowed duplicates. In one read
    /// transaction.
    public func ordinals(forIDs ids: [String]) throws(CatalogError) -> [[UInt64]] {
        var found = [[UInt64]](repeating: [], count: ids.count)
        let places = ids.indices.filter { !ids[$0].utf8.contains(0) && ids[$0].utf8.count <= Self.idByteLimit }
        guard !places.isEmpty else { return found }
        return try read { db in
            for segment in segments {
                if segment.ids == .implicit {
                    for place in places {
                        if let ordinal = UInt64(ids[place]), String(ordinal).utf8.elementsEqual(ids[place].utf8),
                            segment.hasImplicit(ordinal)
                        {
                            found[place].append(ordinal)
                        }
                    }
                    continue
                }
                let table = Schema.Segment(key: segment.key).candidates
                let statement = try db.cachedStatement(
                    sql: "SELECT ordinal FROM \(table) WHERE id = ? ORDER BY ordinal")
                for place in places {
                    let rows = try Row.fetchCursor(statement, arguments: [ids[place]])
                    var last: UInt64?
                    while let row = try rows.next() {
                        let ordinal = try RowReader(row: row, table: table, file: file).ascendingCount(0, after: last)
                        last = ordinal
                        found[place].append(ordinal)
                    }
                }
            }
            return found.map { $0.sorted() }
        }
    }

    /// The metadata document of each ordinal, or `nil` where there is none.
    ///
    /// - Throws: `corrupt` when a document does not match its checksum.
    public func documents(forOrdinals ordinals: [UInt64]) throws(CatalogError) -> [[UInt8]?] {
        try read { db in
            var documents = [[UInt8]?](repeating: nil, count: ordinals.count)
            for segment in segments where segment.documentCount != nil {
                let dictionary = try reader.dictionary(of: segment.key, db)
                let table = Schema.Segment(key: segment.key).metadata
                let statement = try db.cachedStatement(
                    sql: "SELECT \(Self.checkedDocument) FROM \(table) WHERE ordinal = ?")
                for (index, ordinal) in ordinals.enumerated() where documents[index] == nil {
                    guard let key = Int64(exactly: ordinal),
                        let row = try Row.fetchOne(statement, arguments: [key])
                    else { continue }
                    let blob = try RowReader(row: row, table: table, file: file).blob(0)
                    documents[index] = try DocumentPacking.unpack(
                        blob, ordinal: ordinal, dictionary: dictionary, file: file)
                }
            }
            return documents
        }
    }

    /// A document's bytes, or NULL when there are more than any document has.
    static let checkedDocument =
        "CASE WHEN length(document) <= \(DocumentPacking.blobByteLimit) THEN document END AS document"

    /// The stored query-side embedding with this id. Where several have it, the first of the newest segment.
    public func queryVector(id: String) throws(CatalogError) -> [Float]? {
        guard !id.utf8.contains(0), id.utf8.count <= Self.idByteLimit else { return nil }
        return try read { db in
            for segment in segments.reversed() where segment.queryCount > 0 {
                let statement = try db.cachedStatement(
                    sql: "\(selectQueries(of: segment)) WHERE id = ? ORDER BY position LIMIT 1")
                guard let row = try Row.fetchOne(statement, arguments: [id]) else { continue }
                let found = try query(row, of: segment).query
                // SQLite's pages have no checksums: an index may lead to another row.
                // unreached: SQLite takes the id from the index, and so the row's own checksum is wrong already
                guard found.id.utf8.elementsEqual(id.utf8) else {
                    throw file.damaged("the index of stored queries leads from \(quoted(id)) to \(quoted(found.id))")
                }
                return found.vector
            }
            return nil
        }
    }

    func selectQueries(of segment: CatalogSegment) -> String {
        "SELECT position, id, CASE WHEN length(vector) = \(4 * settings.dimensions) THEN vector END AS vector, crc "
            + "FROM \(Schema.Segment(key: segment.key).queries)"
    }

    func query(_ row: Row, of segment: CatalogSegment) throws -> (position: UInt64, query: CatalogQuery) {
        let reader = RowReader(row: row, table: Schema.Segment(key: segment.key).queries, file: file)
        let bytes = try reader.blob(2)
        try reader.checkSeal()
        let (position, vector) = (try reader.count(0), VectorBytes.decode(bytes))
        guard vector.allSatisfy(\.isFinite) else {
            throw file.damaged("stored query \(grouped(position)) holds a value that is infinite or not a number")
        }
        return (position, CatalogQuery(id: try reader.text(1), vector: vector))
    }
}

extension CatalogSegment {
    /// Whether `ordinal` is one of a segment whose ids are implicit.
    func hasImplicit(_ ordinal: UInt64) -> Bool {
        ordinal >= record.firstOrdinal && ordinal - record.firstOrdinal < record.rowCount
    }
}
