import FileSystem
import Foundation
import GRDB

/// A value of a checked row.
///
/// `Formats/catalog.md`, section 1: a row's checksum covers its values in the order of the columns, one zero byte
/// between each and the next.
enum Field {
    case integer(Int64)
    case text(String)
    case blob([UInt8])
    case null

    var databaseValue: DatabaseValue {
        switch self {
        case .integer(let value): value.databaseValue
        case .text(let value): value.databaseValue
        case .blob(let value): Data(value).databaseValue
        case .null: .null
        }
    }

    func append(to bytes: inout [UInt8]) {
        switch self {
        case .integer(let value): bytes.append(contentsOf: String(value).utf8)
        case .text(let value): bytes.append(contentsOf: value.utf8)
        case .blob(let value): bytes.append(contentsOf: value)
        case .null: break
        }
    }
}

extension CatalogFile {
    func checksum(of fields: [Field]) -> UInt32 {
        var bytes: [UInt8] = []
        for (index, field) in fields.enumerated() {
            if index > 0 { bytes.append(0) }
            field.append(to: &bytes)
        }
        return checksum(of: bytes)
    }

    /// The arguments of an INSERT: the fields, then their checksum.
    func sealed(_ fields: [Field]) -> StatementArguments {
        StatementArguments(fields.map(\.databaseValue) + [Int64(checksum(of: fields)).databaseValue])
    }
}

/// The values of one row, each of which must be of the type asked for.
struct RowReader {
    let row: Row
    let table: String
    let file: CatalogFile

    func integer(_ column: Int) throws(CatalogError) -> Int64 {
        guard case .int64(let value) = storage(column) else { throw wrongType(column, "an integer") }
        return value
    }

    /// An integer that is not negative.
    func count(_ column: Int) throws(CatalogError) -> UInt64 {
        let value = try integer(column)
        guard let count = UInt64(exactly: value) else {
            throw file.damaged("table '\(table)': \(name(column)) is \(value), and must not be negative")
        }
        return count
    }

    /// An integer that is not negative and above the one of the row before.
    ///
    /// SQLite's pages have no checksums: a damaged one may list a row twice, or rows out of order, and who goes on behind the
    /// last one of a batch would then never come to an end.
    func ascendingCount(_ column: Int, after last: UInt64?) throws(CatalogError) -> UInt64 {
        let count = try count(column)
        if let last, last >= count {
            throw file.damaged("table '\(table)': \(name(column)) \(grouped(count)) comes twice or out of order")
        }
        return count
    }

    func optionalCount(_ column: Int) throws(CatalogError) -> UInt64? {
        if case .null = storage(column) { return nil }
        return try count(column)
    }

    func checksum(_ column: Int) throws(CatalogError) -> UInt32 {
        let value = try integer(column)
        guard let checksum = UInt32(exactly: value) else {
            throw file.damaged("table '\(table)': \(name(column)) is \(value), and must be 0 to 2^32 - 1")
        }
        return checksum
    }

    func text(_ column: Int) throws(CatalogError) -> String {
        guard case .string(let value) = storage(column) else { throw wrongType(column, "text") }
        return value
    }

    func blob(_ column: Int) throws(CatalogError) -> [UInt8] {
        guard case .blob(let value) = storage(column) else { throw wrongType(column, "a blob") }
        return [UInt8](value)
    }

    /// Checks that the last column is the checksum of all others.
    func checkSeal() throws(CatalogError) {
        let last = row.count - 1
        var fields: [Field] = []
        for column in 0..<last {
            switch storage(column) {
            case .null: fields.append(.null)
            case .int64(let value): fields.append(.integer(value))
            case .string(let value): fields.append(.text(value))
            case .blob(let value): fields.append(.blob([UInt8](value)))
            case .double: throw wrongType(column, "no real number")
            }
        }
        let computed = file.checksum(of: fields)
        let stored = try integer(last)
        guard stored == Int64(computed) else {
            let found = UInt32(exactly: stored).map { hexadecimal($0) } ?? String(stored)
            throw file.damaged(
                "table '\(table)', row \(label): stored CRC-32C \(found), computed \(hexadecimal(computed))")
        }
    }

    /// What tells the row from others: its first value.
    private var label: String {
        switch storage(0) {
        case .int64(let value): String(value)
        case .string(let value): quoted(value)
        default: "without a key"
        }
    }

    private func storage(_ column: Int) -> DatabaseValue.Storage {
        let value: DatabaseValue = row[column]
        return value.storage
    }

    private func name(_ column: Int) -> String {
        "column '\(Array(row.columnNames)[column])'"
    }

    private func wrongType(_ column: Int, _ expected: String) -> CatalogError {
        file.damaged("table '\(table)', row \(label): \(name(column)) should hold \(expected), and does not")
    }
}
