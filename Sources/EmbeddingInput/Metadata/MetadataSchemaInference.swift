import FileSystem

/// Finds out, row by row, which columns a table has and of which type they are.
///
/// A column is `integer` when all its values are integers of 64 bits, `real` when all are numbers, `bool` when all are
/// booleans, else `text`; nulls have no say, and a column of nothing else is `text`.
struct MetadataSchemaInference {
    /// The types seen in one column.
    private struct Kinds: OptionSet {
        let rawValue: UInt8
        static let integer = Kinds(rawValue: 1)
        static let real = Kinds(rawValue: 2)
        static let text = Kinds(rawValue: 4)
        static let bool = Kinds(rawValue: 8)

        var type: MetadataSchema.ColumnType {
            switch self {
            case .integer: .integer
            case .real, [.integer, .real]: .real
            case .bool: .bool
            default: .text
            }
        }
    }

    private var keys: [[UInt8]] = []
    private var names: [String] = []
    private var kinds: [Kinds] = []
    private var columnsByKey: [[UInt8]: Int] = [:]

    var schema: MetadataSchema {
        MetadataSchema(columns: zip(names, kinds).map { MetadataSchema.Column(name: $0, type: $1.type) })
    }

    /// Takes a row in.
    ///
    /// - Returns: what is wrong when there are too many columns.
    mutating func observe(_ document: JSONDocument) -> String? {
        var problem: String?
        var expected = 0
        document.forEachMember(of: document.root) { key, value in
            let kind: Kinds
            switch document.kind(value) {
            case .array, .object: return true
            case .null: kind = []
            case .string: kind = .text
            case .bool: kind = .bool
            case .number: kind = Self.kind(ofNumber: document.bytes[value])
            }
            let column: Int
            if expected < keys.count, keys[expected].elementsEqual(document.bytes[key]) {
                column = expected
            } else if let found = columnsByKey[Array(document.bytes[key])] {
                column = found
            } else if keys.count < MetadataSchema.columnLimit {
                column = addColumn(document.unescaped(key))
            } else {
                problem =
                    "brings the \(grouped(MetadataSchema.columnLimit + 1))th key with a scalar value, "
                    + "'\(document.unescaped(key))'; at most \(grouped(MetadataSchema.columnLimit)) columns are "
                    + "supported: put rare keys into a nested object"
                return false
            }
            kinds[column].formUnion(kind)
            expected = column + 1
            return true
        }
        return problem
    }

    /// Adds a column of which no value has been seen.
    mutating func addColumn(_ name: String) -> Int {
        let key = canonicalKey(name)
        columnsByKey[key] = keys.count
        keys.append(key)
        names.append(name)
        kinds.append([])
        return keys.count - 1
    }

    /// Takes a field of a delimited file in: nothing, a number in JSON's spelling, or text.
    mutating func observe(field: ArraySlice<UInt8>, column: Int) {
        guard !field.isEmpty else { return }
        kinds[column].formUnion(isJSONNumber(field) ? Self.kind(ofNumber: field) : .text)
    }

    private static func kind(ofNumber text: ArraySlice<UInt8>) -> Kinds {
        switch numberValue(text, type: .integer) {
        case .integer: .integer
        case .real: .real
        default: .text
        }
    }
}

/// Whether all of `field` is one number in JSON's spelling, so that `007` and `+1` stay text.
func isJSONNumber(_ field: ArraySlice<UInt8>) -> Bool {
    guard let first = field.first, first == UInt8(ascii: "-") || isDigit(first) else { return false }
    let bytes = Array(field)
    var position = 0
    return scanNumber(bytes.span, &position, end: bytes.count, grammar: .json) != nil && position == bytes.count
}
