import Foundation
import GRDB
import FileSystem
import SegmentFile
import VectorKernels

@testable import Catalog

/// Changes to a sound catalog: what the target `catalog` has for input.
///
/// Bytes of an SQLite file in itself would hardly get past SQLite and the checksums of the rows. So the input is a list of
/// edits, each of eight bytes and, where it sets a value, that value:
///
///     0   1   which kind: `cell`, `row`, `schema`, `patch`; odd: the checksums of the rows are put right
///     1   1   which table, or which statement
///     2   1   which row
///     3   1   which column, and from 16 up how the value is to be read
///     4   4   how many bytes the value has (the lowest of them); where a patch goes
struct CatalogEdit {
    enum Kind: UInt8, CaseIterable { case cell, row, schema, patch }

    var kind: Kind
    var seals: Bool
    var table: Int
    var row: Int
    var column: Int
    var type: UInt8
    var place: Int
    var value: [UInt8]

    /// The edits of an input, at most eight.
    static func list(_ input: ArraySlice<UInt8>) -> [CatalogEdit] {
        var edits: [CatalogEdit] = []
        var rest = Array(input)
        while rest.count >= 8, edits.count < 8, let kind = Kind(rawValue: (rest[0] >> 1) % 4) {
            let place = Int(rest.number(at: 4, byteCount: 4))
            let count = min(place & 0x3F, rest.count - 8)
            edits.append(
                CatalogEdit(
                    kind: kind, seals: rest[0] & 1 == 1, table: Int(rest[1]), row: Int(rest[2]),
                    column: Int(rest[3] & 15), type: rest[3] >> 4, place: place, value: Array(rest[8..<8 + count])))
            rest.removeFirst(8 + count)
        }
        return edits
    }

    /// Tables of the template whose rows end in a checksum, then the others.
    static let sealedTables = [
        "setting", "generation", "segment", "metadata_column", "metadata_dictionary", "query_1",
    ]
    static let tables = sealedTables + ["staging", "candidate_1", "metadata_1"]

    private static let statements = [
        "CREATE TABLE extra(a)", "CREATE VIEW setting_2 AS SELECT 1", "CREATE INDEX more ON segment(born)",
        "CREATE TRIGGER t AFTER INSERT ON setting BEGIN SELECT 1; END", "DROP INDEX candidate_1_id",
        "DROP TABLE query_1", "DROP TABLE metadata_1", "ALTER TABLE metadata_1 ADD COLUMN more TEXT",
        "PRAGMA user_version=2", "PRAGMA application_id=7",
        "CREATE TABLE candidate_2(ordinal INTEGER PRIMARY KEY NOT NULL, id TEXT NOT NULL) STRICT",
        "INSERT INTO segment SELECT key + 1, uuid, file_name, byte_count, row_count, header_crc, first_ordinal, ids, "
            + "document_count, query_count, born, died, crc FROM segment",
        "INSERT INTO staging VALUES(7, zeroblob(16), 'segment-00000000000000000000000000000000.vseg', 'now')",
        "INSERT INTO candidate_1 SELECT ordinal + 100, id FROM candidate_1",
        "INSERT INTO query_1 SELECT position + 5, id, vector, crc FROM query_1", "DELETE FROM setting",
    ]

    /// Makes the change through SQLite; a patch is none of these.
    ///
    /// - Parameter columns: of each table, as SQL names them.
    func apply(_ db: Database, columns: [String: [String]]) throws {
        let name = Self.tables[table % Self.tables.count]
        guard let columns = columns[name] else { return }
        switch kind {
        case .cell:
            let cell = columns[column % columns.count]
            let statement = try db.cachedStatement(
                sql: "UPDATE OR REPLACE \(name) SET \(cell) = ? \(Self.chosenRow(name, columns))")
            try statement.execute(arguments: [databaseValue, row])
        case .row:
            let statement = try db.cachedStatement(sql: "DELETE FROM \(name) \(Self.chosenRow(name, columns))")
            try statement.execute(arguments: [row])
        case .schema: try db.execute(sql: Self.statements[table % Self.statements.count])
        case .patch: return
        }
        if seals, Self.sealedTables.contains(name) {
            let crc = "crc32c(\(columns.dropLast().joined(separator: ", ")))"
            try db.cachedStatement(sql: "UPDATE \(name) SET crc = \(crc) WHERE crc IS NOT \(crc)").execute()
        }
    }

    /// The row of a number, by what tells it from all others.
    private static func chosenRow(_ name: String, _ columns: [String]) -> String {
        let key = "\(columns[0]), \(columns[1])"
        return "WHERE (\(key)) IS (SELECT \(key) FROM \(name) LIMIT 1 "
            + "OFFSET ? % max(1, (SELECT count(*) FROM \(name))))"
    }

    private var databaseValue: DatabaseValue {
        var number = value
        number.resize(to: 8)
        switch type % 6 {
        case 0: return Int64(bitPattern: number.number(at: 0, byteCount: 8)).databaseValue
        case 1: return String(Int64(bitPattern: number.number(at: 0, byteCount: 8))).databaseValue
        case 2: return String(decoding: value, as: UTF8.self).databaseValue
        case 3: return Data(value).databaseValue
        case 4: return .null
        default: return Data(repeating: value.first ?? 0, count: Int(number.number(at: 0, byteCount: 2))).databaseValue
        }
    }
}

/// A connection that makes changes to one catalog after the other.
final class CatalogEditor {
    private let connection: DatabaseQueue
    private let columns: [String: [String]]

    /// - Parameter path: of a sound catalog.
    init(path: String, in place: Directory) throws {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        let file = try CatalogFile(in: place) { crc32c($0) }
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF")
            db.add(function: DatabaseFunction("crc32c", pure: true) { Int64(file.checksum(of: $0.map(Field.init))) })
        }
        connection = try DatabaseQueue(path: path, configuration: configuration)
        columns = try connection.inDatabase { db in
            let names = try CatalogEdit.tables.map { name in
                (name, try db.columns(in: name).map { Schema.identifier($0.name) })
            }
            return Dictionary(uniqueKeysWithValues: names)
        }
    }

    /// Makes those changes that SQLite does not refuse.
    func apply(_ edits: [CatalogEdit]) {
        guard edits.contains(where: { $0.kind != .patch }) else { return }
        try? connection.inDatabase { db in
            try db.inTransaction(.immediate) {
                for edit in edits { try? edit.apply(db, columns: columns) }
                return .commit
            }
        }
    }
}

extension Field {
    fileprivate init(_ value: DatabaseValue) {
        switch value.storage {
        case .null, .double: self = .null
        case .int64(let number): self = .integer(number)
        case .string(let text): self = .text(text)
        case .blob(let data): self = .blob([UInt8](data))
        }
    }
}
