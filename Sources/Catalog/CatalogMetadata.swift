/// The type of a metadata column.
public enum CatalogColumnType: String, Sendable, CaseIterable {
    case integer
    case real
    case text
    case bool

    /// The column's type in SQL.
    var sql: String {
        switch self {
        case .integer, .bool: "INTEGER"
        case .real: "REAL"
        case .text: "TEXT"
        }
    }
}

/// A typed column of a segment's metadata.
public struct CatalogColumn: Sendable, Equatable {
    /// The most columns a segment may have.
    public static let limit = 1000

    /// The user's name for it.
    public let name: String
    public let type: CatalogColumnType
    /// Its name in SQL: `name` itself where SQL can use that. Assigned by ``CatalogStaging/beginMetadata(_:)``.
    public let sqlName: String

    public init(name: String, type: CatalogColumnType) {
        self.init(name: name, type: type, sqlName: name)
    }

    init(name: String, type: CatalogColumnType, sqlName: String) {
        self.name = name
        self.type = type
        self.sqlName = sqlName
    }

    /// By the bytes of the names.
    public static func == (left: CatalogColumn, right: CatalogColumn) -> Bool {
        left.type == right.type && left.name.utf8.elementsEqual(right.name.utf8)
            && left.sqlName.utf8.elementsEqual(right.sqlName.utf8)
    }
}

/// The value of a metadata column.
public enum CatalogValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case bool(Bool)
}

/// A candidate's metadata.
public struct CatalogMetadataRow: Sendable, Equatable {
    /// The most bytes of a document.
    public static let documentByteLimit = 16 << 20

    public let ordinal: UInt64
    /// The whole document, one JSON object; at most 16 MiB.
    public let document: [UInt8]
    /// A value for each column, in their order.
    public let values: [CatalogValue]

    public init(ordinal: UInt64, document: [UInt8], values: [CatalogValue]) {
        self.ordinal = ordinal
        self.document = document
        self.values = values
    }
}

/// A query-side embedding.
public struct CatalogQuery: Sendable, Equatable {
    public let id: String
    /// One float for each dimension of the database.
    public let vector: [Float]

    public init(id: String, vector: [Float]) {
        self.id = id
        self.vector = vector
    }

    /// By the bytes of the ids.
    public static func == (left: CatalogQuery, right: CatalogQuery) -> Bool {
        left.id.utf8.elementsEqual(right.id.utf8) && left.vector == right.vector
    }
}

extension CatalogColumn {
    /// Longer names make statements unreadable; the limit is that of other SQL databases.
    static let sqlNameByteLimit = 63

    /// The columns with names that SQL can use.
    ///
    /// A name stays what it is when it is not empty, at most 63 bytes long, none of the table's own names, and no
    /// earlier column has it in another case; SQLite treats ASCII letters of both cases as equal.
    static func withSQLNames(_ columns: [CatalogColumn]) -> [CatalogColumn] {
        var taken: Set<[UInt8]> = Set(["ordinal", "document", "rowid", "oid", "_rowid_"].map { folded($0) })
        var names: [String?] = []
        for column in columns {
            let isUsable = !column.name.isEmpty && column.name.utf8.count <= sqlNameByteLimit
            names.append(isUsable && taken.insert(folded(column.name)).inserted ? column.name : nil)
        }
        return zip(columns, names).enumerated().map { position, pair in
            var name = pair.1 ?? "column_\(position + 1)"
            if pair.1 == nil {
                while !taken.insert(folded(name)).inserted { name += "_" }
            }
            return CatalogColumn(name: pair.0.name, type: pair.0.type, sqlName: name)
        }
    }

    /// Bytes rather than a string: strings compare equal when only their normalisation differs, SQL's names do not.
    private static func folded(_ name: String) -> [UInt8] {
        name.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    }
}
