/// Reads `.tsv` and `.csv` files of numbers; a first line without any number is a header.
final class DelimitedRowDecoder: RowDecoder {
    let dimensions: Int
    private let lines: LineReader
    private let separator: UInt8
    private var pendingHeader: Bool

    /// The longest line accepted, in bytes: 16 MiB, some 250 characters for each of 65,535 numbers.
    private static let byteLimit = 16 << 20

    init(_ file: InputFile, dialect: DelimitedRecordReader.Dialect) throws(InputError) {
        separator = dialect == .tsv ? UInt8(ascii: "\t") : UInt8(ascii: ",")
        lines = LineReader(file, byteLimit: Self.byteLimit)

        // Not by commas alone: a header may quote one.
        let records = DelimitedRecordReader(file, dialect: dialect)
        guard try records.next() else { throw InputError(.empty, file: file.name, "has no lines; expected numbers") }
        dimensions = try checkedDimensions(UInt64(records.fields.count), file: file.name)
        let numbers = records.fields.count(where: { isNumber(records.bytes, $0) })
        guard numbers == 0 || numbers == dimensions else {
            // unreached: one field is no number, or all would be
            let wrong = records.fields.firstIndex { !isNumber(records.bytes, $0) } ?? 0
            throw records.error(
                .malformed,
                "is neither a row of numbers nor a header: field \(grouped(wrong + 1)) is "
                    + "\(quoted(records.bytes[records.fields[wrong]])), but \(grouped(numbers)) of "
                    + "\(grouped(dimensions)) fields are numbers; keep ids and metadata in files of their own")
        }
        pendingHeader = numbers == 0
        headerLineCount = numbers == 0 ? records.lines.lineNumber : 0
    }

    /// Lines that the header takes; more than one when it quotes a line end.
    private let headerLineCount: Int

    func decode(
        into floats: inout MutableSpan<Float>, at start: Int, rowCount: Int, batch: inout RowBatch
    ) throws(InputError) -> Int {
        if pendingHeader {
            for _ in 0..<headerLineCount { _ = try lines.next() }
            pendingHeader = false
        }
        var rows = 0
        while rows < rowCount, let line = try lines.next() {
            try decodeLine(line, into: &floats, at: start + rows * dimensions, row: rows, batch: &batch)
            rows += 1
        }
        return rows
    }

    private func decodeLine(
        _ line: Range<Int>, into floats: inout MutableSpan<Float>, at start: Int, row: Int, batch: inout RowBatch
    ) throws(InputError) {
        let buffer = lines.buffer
        let bytes = buffer.span
        let ordinal = batch.firstOrdinal + batch.rowCount + row
        var position = line.lowerBound
        var column = 0
        while true {
            let fieldStart = position
            skipSpaces(bytes, &position, end: line.upperBound)
            let number = scanNumber(bytes, &position, end: line.upperBound, grammar: .plain)
            skipSpaces(bytes, &position, end: line.upperBound)
            guard let number, position == line.upperBound || bytes[position] == separator else {
                let rest = buffer[fieldStart..<line.upperBound]
                let field = rest.prefix { $0 != separator }
                throw lines.error(
                    .malformed, row: ordinal,
                    "field \(grouped(column + 1)) is \(quoted(field)), which is not a number; "
                        + "fields are separated by \(separator == UInt8(ascii: ",") ? "commas" : "tabs")")
            }
            if column < dimensions { floats[start + column] = number.value }
            if number.overflows { batch.noteOverflow(row: batch.rowCount + row) }
            column += 1
            if position == line.upperBound { break }
            position += 1
        }
        guard column == dimensions else {
            throw lines.error(
                .mismatch, row: ordinal,
                "has \(grouped(column)) numbers where \(grouped(dimensions)) are expected, as in the first line")
        }
    }
}

/// Whether a whole field is a number; spaces around it do not count.
private func isNumber(_ bytes: [UInt8], _ field: Range<Int>) -> Bool {
    let span = bytes.span
    var position = field.lowerBound
    skipSpaces(span, &position, end: field.upperBound)
    guard scanNumber(span, &position, end: field.upperBound, grammar: .plain) != nil else { return false }
    skipSpaces(span, &position, end: field.upperBound)
    return position == field.upperBound
}

private func skipSpaces(_ bytes: Span<UInt8>, _ position: inout Int, end: Int) {
    while position < end, bytes[position] == UInt8(ascii: " ") { position += 1 }
}
