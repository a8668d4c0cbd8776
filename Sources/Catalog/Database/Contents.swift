import FileSystem
import GRDB

extension CatalogFile {
    /// When a generation was made: a date, or NULL.
    static let generationTime = bounded("created_at", 64)

    /// The newest generation; one short SELECT.
    func currentGeneration(_ db: Database) throws -> UInt64 {
        let statement = try db.cachedStatement(
            sql: "SELECT number, \(Self.generationTime), crc FROM generation ORDER BY number DESC LIMIT 1")
        guard let row = try Row.fetchOne(statement) else { throw damaged("the table 'generation' is empty") }
        let reader = RowReader(row: row, table: "generation", file: self)
        try reader.checkSeal()
        return try reader.count(0)
    }

    /// Everything small, verified. The caller holds a transaction, so that it belongs together.
    func contents(_ db: Database) throws -> CatalogContents {
        let schema = try checkedSchema(db)
        let generation = try currentGeneration(db)
        let settings = try settingRows(db)
        let segments = try segmentRows(db)
        for segment in segments {
            guard max(segment.born, segment.died ?? 0) <= generation else {
                throw damaged(
                    "segment \(segment.key) was born in generation \(segment.born) or died later than the current "
                        + "generation \(generation)")
            }
        }
        let live = segments.filter { $0.isLive(in: generation) }
        for segment in live { try checkTables(of: segment, in: schema, db) }
        guard let uuid = settings[SettingKey.databaseUUID.rawValue].flatMap({ SegmentUUID(hexadecimal: $0) }) else {
            throw damaged("setting 'database_uuid' is missing or not 32 hexadecimal digits")
        }
        _ = try nextSegmentKey(settings)
        let staged = try stagingRows(db)
        try checkOwners(of: schema, among: segments.map(\.key) + staged.map(\.key))
        return CatalogContents(
            generation: generation, databaseUUID: uuid,
            settings: try CatalogSettings(rows: settings, liveSegments: live.map(\.uuid), file: self),
            segments: live, deadSegments: segments.filter { !$0.isLive(in: generation) }, stagedSegments: staged)
    }

    /// Tables come and go in one transaction with the rows that name their key.
    private func checkOwners(of schema: [String: String], among keys: [SegmentKey]) throws(CatalogError) {
        let keys = Set(keys)
        for name in schema.keys.sorted() {
            guard let owner = Schema.segment(of: name), !keys.contains(owner.key) else { continue }
            throw damaged("there is a table or index '\(name)', and no segment or staging of the key \(owner.key)")
        }
    }

    /// The database's uuid as it is stored; `nil` where there is none.
    func databaseUUID(_ db: Database) throws -> String? {
        try String.fetchOne(
            db.cachedStatement(sql: "SELECT substr(value, 1, 32) FROM setting WHERE key = ?"),
            arguments: [SettingKey.databaseUUID.rawValue])
    }

    /// All settings, each with its checksum verified.
    func settingRows(_ db: Database) throws -> [String: String] {
        var settings: [String: String] = [:]
        var counter = RowCounter("setting", self, limit: Self.settingRowLimit)
        let (key, value) = (Self.bounded("key", Self.settingByteLimit), Self.bounded("value", Self.settingByteLimit))
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: "SELECT \(key), \(value), crc FROM setting ORDER BY setting.key"))
        while let row = try rows.next() {
            let reader = RowReader(row: row, table: "setting", file: self)
            try reader.checkSeal()
            try counter.add(key: try reader.text(0))
            settings[try reader.text(0)] = try reader.text(1)
        }
        return settings
    }

    /// A column as it is, or NULL when it is longer than any of its kind: nothing of it is read then.
    private static func bounded(_ column: String, _ byteLimit: Int) -> String {
        "CASE WHEN length(\(column)) <= \(byteLimit) THEN \(column) END AS \(column)"
    }

    /// Columns that name a segment's file.
    private static let fileColumns = bounded("uuid", 64) + ", " + bounded("file_name", 64)

    func nextSegmentKey(_ settings: [String: String]) throws(CatalogError) -> Int64 {
        let text = settings[SettingKey.nextSegmentKey.rawValue] ?? ""
        guard let key: Int64 = storedNumber(text), key > 0, key < Int64.max else {
            throw damaged("setting 'next_segment_key' is missing or out of range")
        }
        return key
    }

    /// All published segments by key, each with its checksum verified.
    func segmentRows(_ db: Database) throws -> [CatalogSegment] {
        var segments: [CatalogSegment] = []
        let statement = try db.cachedStatement(
            sql:
                "SELECT key, \(Self.fileColumns), byte_count, row_count, header_crc, first_ordinal, \(Self.bounded("ids", 64)), document_count, "
                + "query_count, born, died, crc FROM segment ORDER BY key")
        let rows = try Row.fetchCursor(statement)
        var counter = RowCounter("segment", self, limit: Self.segmentRowLimit)
        while let row = try rows.next() {
            let reader = RowReader(row: row, table: "segment", file: self)
            try reader.checkSeal()
            let key = try reader.integer(0)
            try counter.add(key: key)
            let (uuid, fileName) = try checkedFile(reader, key: key)
            let word = try reader.text(7)
            guard let ids = IDStorage(rawValue: word) else {
                throw unsupported("segment \(key) keeps its ids as \(quoted(word))")
            }
            let record = SegmentRecord(
                byteCount: try reader.count(3), rowCount: try reader.count(4),
                headerChecksum: try reader.checksum(5), firstOrdinal: try reader.count(6))
            guard record.rowCount <= UInt64(UInt32.max) else {
                throw damaged("segment \(key) claims \(grouped(record.rowCount)) rows, more than a segment can hold")
            }
            guard record.firstOrdinal <= UInt64(Int64.max) - record.rowCount else {
                throw damaged("the ordinals of segment \(key) pass 2^63")
            }
            segments.append(
                CatalogSegment(
                    key: SegmentKey(rawValue: key), uuid: uuid, fileName: fileName, record: record, ids: ids,
                    documentCount: try reader.optionalCount(8), queryCount: try reader.count(9),
                    born: try reader.count(10), died: try reader.optionalCount(11)))
        }
        return segments
    }

    func stagingRows(_ db: Database) throws -> [StagedSegment] {
        var segments: [StagedSegment] = []
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: "SELECT key, \(Self.fileColumns) FROM staging ORDER BY key"))
        var counter = RowCounter("staging", self, limit: Self.segmentRowLimit)
        while let row = try rows.next() {
            let reader = RowReader(row: row, table: "staging", file: self)
            let key = try reader.integer(0)
            try counter.add(key: key)
            let (uuid, fileName) = try checkedFile(reader, key: key)
            segments.append(StagedSegment(key: SegmentKey(rawValue: key), uuid: uuid, fileName: fileName))
        }
        return segments
    }

    /// Columns 1 and 2: a uuid and the file name that it makes. So no name of the catalog is ever a path.
    private func checkedFile(_ reader: RowReader, key: Int64) throws(CatalogError) -> (SegmentUUID, String) {
        let uuid = SegmentUUID(bytes: try reader.blob(1))
        let fileName = try reader.text(2)
        guard key > 0, let uuid, fileName.utf8.elementsEqual(uuid.segmentFileName.utf8) else {
            throw damaged(
                "table '\(reader.table)', key \(key): file name \(quoted(fileName)) is not that of its uuid")
        }
        return (uuid, fileName)
    }

    /// Checks that the tables are there which the segment's row announces, and no others of the segment.
    private func checkTables(of segment: CatalogSegment, in schema: [String: String], _ db: Database) throws {
        let names = Schema.Segment(key: segment.key)
        var expected: [String] = []
        if segment.ids == .stored { expected += [names.candidates, names.candidatesByID] }
        if segment.queryCount > 0 { expected += [names.queries, names.queriesByID] }
        for name in expected where schema[name] == nil {
            throw damaged("the table or index '\(name)' of segment \(segment.key) is missing")
        }
        if segment.documentCount != nil { expected.append(names.metadata) }
        for name in names.names where schema[name] != nil && !expected.contains(name) {
            throw damaged("there is a table or index '\(name)', which the row of segment \(segment.key) denies")
        }
        guard segment.documentCount != nil else { return }
        let statement = names.createMetadata(try columns(of: segment.key, db))
        guard let stored = schema[names.metadata], stored.utf8.elementsEqual(statement.utf8) else {
            throw damaged("the table '\(names.metadata)' is missing, or is not what 'metadata_column' says")
        }
    }

    /// The metadata columns of a segment, each with its checksum verified.
    func columns(of key: SegmentKey, _ db: Database) throws -> [CatalogColumn] {
        var columns: [CatalogColumn] = []
        var nameByteCount = 0
        let name = Self.bounded("name", Self.columnNameByteLimit)
        let statement = try db.cachedStatement(
            sql:
                "SELECT segment, position, \(name), \(Self.bounded("sql_name", 256)), \(Self.bounded("type", 64)), crc "
                + "FROM metadata_column WHERE segment = ? ORDER BY position")
        let rows = try Row.fetchCursor(statement, arguments: [key.rawValue])
        while let row = try rows.next() {
            let reader = RowReader(row: row, table: "metadata_column", file: self)
            try reader.checkSeal()
            guard try reader.integer(1) == Int64(columns.count), columns.count < CatalogColumn.limit else {
                throw damaged("table 'metadata_column': the position of a column of segment \(key) is wrong")
            }
            let word = try reader.text(4)
            guard let type = CatalogColumnType(rawValue: word) else {
                throw unsupported("a metadata column of segment \(key) has the type \(quoted(word))")
            }
            columns.append(CatalogColumn(name: try reader.text(2), type: type, sqlName: try reader.text(3)))
            nameByteCount += columns[columns.count - 1].name.utf8.count
            guard nameByteCount <= Self.columnNameByteLimit else {
                throw damaged(
                    "table 'metadata_column': the columns of segment \(key) have names of more than "
                        + "\(grouped(Self.columnNameByteLimit)) bytes, which no catalog has")
            }
        }
        return columns
    }

    /// The dictionary with which a segment's documents are packed.
    func dictionary(of key: SegmentKey, _ db: Database) throws -> [UInt8] {
        let limit = DocumentPacking.dictionaryByteLimit
        let statement = try db.cachedStatement(
            sql: "SELECT segment, CASE WHEN length(bytes) <= \(limit) THEN bytes END, crc "
                + "FROM metadata_dictionary WHERE segment = ?")
        let row = try Row.fetchOne(statement, arguments: [key.rawValue])
        guard let row else { throw damaged("the metadata dictionary of segment \(key) is missing") }
        let reader = RowReader(row: row, table: "metadata_dictionary", file: self)
        let bytes = try reader.blob(1)
        try reader.checkSeal()
        return bytes
    }
}
