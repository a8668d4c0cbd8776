import EmbeddingInput
import Foundation

/// The metadata of some hits as columns of a table: a column for each key, in the order in which the keys appear.
struct MetadataColumns {
    private(set) var columns: [TableOutput.Column] = []
    /// Whether documents have more keys than there are columns.
    private(set) var leavesOutKeys = false

    private var columnOfKey: [ByteString: Int] = [:]
    /// Where a key of a column leaves a mark. Once there are all columns, of a document's keys only those that find one are
    /// looked up: there may be very many of them.
    private var marks = [Bool](repeating: false, count: 4096)
    /// For each document its cells, each with its column.
    private var rows: [[Int: String]] = []

    /// More would make a table that nobody can read, and one of a column for each of 60,000 keys takes half a minute.
    static let columnLimit = 64
    /// Cells longer than this end in an ellipsis.
    private static let characterLimit = 48

    init(_ documents: [String?] = []) {
        for document in documents { add(document) }
    }

    /// Adds a document, of which nothing but its cells is kept.
    ///
    /// - Complexity: O(bytes of the document).
    mutating func add(_ document: String?) {
        var cells: [Int: String] = [:]
        let bytes = document.map { Array($0.utf8) } ?? []
        forEachMember(of: bytes) { name, value in
            let isFull = columns.count == Self.columnLimit
            // Escaped keys are rare; their marks are those of what they mean.
            if isFull, bytes[name.lowerBound] == UInt8(ascii: "\""), !bytes[name].contains(UInt8(ascii: "\\")),
                !marks[Self.mark(bytes[name].dropFirst().dropLast())]
            {
                leavesOutKeys = true
                return true
            }
            guard let key = decodedString(bytes[name]) else { return false }
            if columnOfKey[key] == nil {
                guard !isFull else {
                    leavesOutKeys = true
                    return true
                }
                columnOfKey[key] = columns.count
                marks[Self.mark(key.bytes[...])] = true
                columns.append(.left(key.text))
            }
            if let column = columnOfKey[key] { cells[column] = Self.cell(bytes[value]) }
            return true
        }
        rows.append(cells)
    }

    /// A place among `marks`, by the last bytes of a key and how many there are.
    private static func mark(_ key: ArraySlice<UInt8>) -> Int {
        let sum = key.suffix(8).reduce(UInt64(key.count)) { ($0 ^ UInt64($1)) &* 0x0100_0000_01B3 }
        return Int((sum &* 0x9E37_79B9_7F4A_7C15) >> 52)
    }

    /// For each document a cell for each column; empty where it has no such key.
    var cells: [[String]] { rows.map { row in columns.indices.map { row[$0] ?? "" } } }

    /// A string without its quotes, nothing for null, any other value as its JSON.
    private static func cell(_ json: ArraySlice<UInt8>) -> String {
        let start = beginning(of: json)
        let text = json.elementsEqual("null".utf8) ? "" : (decodedString(start) ?? ByteString(bytes: start)).text
        // What people see is cut where they see an end.
        let isWhole = start.count == json.count && text.count <= characterLimit
        return isWhole ? text : text.prefix(characterLimit - 1) + "…"
    }

    /// Bytes of a value that are looked at: a character has several, but a cell's do not have so many.
    private static let byteLimit = 4096

    /// A value, or of a long one the beginning; a string's ends between two characters, in a quote.
    private static func beginning(of json: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard json.count > byteLimit else { return json }
        let start = json.prefix(byteLimit)
        guard start.first == UInt8(ascii: "\"") else { return start }
        // An escape has up to twelve bytes, where it names a pair of surrogates.
        var end = start.startIndex + 1
        var place = end
        while place < start.endIndex - 12 {
            let isEscape = start[place] == UInt8(ascii: "\\")
            let isUnicode = isEscape && start[place + 1] == UInt8(ascii: "u")
            // The second of a pair of surrogates goes with the first.
            let isFirstOfPair =
                isUnicode && start[place + 2] | 0x20 == UInt8(ascii: "d") && "89abAB".utf8.contains(start[place + 3])
            place += isUnicode ? 6 : isEscape ? 2 : 1
            if !isFirstOfPair, start[place] & 0xC0 != 0x80 { end = place }
        }
        return start[..<end] + [UInt8(ascii: "\"")]
    }
}

/// Calls `body` with the places of each key, in its quotes, and of its value in a JSON object, until it returns `false`. Text that
/// is no object has none.
///
/// The documents come from the database, where only valid JSON is stored; anything else ends the walk early.
func forEachMember(of bytes: [UInt8], _ body: (_ name: Range<Int>, _ value: Range<Int>) -> Bool) {
    var partStart: Int?
    var name: Range<Int>?
    var depth = 0
    var isInString = false
    var isEscaped = false
    for (index, byte) in bytes.enumerated() {
        if isInString {
            if !isEscaped, byte == UInt8(ascii: "\"") { isInString = false }
            isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
            continue
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            depth += 1
            if depth == 1 { partStart = index + 1 }
        case UInt8(ascii: ":") where depth == 1 && name == nil:
            guard let start = partStart, case let found = trimmed(bytes, start..<index), !found.isEmpty else { return }
            name = found
            partStart = index + 1
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"):
            if depth == 1, let start = partStart, let found = name {
                guard body(found, trimmed(bytes, start..<index)) else { return }
                name = nil
                partStart = index + 1
            }
            if byte != UInt8(ascii: ",") { depth -= 1 }
        default: break
        }
    }
}

/// Without the white space that JSON allows around a value.
private func trimmed(_ bytes: [UInt8], _ range: Range<Int>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, isSpace(bytes[start]) { start += 1 }
    while start < end, isSpace(bytes[end - 1]) { end -= 1 }
    return start..<end
}

private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

/// What a JSON string says; `nil` for any other JSON.
func decodedString(_ json: ArraySlice<UInt8>) -> ByteString? {
    guard json.count >= 2, json.first == UInt8(ascii: "\""), json.last == UInt8(ascii: "\"") else { return nil }
    if !json.contains(UInt8(ascii: "\\")) { return ByteString(bytes: json.dropFirst().dropLast()) }
    return (try? JSONDecoder().decode(String.self, from: Data(json))).map { ByteString($0) }
}
