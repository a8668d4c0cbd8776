import FileSystem

/// Reads `.ndjson` rows: `{"id": …, "vector": […], …metadata}`, one object a line.
///
/// Numbers go from the text straight into the caller's memory; the id and the other members are kept beside them.
final class NDJSONRowDecoder: RowDecoder {
    let dimensions: Int
    /// Whether every row has an id; the first row decides.
    let hasIDs: Bool
    private let lines: LineReader

    /// The longest line accepted, in bytes: 16 MiB.
    static let byteLimit = 16 << 20

    init(_ file: InputFile) throws(InputError) {
        lines = LineReader(file, byteLimit: Self.byteLimit)
        guard let first = try lines.nextBeforeBlankEnd(row: 0) else {
            throw InputError(.empty, file: file.name, "has no lines; expected a JSON object on each")
        }
        var line = NDJSONLine(dimensions: nil)
        try line.parse(lines, first, ordinal: 0)
        dimensions = try checkedDimensions(UInt64(line.values.count), file: file.name)
        hasIDs = line.id != nil
        lines.rewind()
    }

    func decode(
        into floats: inout MutableSpan<Float>, at start: Int, rowCount: Int, batch: inout RowBatch
    ) throws(InputError) -> Int {
        var rows = 0
        var line = NDJSONLine(dimensions: dimensions)
        while rows < rowCount,
            let range = try lines.nextBeforeBlankEnd(row: batch.firstOrdinal + batch.rowCount + rows)
        {
            let ordinal = batch.firstOrdinal + batch.rowCount + rows
            try line.parse(lines, range, ordinal: ordinal)
            let target = start + rows * dimensions
            for index in 0..<dimensions { floats[target + index] = line.values[index] }
            if line.overflows { batch.noteOverflow(row: batch.rowCount + rows) }
            guard (line.id != nil) == hasIDs else {
                throw lines.error(
                    .mismatch, row: ordinal,
                    hasIDs
                        ? "has no \"id\", but the first row has one; give every row an id, or none"
                        : "has an \"id\", but the first row has none; give every row an id, or none")
            }
            if let id = line.id { batch.ids.append(id) }
            batch.documents.append(line.document)
            rows += 1
        }
        return rows
    }
}

/// One line, taken apart.
private struct NDJSONLine {
    /// `nil` while the first line decides.
    let dimensions: Int?
    private(set) var values: [Float] = []
    private(set) var overflows = false
    private(set) var id: String?
    /// The object without `id` and `vector`, in canonical form.
    private(set) var document: [UInt8] = []

    init(dimensions: Int?) {
        self.dimensions = dimensions
    }

    mutating func parse(_ lines: LineReader, _ range: Range<Int>, ordinal: Int) throws(InputError) {
        values.removeAll(keepingCapacity: true)
        overflows = false
        id = nil
        document = []
        let hasVector: Bool
        do throws(JSONFailure) {
            var scanner = try JSONScanner(lines.buffer, range)
            hasVector = try parseObject(&scanner)
        } catch {
            throw lines.error(
                .malformed, row: ordinal, "at byte \(grouped(error.offset - range.lowerBound + 1)): \(error.message)")
        }
        guard hasVector else {
            throw lines.error(.malformed, row: ordinal, "has no \"vector\"; every row needs {\"vector\": [numbers]}")
        }
        if let dimensions, values.count != dimensions {
            throw lines.error(
                .mismatch, row: ordinal,
                "has a vector of \(grouped(values.count)) numbers where the first row has \(grouped(dimensions))")
        }
    }

    /// - Returns: whether a vector was there.
    private mutating func parseObject(_ scanner: inout JSONScanner) throws(JSONFailure) -> Bool {
        var keys = JSONKeys()
        var hasVector = false
        try scanner.expect(UInt8(ascii: "{"), "to begin a row")
        document.append(UInt8(ascii: "{"))
        if !scanner.skip(UInt8(ascii: "}")) {
            repeat {
                let memberStart = document.count
                if memberStart > 1 { document.append(UInt8(ascii: ",")) }
                let key = try scanner.copyKey(to: &document, keys: &keys)
                if document[key].elementsEqual("vector".utf8) {
                    document.removeLast(document.count - memberStart)
                    try parseVector(&scanner)
                    hasVector = true
                } else if document[key].elementsEqual("id".utf8) {
                    document.removeLast(document.count - memberStart)
                    try parseID(&scanner)
                } else {
                    document.append(UInt8(ascii: ":"))
                    try scanner.copyValue(to: &document, depth: 2)
                }
            } while scanner.skip(UInt8(ascii: ","))
            try scanner.expect(UInt8(ascii: "}"), "or ',' behind a member of an object")
        }
        document.append(UInt8(ascii: "}"))
        try scanner.expectEnd()
        return hasVector
    }

    private mutating func parseVector(_ scanner: inout JSONScanner) throws(JSONFailure) {
        try scanner.expect(UInt8(ascii: "["), "to begin a vector")
        if scanner.skip(UInt8(ascii: "]")) { return }
        repeat {
            guard scanner.peek() != UInt8(ascii: "n") else {
                throw scanner.failure("a vector holds numbers alone, found \(scanner.found); correct or remove the row")
            }
            guard scanner.peek() != UInt8(ascii: "\"") else {
                throw scanner.failure(
                    "expected a number, found the string \(scanner.found); write the numbers of a vector without quotes"
                )
            }
            let number = try scanner.number(insteadOfNaN: "a vector holds numbers alone: correct or remove the row")
            values.append(number.value)
            overflows = overflows || number.overflows
        } while scanner.skip(UInt8(ascii: ","))
        try scanner.expect(UInt8(ascii: "]"), "or ',' behind a number of a vector")
    }

    /// A string as it is, or an integer in decimal.
    private mutating func parseID(_ scanner: inout JSONScanner) throws(JSONFailure) {
        var text: [UInt8] = []
        let start: Int
        switch scanner.peek() {
        case UInt8(ascii: "\""):
            start = scanner.position
            try scanner.copyString(to: &text)
            let value = JSONDocument(canonical: text)
            id = value.string(value.root)
        case let byte? where byte == UInt8(ascii: "-") || isDigit(byte):
            start = scanner.position
            try scanner.copyNumber(to: &text, insteadOfNaN: "an id is a string or an integer")
            if text.allSatisfy({ isDigit($0) || $0 == UInt8(ascii: "-") }) {
                id = String(decoding: text, as: UTF8.self)
            }
        default:
            start = scanner.position
        }
        guard let id else { throw JSONFailure(message: "an id must be a string or an integer", offset: start) }
        guard !id.utf8.contains(0) else { throw JSONFailure(message: "an id holds a NUL character", offset: start) }
    }
}
