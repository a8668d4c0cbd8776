import Foundation

/// The metadata of some hits as columns of a table: a column for each key, in the order in which the keys appear.
struct MetadataColumns {
    private(set) var columns: [TableOutput.Column] = []
    /// Whether documents have more keys than there are columns.
    private(set) var leavesOutKeys = false

    private var columnOfKey: [[UInt8]: Int] = [:]
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
            let bytes = Array(key.utf8)
            if columnOfKey[bytes] == nil {
                guard columns.count < Self.columnLimit else {
                    leavesOutKeys = true
                    continue
                }
                columnOfKey[bytes] = columns.count
                columns.append(.left(key))
            }
            if let column = columnOfKey[bytes] { cells[column] = Self.cell(value) }
        }
        rows.append(cells)
    }

    /// For each document a cell for each column; empty where it has no such key.
    var cells: [[String]] { rows.map { row in columns.indices.map { row[$0] ?? "" } } }

    /// A string without its quotes, nothing for null, any other value as its JSON.
    private static func cell(_ json: Substring) -> String {
        let text = json == "null" ? "" : decodedString(json) ?? String(json)
        return text.count <= characterLimit ? text : text.prefix(characterLimit - 1) + "…"
    }
}

/// The members of a JSON object, values as they are written. Text that is no object has none.
///
/// The documents come from the database, where only valid JSON is stored; anything else ends the walk early.
func topLevelMembers(_ document: String) -> [(key: String, value: Substring)] {
    var members: [(key: String, value: Substring)] = []
    let bytes = document.utf8
    var partStart: String.Index?
    var key: String?
    var depth = 0
    var isInString = false
    var isEscaped = false
    for index in bytes.indices {
        let byte = bytes[index]
        if isInString {
            if !isEscaped, byte == UInt8(ascii: "\"") { isInString = false }
            isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
            continue
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            depth += 1
            if depth == 1 { partStart = bytes.index(after: index) }
        case UInt8(ascii: ":") where depth == 1 && key == nil:
            guard let start = partStart, let name = decodedString(document[start..<index]) else { return members }
            key = name
            partStart = bytes.index(after: index)
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"):
            if depth == 1, let start = partStart, let name = key {
                members.append((name, trimmed(document[start..<index])))
                key = nil
                partStart = bytes.index(after: index)
            }
            if byte != UInt8(ascii: ",") { depth -= 1 }
        default: break
        }
    }
    return members
}

private func trimmed(_ text: Substring) -> Substring {
    let front = text.drop(while: \.isWhitespace)
    guard let last = front.lastIndex(where: { !$0.isWhitespace }) else { return front }
    return front[...last]
}

/// What a JSON string says; `nil` for any other JSON.
private func decodedString(_ json: Substring) -> String? {
    let json = trimmed(json)
    guard json.first == "\"", json.count >= 2 else { return nil }
    if !json.utf8.contains(UInt8(ascii: "\\")) { return String(json.dropFirst().dropLast()) }
    return try? JSONDecoder().decode(String.self, from: Data(json.utf8))
}
