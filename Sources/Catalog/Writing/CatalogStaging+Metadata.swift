import FileSystem
import Foundation
import GRDB

extension CatalogStaging {
    /// Begins a table of metadata; to be called once, before ``stageMetadata(_:)``.
    ///
    /// - Returns: the columns with the names that SQL knows them by.
    /// - Throws: `invalidArgument` for more than 1,000 columns, a name twice, or a name with NUL in it.
    @discardableResult
    public func beginMetadata(_ columns: [CatalogColumn]) throws(CatalogError) -> [CatalogColumn] {
        guard documentCount == nil else { throw file.error(.invalidArgument, "metadata was begun already") }
        guard columns.count <= CatalogColumn.limit else {
            throw file.error(
                .invalidArgument, limit: CatalogColumn.limit,
                "metadata has \(grouped(columns.count)) columns; at most \(grouped(CatalogColumn.limit)) are supported")
        }
        let nameByteCount = columns.reduce(0) { $0 + $1.name.utf8.count }
        guard nameByteCount <= CatalogFile.columnNameByteLimit else {
            throw file.error(
                .invalidArgument, limit: CatalogFile.columnNameByteLimit,
                "the names of the metadata columns have \(grouped(nameByteCount)) bytes; at most 16 MiB are supported")
        }
        // Bytes: names that differ only in Unicode normalisation are different names.
        var seen: Set<[UInt8]> = []
        for column in columns {
            guard !column.name.utf8.contains(0) else {
                throw file.error(
                    .invalidArgument, "a metadata column's name holds a NUL character, which SQL cannot name")
            }
            guard seen.insert(Array(column.name.utf8)).inserted else {
                throw file.error(.invalidArgument, "the metadata column \(quoted(column.name)) is there twice")
            }
        }
        let columns = CatalogColumn.withSQLNames(columns)
        try writer.write { db in
            for (position, column) in columns.enumerated() {
                try db.execute(
                    sql: "INSERT INTO metadata_column(segment, position, name, sql_name, type, crc) "
                        + "VALUES (?, ?, ?, ?, ?, ?)",
                    arguments: file.sealed([
                        .integer(key.rawValue), .integer(Int64(position)), .text(column.name),
                        .text(column.sqlName), .text(column.type.rawValue),
                    ]))
            }
            try db.execute(sql: names.createMetadata(columns))
        }
        self.columns = columns
        documentCount = 0
        return columns
    }

    /// Stages metadata rows. The first call's documents make the dictionary: let it have some thousand.
    ///
    /// - Parameter rows: by ascending ordinal, for speed; documents of at most 16 MiB.
    /// - Throws: `invalidArgument` for a row that cannot be stored; earlier transactions of the call stay staged.
    public func stageMetadata(_ rows: [CatalogMetadataRow]) throws(CatalogError) {
        guard documentCount != nil else { throw file.error(.invalidArgument, "metadata was not begun") }
        guard !rows.isEmpty else { return }
        let compressor = try prepareCompressor(sampling: rows)
        let parameters = [String](repeating: "?", count: columns.count + 2).joined(separator: ", ")
        try inTransactions(of: rows.count) { db, range in
            let statement = try db.cachedStatement(sql: "INSERT INTO \(names.metadata) VALUES (\(parameters))")
            var arguments: [DatabaseValue] = []
            for row in rows[range] {
                try check(row)
                arguments.removeAll(keepingCapacity: true)
                arguments.append(try storedOrdinal(row.ordinal).databaseValue)
                let blob = DocumentPacking.pack(
                    row.document, ordinal: row.ordinal, compressor: compressor, file: file)
                arguments.append(Data(blob).databaseValue)
                for (value, column) in zip(row.values, columns) {
                    arguments.append(try databaseValue(value, column, row.ordinal))
                }
                try statement.execute(arguments: StatementArguments(arguments))
            }
        }
        documentCount = documentCount.map { $0 + UInt64(rows.count) }
    }

    /// Bytes of the documents that the dictionary is chosen from.
    private static let sampleByteLimit = 4 << 20

    /// Makes and stores the dictionary at the first call.
    @discardableResult
    func prepareCompressor(sampling rows: [CatalogMetadataRow]) throws(CatalogError) -> LZ4Compressor {
        if let compressor { return compressor }
        var sample: [[UInt8]] = []
        var byteCount = 0
        for row in rows {
            sample.append(row.document)
            byteCount += row.document.count
            if byteCount >= Self.sampleByteLimit { break }
        }
        let dictionary = DocumentPacking.dictionary(sampling: sample)
        try writer.write { db in
            try db.execute(
                sql: "INSERT INTO metadata_dictionary(segment, bytes, crc) VALUES (?, ?, ?)",
                arguments: file.sealed([.integer(key.rawValue), .blob(dictionary)]))
        }
        let compressor = LZ4Compressor(dictionary: dictionary)
        self.compressor = compressor
        return compressor
    }

    private func check(_ row: CatalogMetadataRow) throws(CatalogError) {
        guard row.document.count <= CatalogMetadataRow.documentByteLimit else {
            throw file.error(
                .invalidArgument, ordinal: row.ordinal, limit: CatalogMetadataRow.documentByteLimit,
                "the metadata of ordinal \(grouped(row.ordinal)) has \(grouped(row.document.count)) bytes; at most "
                    + "16 MiB are supported")
        }
        guard row.values.count == columns.count else {
            throw file.error(
                .invalidArgument, ordinal: row.ordinal,
                "the metadata of ordinal \(grouped(row.ordinal)) has \(row.values.count) values for "
                    + "\(columns.count) columns")
        }
    }

    private func databaseValue(
        _ value: CatalogValue, _ column: CatalogColumn, _ ordinal: UInt64
    ) throws(CatalogError) -> DatabaseValue {
        switch (value, column.type) {
        case (.null, _): return .null
        case (.integer(let number), .integer): return number.databaseValue
        case (.integer(let number), .real): return Double(number).databaseValue
        case (.real(let number), .real) where number.isFinite: return number.databaseValue
        case (.bool(let bool), .bool): return (bool ? 1 : 0).databaseValue
        case (.text(let text), .text) where text.utf8.count <= CatalogMetadataRow.documentByteLimit:
            // SQL texts end at NUL in too many places to hold one; the document has it.
            return text.utf8.contains(0) ? .null : text.databaseValue
        default:
            throw file.error(
                .invalidArgument, ordinal: ordinal,
                "the metadata of ordinal \(grouped(ordinal)) has a value that does not fit the "
                    + "\(column.type.rawValue) column \(quoted(column.name))")
        }
    }
}
