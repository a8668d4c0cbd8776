import FileSystem
import GRDB

/// What tells one change of a catalog from all others, and from those of other catalogs: the setting `transaction`
/// (`Formats/catalog.md`, section 2).
///
/// Every transaction begins by giving itself a name. So the first page in its rollback journal is the one of the settings as they
/// were, with the database's uuid and the name of the transaction before it, and a journal shows what it belongs to.
struct TransactionName: Equatable {
    static let digitCount = 16
    private static let none = String(repeating: "0", count: digitCount)

    /// Of the transaction before; zeros where there was none with a name.
    let previous: String
    let current: String

    /// A new name behind `last`.
    init(after last: TransactionName? = nil) {
        let digits = String(UInt64.random(in: 1 ... .max), radix: 16)
        previous = last?.current ?? Self.none
        current = String(repeating: "0", count: Self.digitCount - digits.utf8.count) + digits
    }

    /// - Returns: `nil` unless `text` is 32 lower-case hexadecimal digits.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard SegmentUUID(hexadecimal: text) != nil else { return nil }
        previous = String(decoding: bytes[..<Self.digitCount], as: UTF8.self)
        current = String(decoding: bytes[Self.digitCount...], as: UTF8.self)
    }

    var text: String { previous + current }

    /// Whether a catalog of this name can be in the middle of the transaction that began when it had the name `before`: the page
    /// with the name has been written since, or has not.
    func follows(_ before: TransactionName?) -> Bool {
        self == before || previous == before?.current ?? Self.none
    }
}

extension CatalogFile {
    /// Gives the transaction that has just begun a name.
    func nameTransaction(_ db: Database) throws {
        let last = try String.fetchOne(
            db.cachedStatement(sql: "SELECT value FROM setting WHERE key = ?"),
            arguments: [SettingKey.transaction.rawValue])
        try store([.transaction: TransactionName(after: last.flatMap { TransactionName($0) }).text], db)
    }
}
