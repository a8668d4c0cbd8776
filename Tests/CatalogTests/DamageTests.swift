import Foundation
import GRDB
import TestSupport
import Testing

@testable import Catalog

@Test func `another application, version or file is refused by name`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper("PRAGMA user_version=2")
    #expect(code { _ = try openReader(scratch) } == .unsupportedVersion)
    #expect(code { _ = try CatalogWriter.open(scratch.path, checksum: crc32c) } == .unsupportedVersion)
    try scratch.tamper("PRAGMA application_id=1")
    #expect(code { _ = try openReader(scratch) } == .notADatabase)

    let other = try Scratch()
    #expect(code { _ = try openReader(other) } == .notFound)
    #expect(code { _ = try CatalogWriter.open(other.path, checksum: crc32c) } == .notFound)
    #expect(!FileManager.default.fileExists(atPath: other.path))
    try Data(repeating: 0x41, count: 9000).write(to: URL(fileURLWithPath: other.path))
    #expect(code { _ = try openReader(other) } == .notADatabase)
    #expect(code { _ = try makeWriter(other) } == .alreadyExists)
    try Data().write(to: URL(fileURLWithPath: other.path))
    #expect(code { _ = try openReader(other) } == .notADatabase)
    try FileManager.default.removeItem(atPath: other.path)
    try FileManager.default.createDirectory(atPath: other.path, withIntermediateDirectories: false)
    #expect(code { _ = try openReader(other) } == .notADatabase)
}

@Test(arguments: [
    "CREATE TRIGGER extra AFTER INSERT ON segment BEGIN DELETE FROM setting; END",
    "CREATE VIEW extra AS SELECT 1", "CREATE VIEW candidate_9 AS SELECT 1 AS ordinal, 'x' AS id",
    "CREATE TABLE extra(x)", "CREATE INDEX extra ON segment(uuid)", "CREATE TABLE candidate_0(x)",
    "CREATE TABLE candidate_9(ordinal INTEGER PRIMARY KEY, id)",
    "DROP TABLE staging", "DROP INDEX candidate_1_id", "DROP TABLE candidate_1", "DROP TABLE query_1",
    "DROP TABLE metadata_1", "ALTER TABLE metadata_1 ADD COLUMN extra TEXT", "DELETE FROM metadata_dictionary",
    "DELETE FROM generation", "DELETE FROM metadata_column", "DELETE FROM setting WHERE key = 'metric'",
    "CREATE TABLE candidate_09(x)",
])
func `a schema that is not ours is damage`(sql: String) throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper(sql)
    #expect(code { _ = try openReader(scratch).snapshot().document(ordinal: 0) } == .corrupt)
}

@Test(arguments: [
    ("segment", "born = 9"), ("segment", "row_count = 4294967296"),
    ("segment", "first_ordinal = 9223372036854775807"), ("segment", "file_name = '../segment'"),
    ("segment", "byte_count = -1"), ("segment", "header_crc = -1"), ("segment", "document_count = -1"),
    ("metadata_column", "position = position + 5"),
    ("setting", "value = 'x' WHERE key = 'database_uuid'"), ("setting", "value = '0' WHERE key = 'next_segment_key'"),
    ("setting", "key = 'other' WHERE key = 'next_segment_key'"), ("setting", "value = 'two' WHERE key = 'dimensions'"),
])
func `a value that breaks a rule is damage though its row's checksum is right`(table: String, change: String) throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper("UPDATE \(table) SET \(change)", resealing: table)
    #expect(code { _ = try openReader(scratch).snapshot() } == .corrupt)
}

@Test(arguments: [
    ("segment", "ids = 'other'"), ("metadata_column", "type = 'date'"),
    ("setting", "value = 'manhattan' WHERE key = 'metric'"),
])
func `fault 26: a word that a later version may define is unsupported, not damage`(table: String, change: String) throws
{
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper("UPDATE \(table) SET \(change)", resealing: table)
    #expect(code { _ = try openReader(scratch).snapshot() } == .unsupportedVersion)
}

@Test func `fault 26: a stored number has digits alone`() {
    for text in ["017", "+17", "-17", "", " 17", "17 ", "1_7", "0x11", "١٧", "1e1", "1.0", "00"] {
        #expect(storedNumber(text) as Int? == nil && storedNumber(text) as UInt64? == nil, "\(text)")
    }
    #expect(storedNumber("0") == 0 && storedNumber("17") == 17)
    #expect(storedNumber("9223372036854775807") == Int64.max && storedNumber("9223372036854775808") as Int64? == nil)
    for text in ["nan", "inf", "+0.5", "-0.5", ".5", "1.", "0x1p-1", "01.5", "1e", "1e+", "1.5e-", "1.5 "] {
        #expect(storedNumber(text) as Double? == nil, "\(text)")
    }
    // What Swift writes is read back.
    for number in [0, 1, 0.95, 1e-05, 1e-300, 1e16, 1.7976931348623157e308] {
        #expect(storedNumber("\(number)") == number)
    }
}

@Test func `fault 26: settings with a sign or leading zeros are damage`() throws {
    for (key, value) in [
        ("next_ordinal", "017"), ("dimensions", "+2"), ("next_segment_key", "+3"), ("next_ordinal", "017"),
    ] {
        let scratch = try Scratch()
        try makeSmallDatabase(scratch).close()
        try scratch.tamper("UPDATE setting SET value = '\(value)' WHERE key = '\(key)'", resealing: "setting")
        #expect(code { _ = try openReader(scratch).snapshot() } == .corrupt, "\(key)")
    }
}

@Test func `fault 26: a table of a key that neither a segment nor a staging names is damage`() throws {
    let statement = "CREATE TABLE candidate_9(ordinal INTEGER PRIMARY KEY NOT NULL, id TEXT NOT NULL) STRICT"
    for isStaged in [false, true] {
        let scratch = try Scratch()
        try makeSmallDatabase(scratch).close()
        try scratch.tamper(statement)
        if isStaged {
            let uuid = String(repeating: "ab", count: 16)
            try scratch.tamper("INSERT INTO staging VALUES (9, x'\(uuid)', 'segment-\(uuid).vseg', 'now')")
        }
        #expect(code { _ = try openReader(scratch).snapshot() } == (isStaged ? nil : .corrupt))
    }
}

@Test func `a resealed row that breaks no rule is believed`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper("UPDATE segment SET byte_count = 12288", resealing: "segment")
    #expect(try openReader(scratch).snapshot().segments[0].record.byteCount == 12_288)
}

@Test func `values of another type than their columns' are damage`() throws {
    let file = try CatalogFile(path: "x", checksum: crc32c)
    func reader(_ row: Row) -> RowReader { RowReader(row: row, table: "t", file: file) }
    #expect(code { _ = try reader(["a": "text"]).integer(0) } == .corrupt)
    #expect(code { _ = try reader(["a": 1]).text(0) } == .corrupt)
    #expect(code { _ = try reader(["a": 1]).blob(0) } == .corrupt)
    #expect(code { _ = try reader(["a": -1]).count(0) } == .corrupt)
    #expect(code { _ = try reader(["a": 4_294_967_296]).checksum(0) } == .corrupt)
    #expect(code { try reader(["a": 0.5, "crc": 1]).checkSeal() } == .corrupt)
    // A checksum outside of its range, in a row whose key is missing.
    #expect(code { try reader(["a": nil, "crc": -1]).checkSeal() } == .corrupt)
}

@Test func `statistics that SQLite keeps of a catalog are no damage`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper("ANALYZE")
    #expect(try openReader(scratch).verify() == intact)
}

@Test func `a column's value that its type does not allow is damage`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    try staging.beginMetadata([CatalogColumn(name: "seen", type: .bool)])
    try staging.stageMetadata([CatalogMetadataRow(ordinal: 0, document: [], values: [.bool(true)])])
    _ = try writer.publish(staging, record(1), expecting: 0, replacing: .all)
    try writer.close()
    try scratch.tamper("UPDATE metadata_1 SET seen = 2")
    let snapshot = try openReader(scratch).snapshot()
    #expect(code { _ = try snapshot.metadata(in: snapshot.segments[0], after: nil, limit: 1) } == .corrupt)
}

@Test func `a query that is missing between two others is damage`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper("DELETE FROM query_1 WHERE position = 1")
    let snapshot = try openReader(scratch).snapshot()
    #expect(code { _ = try snapshot.queries(in: snapshot.segments[0], from: 0, limit: 9) } == .corrupt)
}

@Test func `verify finds ids that begin with another ordinal than was published`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper("UPDATE segment SET first_ordinal = 1", resealing: "segment")
    let found = try openReader(scratch).verify()
    #expect(found.damage.count == 1 && found.damage[0].contains("begins with ordinal 0, published was 1"))
}

@Test func `an id that its index does not know is found by SQLite's own check`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    var bytes = try Data(contentsOf: URL(fileURLWithPath: scratch.path))
    // The id stands in its row, and once more in the index.
    let place = try #require(bytes.range(of: Data("Fargo (1996)".utf8), options: .backwards))
    bytes[place.lowerBound] = UInt8(ascii: "G")
    try bytes.write(to: URL(fileURLWithPath: scratch.path))
    #expect(try !openReader(scratch).integrityProblems().isEmpty)
}

@Test func `an entry that its index lists twice is damage`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.changeRoot(of: "candidate_1_id") { page in
        #expect(page[0] == 10, "no leaf of an index")
        // Behind eight bytes two for each entry, where that is: the second becomes the first.
        page.replaceSubrange(10..<12, with: page[8..<10])
    }
    let snapshot = try openReader(scratch).snapshot()
    #expect(code { _ = try snapshot.ordinals(forID: "") } == .corrupt)
    #expect(try snapshot.ordinals(forID: "Fargo (1996)") == [0])
}

/// Who goes on behind the last row of a batch must come to an end.
@Test(arguments: ["candidate_1", "metadata_1"])
func `rows out of order are damage`(table: String) throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.changeRoot(of: table) { page in
        #expect(page[0] == 13, "no leaf of a table")
        // The third row is the first again, and is what its checksum says.
        page.replaceSubrange(12..<14, with: page[8..<10])
    }
    var batches = 0
    let found = try openReader(scratch).verify {
        batches += 1
        return batches > 20
    }
    #expect(found.damage.count == 1 && batches <= 20)
}

@Test func `a changed value in any checked row is damage`() throws {
    let tables: [(table: String, columns: [String])] = [
        ("setting", ["value"]), ("generation", ["created_at"]),
        (
            "segment",
            [
                "byte_count", "row_count", "header_crc", "first_ordinal", "document_count", "query_count", "born",
            ]
        ),
        ("metadata_column", ["name", "sql_name"]), ("metadata_dictionary", ["bytes"]), ("query_1", ["id", "vector"]),
    ]
    for (table, columns) in tables {
        for column in columns + ["crc"] {
            let scratch = try Scratch()
            try makeSmallDatabase(scratch).close()
            let rows: Int = try scratch.query("SELECT count(*) FROM \(table)") ?? 0
            #expect(rows > 0)
            // One bit: of a number, or of the first character or byte.
            let isBytes = ["bytes", "vector"].contains(column)
            let isText = ["value", "created_at", "name", "sql_name", "id"].contains(column)
            let changed =
                isBytes
                ? "CAST(char(unicode(hex(substr(\(column), 1, 1))) % 2 + 64) AS BLOB) || substr(\(column), 2)"
                : isText ? "char(unicode(\(column)) + 1) || substr(\(column), 2)" : "\(column) + 1"
            let value = isBytes ? "CAST(\(changed) AS BLOB)" : changed
            try scratch.tamper("UPDATE \(table) SET \(column) = \(value)")
            #expect(
                code {
                    let reader = try openReader(scratch)
                    let found = try reader.verify()
                    if !found.damage.isEmpty { throw CatalogError(.corrupt, path: "", "") }
                } == .corrupt, "\(table).\(column)")
        }
    }
}

@Test func `every bit of every setting is checked`() throws {
    let scratch = try Scratch()
    try makeWriter(scratch, fullSettings).close()
    let queue = try DatabaseQueue(path: scratch.path)
    let settings = try queue.inDatabase { db in
        try Row.fetchAll(db, sql: "SELECT key, value FROM setting").map { ($0[0] as String, $0[1] as String) }
    }
    #expect(settings.count == 14)
    let reader = try openReader(scratch)
    for (key, value) in settings {
        for bit in 0..<8 * value.utf8.count {
            var bytes = Array(value.utf8)
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            let update = "UPDATE setting SET value = CAST(? AS TEXT) WHERE key = ?"
            try queue.inDatabase { db in try db.execute(sql: update, arguments: [Data(bytes), key]) }
            #expect(code { _ = try reader.snapshot() } == .corrupt, "\(key), bit \(bit)")
        }
        try queue.inDatabase { db in
            try db.execute(sql: "UPDATE setting SET value = ? WHERE key = ?", arguments: [value, key])
        }
        #expect(code { _ = try reader.snapshot() } == nil)
    }
}

@Test func `a damaged document throws, the others are read, and verify names it`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    let blob: Data = try #require(try scratch.query("SELECT document FROM metadata_1 WHERE ordinal = 1"))
    var damaged = blob
    damaged[damaged.count - 1] ^= 1
    try scratch.tamper("UPDATE metadata_1 SET document = ? WHERE ordinal = 1", [damaged])
    let reader = try openReader(scratch)
    let snapshot = try reader.snapshot()
    #expect(try snapshot.document(ordinal: 0) == metadataRow(0, "Fargo", 1996).document)
    #expect(code { _ = try snapshot.document(ordinal: 1) } == .corrupt)
    let found = try reader.verify()
    #expect(found.damage.count == 1 && found.damage[0].contains("ordinal 1"))
    // A document at another candidate's place is damage too.
    try scratch.tamper("UPDATE metadata_1 SET document = (SELECT document FROM metadata_1 WHERE ordinal = 0)")
    #expect(code { _ = try snapshot.document(ordinal: 2) } == .corrupt)
}

@Test func `oversized blobs are refused before they are fetched`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper("UPDATE metadata_1 SET document = zeroblob(17000000) WHERE ordinal = 0")
    try scratch.tamper("UPDATE query_1 SET vector = zeroblob(12)")
    try scratch.tamper("UPDATE candidate_1 SET id = printf('%.*c', 1048577, 'x') WHERE ordinal = 0")
    let snapshot = try openReader(scratch).snapshot()
    #expect(code { _ = try snapshot.document(ordinal: 0) } == .corrupt)
    #expect(code { _ = try snapshot.queryVector(id: "42") } == .corrupt)
    #expect(code { _ = try snapshot.ids(forOrdinals: [0]) } == .corrupt)
    try scratch.tamper("UPDATE metadata_dictionary SET bytes = zeroblob(65537)")
    #expect(code { _ = try openReader(scratch).snapshot().document(ordinal: 1) } == .corrupt)
}

@Test(arguments: ["0000C07F", "000080FF"])
func `fault 19: a stored query with a value that is not finite is damage, whatever its checksum`(bytes: String) throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper(
        "UPDATE query_1 SET vector = CAST(X'\(bytes)' || substr(vector, 5) AS BLOB)", resealing: "query_1")
    let reader = try openReader(scratch)
    let snapshot = try reader.snapshot()
    #expect(code { _ = try snapshot.queryVector(id: "42") } == .corrupt)
    #expect(code { _ = try snapshot.queries(in: snapshot.segments[0], from: 0, limit: 10) } == .corrupt)
    #expect(try reader.verify().damage.contains { $0.contains("not a number") })
}

@Test func `fault 18: a metadata key may combine with the quotation marks that SQL puts around it`() throws {
    for name in ["a\"\u{301}b", "\u{301}", "a\u{600}"] {
        let identifier = Schema.identifier(name)
        let quotes = identifier.utf8.count { $0 == UInt8(ascii: "\"") }
        #expect(quotes == 2 + 2 * name.utf8.count { $0 == UInt8(ascii: "\"") })
    }
}

@Test func `an id that is not UTF-8 is damage`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper("UPDATE candidate_1 SET id = CAST(X'FF41' AS TEXT) WHERE ordinal = 0")
    let snapshot = try openReader(scratch).snapshot()
    #expect(code { _ = try snapshot.ids(forOrdinals: [0]) } == .corrupt)
    #expect(try snapshot.ids(forOrdinals: [1]) == [""])
}

@Test func `rows that are missing or too many are counted by verify`() throws {
    for table in ["candidate_1", "metadata_1", "query_1"] {
        let scratch = try Scratch()
        try makeSmallDatabase(scratch).close()
        #expect(try openReader(scratch).verify() == intact)
        try scratch.tamper("DELETE FROM \(table) WHERE rowid = 2")
        #expect(try openReader(scratch).verify().damage.count == 1, "\(table)")
    }
}

private let intact = CatalogVerification(damage: [], idCount: 3, documentCount: 3, queryCount: 3)

@Test func `leftovers are no damage`() throws {
    let scratch = try Scratch()
    let writer = try makeSmallDatabase(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(2))
    _ = try writer.publish(staging, record(1), expecting: 1, replacing: .all)
    _ = try writer.beginStaging(segmentUUID: segmentUUID(3))
    #expect(try openReader(scratch).verify().damage.isEmpty)
}

@Test func `SQLite's own check finds a damaged page`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    try staging.stageIDs((0..<5000).map { "id \($0)" }, firstOrdinal: 0)
    _ = try writer.publish(staging, record(5000), expecting: 0, replacing: .all)
    try writer.close()
    #expect(try openReader(scratch).integrityProblems().isEmpty)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: scratch.path))
    let last = bytes.count - 4096
    for index in last..<last + 64 { bytes[index] = 0xFF }
    try bytes.write(to: URL(fileURLWithPath: scratch.path))
    // The check lists what it found, or SQLite does not get so far.
    var problems: [String] = []
    let refusal = code { problems = try openReader(scratch).integrityProblems(limit: 5) }
    #expect(refusal == .corrupt || (refusal == nil && !problems.isEmpty))
}
