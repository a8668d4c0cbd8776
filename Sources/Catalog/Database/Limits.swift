import FileSystem
import GRDB
import GRDBSQLite

// What a catalog holds at most (`Formats/catalog.md`, section 1). SQLite's pages have no checksums and may lead anywhere: an
// interior page whose children all are the same one repeats its rows without end, and each costs whoever reads it.

extension CatalogFile {
    /// Rows of the tables `segment` and `staging`: one is live, and the next writer removes others.
    static let segmentRowLimit = 4_096
    /// Rows of the table `setting`.
    static let settingRowLimit = 1_024
    /// Bytes of a setting's key and value.
    static let settingByteLimit = 65_536
    /// Bytes of the names of a segment's metadata columns together: those of the largest document.
    static let columnNameByteLimit = CatalogMetadataRow.documentByteLimit
    /// Bytes of a statement in the schema: 1,000 columns of the longest names.
    static let statementByteLimit = 1 << 20

    /// Bytes of any value: twice the largest document and more. A damaged page may claim a gigabyte, and lead in a circle
    /// to have it.
    private static let valueByteLimit: Int32 = 64 << 20

    /// Steps that SQLite may take to load a schema and its statistics, some ten for each table and index.
    private static let schemaStepLimit = 500_000
    private static let stepsBetweenCalls = 1_000

    /// Has SQLite load the schema, and the statistics with it, within the steps that those of a catalog take. The first
    /// statement of a connection would do so anyway, without bound.
    ///
    /// - Throws: `DatabaseError` with `SQLITE_INTERRUPT` when that is not enough.
    func loadSchema(_ db: Database) throws {
        // Proof: the connection is open; nothing but numbers goes in and out.
        _ = unsafe sqlite3_limit(db.sqliteConnection, SQLITE_LIMIT_LENGTH, Self.valueByteLimit)
        var calls = 0
        // Proof: `calls` outlives the handler, which is taken away before the pointer ends. SQLite calls it in this thread.
        try unsafe withUnsafeMutablePointer(to: &calls) { calls in
            unsafe sqlite3_progress_handler(
                db.sqliteConnection, Int32(Self.stepsBetweenCalls),
                { calls in
                    guard let calls = unsafe calls?.assumingMemoryBound(to: Int.self) else { return 0 }
                    unsafe calls.pointee += 1
                    return unsafe calls.pointee > CatalogFile.schemaStepLimit / CatalogFile.stepsBetweenCalls ? 1 : 0
                }, calls)
            defer { unsafe sqlite3_progress_handler(db.sqliteConnection, 0, nil, nil) }
            _ = try Row.fetchOne(db, sql: "SELECT 1 FROM sqlite_schema LIMIT 1")
        }
    }
}

/// Checks that rows of a table come in the order of their keys and are not too many, so that reading them ends.
struct RowCounter {
    private let table: String
    private let file: CatalogFile
    private let limit: Int
    private var count = 0
    private var lastNumber: Int64?
    private var lastText: [UInt8]?

    init(_ table: String, _ file: CatalogFile, limit: Int = .max) {
        self.table = table
        self.file = file
        self.limit = limit
    }

    /// To be called for each row of a table whose key is a number.
    mutating func add(key: Int64) throws(CatalogError) {
        if let lastNumber, lastNumber >= key { throw outOfOrder(grouped(key)) }
        lastNumber = key
        try add()
    }

    /// To be called for each row of a table whose key is text, which `BINARY` orders by its bytes.
    mutating func add(key: String) throws(CatalogError) {
        let bytes = Array(key.utf8)
        if let lastText, !lastText.lexicographicallyPrecedes(bytes) { throw outOfOrder(quoted(key)) }
        lastText = bytes
        try add()
    }

    private mutating func add() throws(CatalogError) {
        count += 1
        guard count <= limit else {
            throw file.damaged("table '\(table)' has more than \(grouped(limit)) rows, which no catalog has")
        }
    }

    private func outOfOrder(_ key: String) -> CatalogError {
        file.damaged("table '\(table)': the key \(key) comes twice or out of order")
    }
}
