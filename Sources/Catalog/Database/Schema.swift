import GRDB

/// The statements that make up a catalog, compared as text when one is opened.
enum Schema {
    /// Tables that every catalog has, by name.
    static let fixed: [String: String] = [
        "setting":
            "CREATE TABLE setting(key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL, crc INTEGER NOT NULL) "
            + "STRICT, WITHOUT ROWID",
        "generation":
            "CREATE TABLE generation(number INTEGER PRIMARY KEY NOT NULL, created_at TEXT NOT NULL, "
            + "crc INTEGER NOT NULL) STRICT",
        "segment":
            "CREATE TABLE segment(key INTEGER PRIMARY KEY NOT NULL, uuid BLOB NOT NULL, file_name TEXT NOT NULL, "
            + "byte_count INTEGER NOT NULL, row_count INTEGER NOT NULL, header_crc INTEGER NOT NULL, "
            + "first_ordinal INTEGER NOT NULL, ids TEXT NOT NULL, document_count INTEGER, "
            + "query_count INTEGER NOT NULL, born INTEGER NOT NULL, died INTEGER, crc INTEGER NOT NULL) STRICT",
        "staging":
            "CREATE TABLE staging(key INTEGER PRIMARY KEY NOT NULL, uuid BLOB NOT NULL, file_name TEXT NOT NULL, "
            + "started_at TEXT NOT NULL) STRICT",
        "metadata_column":
            "CREATE TABLE metadata_column(segment INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, "
            + "sql_name TEXT NOT NULL, type TEXT NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY(segment, position)) "
            + "STRICT, WITHOUT ROWID",
        "metadata_dictionary":
            "CREATE TABLE metadata_dictionary(segment INTEGER PRIMARY KEY NOT NULL, bytes BLOB NOT NULL, "
            + "crc INTEGER NOT NULL) STRICT",
    ]

    /// `name` as SQL writes an identifier that may be anything.
    ///
    /// By scalars: as a `Character` a quotation mark is another one where something combines with it.
    static func identifier(_ name: String) -> String {
        var identifier = "\""
        for scalar in name.unicodeScalars { identifier += scalar == "\"" ? "\"\"" : String(scalar) }
        return identifier + "\""
    }

    /// The tables of one segment.
    struct Segment {
        let key: SegmentKey

        var candidates: String { "candidate_\(key)" }
        var candidatesByID: String { "candidate_\(key)_id" }
        var metadata: String { "metadata_\(key)" }
        var queries: String { "query_\(key)" }
        var queriesByID: String { "query_\(key)_id" }

        var createCandidates: String {
            "CREATE TABLE \(candidates)(ordinal INTEGER PRIMARY KEY NOT NULL, id TEXT NOT NULL) STRICT"
        }
        var createCandidatesByID: String { "CREATE INDEX \(candidatesByID) ON \(candidates)(id)" }
        var createQueries: String {
            "CREATE TABLE \(queries)(position INTEGER PRIMARY KEY NOT NULL, id TEXT NOT NULL, vector BLOB NOT NULL, "
                + "crc INTEGER NOT NULL) STRICT"
        }
        var createQueriesByID: String { "CREATE INDEX \(queriesByID) ON \(queries)(id)" }

        func createMetadata(_ columns: [CatalogColumn]) -> String {
            "CREATE TABLE \(metadata)(ordinal INTEGER PRIMARY KEY NOT NULL, document BLOB NOT NULL"
                + columns.map { ", \(identifier($0.sqlName)) \($0.type.sql)" }.joined() + ") STRICT"
        }

        /// Every name that may belong to the segment, in order.
        var names: [String] { [candidates, candidatesByID, metadata, queries, queriesByID] }

        /// The statement of one of its names, where that follows from the name alone.
        func statement(of name: String) -> String? {
            switch name {
            case candidates: createCandidates
            case candidatesByID: createCandidatesByID
            case queries: createQueries
            case queriesByID: createQueriesByID
            default: nil
            }
        }
    }

    /// Whether an object is what `ANALYZE` leaves. SQLite lets nobody create others whose names begin as its own do, but
    /// believes a file that holds them: a trigger among them would run.
    static func belongsToSQLite(name: String, type: String) -> Bool {
        type == "table" && (name == "sqlite_stat1" || name == "sqlite_stat4")
    }

    /// The segment whose table or index `name` is.
    static func segment(of name: String) -> Segment? {
        let parts = name.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3, let key = Int64(parts[1]), key > 0 else { return nil }
        let segment = Segment(key: SegmentKey(rawValue: key))
        return segment.names.contains(name) ? segment : nil
    }
}

extension CatalogFile {
    /// The tables and indexes there are, by name, after checking that each is one of ours.
    ///
    /// - Throws: `notADatabase`, `unsupportedVersion` or `corrupt`.
    func checkedSchema(_ db: Database) throws -> [String: String] {
        // unreached: a PRAGMA that reads a number always gives a row
        let applicationID = try Int.fetchOne(db.cachedStatement(sql: "PRAGMA application_id")) ?? 0
        guard applicationID == Self.applicationID else {
            throw error(
                .notADatabase,
                "is an SQLite database of another program (application id \(applicationID), expected "
                    + "\(Self.applicationID)); name the directory of a database")
        }
        // unreached: a PRAGMA that reads a number always gives a row
        let version = try Int.fetchOne(db.cachedStatement(sql: "PRAGMA user_version")) ?? 0
        guard version == Self.schemaVersion else {
            throw error(
                .unsupportedVersion,
                "has catalog version \(version), and this vecdb reads version \(Self.schemaVersion); "
                    + "use the vecdb that wrote it, or a newer one")
        }
        var statements: [String: String] = [:]
        var counter = RowCounter("sqlite_schema", self)
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: "SELECT name, type, CASE WHEN length(sql) <= \(Self.statementByteLimit) THEN sql END, rowid "
                    + "FROM sqlite_schema ORDER BY rowid"))
        while let row = try rows.next() {
            let reader = RowReader(row: row, table: "sqlite_schema", file: self)
            try counter.add(key: try reader.integer(3))
            let name = try reader.text(0)
            let type = try reader.text(1)
            if Schema.belongsToSQLite(name: name, type: type) { continue }
            guard type == "table" || type == "index" else {
                throw damaged("holds the \(type) \(quoted(name)), which no catalog has")
            }
            let statement = try reader.text(2)
            let expected: String?
            if let fixed = Schema.fixed[name] {
                expected = fixed
            } else if let segment = Schema.segment(of: name) {
                // The statement of a metadata table follows from its columns: see `checkTables`.
                expected = segment.statement(of: name)
            } else {
                throw damaged("holds the \(type) \(quoted(name)), which no catalog has")
            }
            if let expected, !expected.utf8.elementsEqual(statement.utf8) {
                throw damaged("the \(type) '\(name)' is not defined as catalog version \(version) defines it")
            }
            statements[name] = statement
        }
        for name in Schema.fixed.keys.sorted() where statements[name] == nil {
            throw damaged("the table '\(name)' is missing")
        }
        return statements
    }
}
