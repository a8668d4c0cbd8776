import EmbeddingInput
import Foundation

/// The metadata of some hits as columns of a table: a column for each key, in the order in which the keys appear.
struct MetadataColumns {
    private(set) var columns: [TableOutput.Column] = []
    /// Whether documents have more keys than there are columns.
    private(set) var leavesOutKeys = false

    private var columnOfKey: [ByteString: Int] = [:]
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
    mutating func add(_ document: String?) {
        var cells: [Int: String] = [:]
        let members = document.map(topLevelMembers) ?? []
        for (key, value) in members {
            if columnOfKey[key] == nil {
                guard columns.count < Self.columnLimit else {
                    leavesOutKeys = true
                    continue
                }
                columnOfKey[key] = columns.count
                columns.append(.left(key.text))
            }
            if let column = columnOfKey[key] { cells[column] = Self.cell(value) }
        }
        rows.append(cells)
    }

    /// For each document a cell for each column; empty where it has no such key.
    var cells: [[String]] { rows.map { row in columns.indices.map { row[$0] ?? "" } } }

    /// A string without its quotes, nothing for null, any other value as its JSON.
    private static func cell(_ json: ArraySlice<UInt8>) -> String {
        let text = json.elementsEqual("null".utf8) ? "" : (decodedString(json) ?? ByteString(bytes: json)).text
        // What people see is cut where they see an end.
        return text.count <= characterLimit ? text : text.prefix(characterLimit - 1) + "…"
    }
}

/// The members of a JSON object, values as they are written. Text that is no object has none.
///
/// The documents come from the database, where only valid JSON is stored; anything else ends the walk early.
func topLevelMembers(_ document: String) -> [(key: ByteString, value: ArraySlice<UInt8>)] {
    var members: [(key: ByteString, value: ArraySlice<UInt8>)] = []
    let bytes = Array(document.utf8)
    var partStart: Int?
    var key: ByteString?
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
        case UInt8(ascii: ":") where depth == 1 && key == nil:
            guard let start = partStart, let name = decodedString(trimmed(bytes[start..<index])) else { return members }
            key = name
            partStart = index + 1
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"):
            if depth == 1, let start = partStart, let name = key {
                members.append((name, trimmed(bytes[start..<index])))
                key = nil
                partStart = index + 1
            }
            if byte != UInt8(ascii: ",") { depth -= 1 }
        default: break
        }
    }
    return members
}

/// Without the white space that JSON allows around a value.
private func trimmed(_ json: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
    guard let first = json.firstIndex(where: { !isSpace($0) }), let last = json.lastIndex(where: { !isSpace($0) })
    else { return [] }
    return json[first...last]
}

/// What a JSON string says; `nil` for any other JSON.
private func decodedString(_ json: ArraySlice<UInt8>) -> ByteString? {
    guard json.count >= 2, json.first == UInt8(ascii: "\""), json.last == UInt8(ascii: "\"") else { return nil }
    if !json.contains(UInt8(ascii: "\\")) { return ByteString(bytes: json.dropFirst().dropLast()) }
    return (try? JSONDecoder().decode(String.self, from: Data(json))).map { ByteString($0) }
}
