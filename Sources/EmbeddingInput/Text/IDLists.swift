/// A file of ids that are meant for every query, or for single ones.
///
/// Either one id a line, as in `IDReader`, or lines of `{"query": 0, "ids": ["a", 7]}`, of which blank ones are skipped. The
/// first line that is not blank decides: it is of the second form when it is a JSON object with exactly these two keys, and
/// an id otherwise, whatever it begins with.
///
/// Held in memory. Pipes are kept in a temporary file as `VectorReader` does.
public struct IDLists: Sendable {
    /// Ids for every query.
    public private(set) var everyQuery: [String] = []
    /// Ids for one query, by its number from 0.
    public private(set) var perQuery: [Int: [String]] = [:]

    /// Reads a whole file.
    ///
    /// - Throws: `InputError` with the line for invalid UTF-8, and for one that is not of the form of the first.
    public init(_ path: String, spoolDirectory: String? = nil) throws(InputError) {
        let source = try InputFile.open(path, spoolDirectory: spoolDirectory) { false }
        try ForeignFormat.refuse(source, head: source.prefix(ForeignFormat.headByteCount), ending: nil)
        let lines = LineReader(source, byteLimit: NDJSONRowDecoder.byteLimit)
        var isNDJSON = false
        while let line = try lines.next() {
            guard !Self.isBlank(lines.buffer[line]) else { continue }
            isNDJSON = Self.members(lines.buffer, line) != nil
            break
        }
        lines.rewind()
        var row = 0
        while let line = try lines.next() {
            if !isNDJSON {
                everyQuery.append(
                    try checkedID(lines.buffer[line], in: source.name, line: lines.lineNumber, row: row))
            } else if !Self.isBlank(lines.buffer[line]) {
                let (query, ids) = try Self.entry(lines, line)
                perQuery[query, default: []] += ids
            }
            row += 1
        }
    }

    private static func isBlank(_ line: ArraySlice<UInt8>) -> Bool {
        line.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    }

    /// The values of the two keys; `nil` for any other text.
    private static func members(
        _ buffer: [UInt8], _ line: Range<Int>
    ) -> (document: JSONDocument, query: Range<Int>, ids: Range<Int>)? {
        guard let document = try? JSONDocument(parsing: Array(buffer[line])),
            let query = document.member("query", of: document.root), let ids = document.member("ids", of: document.root)
        else { return nil }
        var count = 0
        document.forEachMember(of: document.root) { _, _ in
            count += 1
            return true
        }
        return count == 2 ? (document, query, ids) : nil
    }

    private static func entry(
        _ lines: LineReader, _ line: Range<Int>
    ) throws(InputError) -> (query: Int, ids: [String]) {
        guard let (document, query, list) = members(lines.buffer, line),
            let number = document.integer(query).flatMap({ Int(exactly: $0) }), number >= 0,
            document.kind(list) == .array
        else {
            throw lines.error(
                .malformed,
                "is not of the form {\"query\":0,\"ids\":[\"…\"]}, as the first line is; every line must be")
        }
        var ids: [String] = []
        var wrong: Range<Int>?
        document.forEachElement(of: list) { value in
            if let id = document.string(value) {
                ids.append(id)
            } else if document.kind(value) == .number,
                document.bytes[value].allSatisfy({ isDigit($0) || $0 == UInt8(ascii: "-") })
            {
                // As a build takes them: for their decimal text.
                ids.append(String(decoding: document.bytes[value], as: UTF8.self))
            } else {
                wrong = value
            }
            return wrong == nil
        }
        if let wrong {
            throw lines.error(
                .malformed, "holds the id \(quoted(document.bytes[wrong])); an id must be a string or an integer")
        }
        return (number, ids)
    }
}
