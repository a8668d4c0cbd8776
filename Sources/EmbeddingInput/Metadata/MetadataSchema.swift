/// The value of one metadata column in one row.
public enum MetadataValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case bool(Bool)
}

/// The typed columns of a table of metadata, in the order in which they first appeared.
///
/// Only scalars are columns; arrays and objects remain in the documents alone.
public struct MetadataSchema: Sendable, Hashable {
    /// The most columns a table may have.
    public static let columnLimit = 1000

    public enum ColumnType: String, Sendable, Hashable, CaseIterable {
        case integer
        case real
        case text
        case bool
    }

    public struct Column: Sendable, Hashable {
        /// The key of the JSON objects, or the name in the header line. Never twice in a schema, byte by byte.
        public let name: String
        public let type: ColumnType

        public init(name: String, type: ColumnType) {
            self.name = name
            self.type = type
        }

        public static func == (left: Column, right: Column) -> Bool {
            left.type == right.type && left.name.utf8.elementsEqual(right.name.utf8)
        }

        public func hash(into hasher: inout Hasher) {
            hasher.combine(ByteString(name))
            hasher.combine(type)
        }
    }

    public let columns: [Column]

    /// The columns' names as they stand in canonical JSON, without quotes.
    let keys: [[UInt8]]
    private let columnsByKey: [[UInt8]: Int]

    public init(columns: [Column]) {
        self.columns = columns
        keys = columns.map { canonicalKey($0.name) }
        columnsByKey = Dictionary(zip(keys, keys.indices)) { first, _ in first }
    }

    /// The columns' values in a document, in the order of `columns`.
    ///
    /// A missing key, an array and an object are `null`. In a text column other scalars are their JSON text. A value
    /// that its column's type cannot hold (none in the input that the schema was inferred from) keeps its own type.
    ///
    /// - Parameter document: a canonical JSON object, as the readers return it.
    /// - Complexity: O(bytes of the document).
    public func values(of document: [UInt8]) -> [MetadataValue] {
        let document = JSONDocument(canonical: document)
        var values = [MetadataValue](repeating: .null, count: columns.count)
        var expected = 0
        document.forEachMember(of: document.root) { key, value in
            // Rows nearly always have their keys in one order.
            let column: Int
            if expected < keys.count, keys[expected].elementsEqual(document.bytes[key]) {
                column = expected
            } else if let found = columnsByKey[Array(document.bytes[key])] {
                column = found
            } else {
                return true
            }
            values[column] = self.value(value, of: document, type: columns[column].type)
            expected = column + 1
            return true
        }
        return values
    }

    private func value(_ value: Range<Int>, of document: JSONDocument, type: ColumnType) -> MetadataValue {
        switch document.kind(value) {
        case .null, .array, .object: return .null
        // unreached: a string has a text
        case .string: return .text(document.string(value) ?? "")
        case .bool:
            guard type != .text else { return .text(document.text(value)) }
            return .bool(document.bytes[value.lowerBound] == UInt8(ascii: "t"))
        case .number:
            return numberValue(document.bytes[value], type: type)
        }
    }
}

/// A number's value in a column of `type`.
///
/// - Parameter text: a number as JSON writes it.
func numberValue(_ text: ArraySlice<UInt8>, type: MetadataSchema.ColumnType) -> MetadataValue {
    if type != .text, type != .real, let integer = smallInteger(text) { return .integer(integer) }
    let string = String(decoding: text, as: UTF8.self)
    if type == .text { return .text(string) }
    if type != .real, let integer = Int64(string) { return .integer(integer) }
    guard let real = Double(string), real.isFinite else { return .text(string) }
    return .real(real)
}

/// An integer of up to 18 digits, without the detour through a string.
private func smallInteger(_ text: ArraySlice<UInt8>) -> Int64? {
    let isNegative = text.first == UInt8(ascii: "-")
    let digits = isNegative ? text.dropFirst() : text
    guard !digits.isEmpty, digits.count <= 18 else { return nil }
    var value: Int64 = 0
    for digit in digits {
        guard isDigit(digit) else { return nil }
        value = value * 10 + Int64(digit &- 48)
    }
    return isNegative ? -value : value
}

/// `name` as a key in canonical JSON, without quotes.
func canonicalKey(_ name: String) -> [UInt8] {
    var key: [UInt8] = []
    appendString(Array(name.utf8)[...], to: &key)
    return Array(key.dropFirst().dropLast())
}
