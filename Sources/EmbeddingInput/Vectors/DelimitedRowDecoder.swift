import FileSystem

/// Reads `.tsv` and `.csv` files of numbers, of which one column may hold ids.
final class DelimitedRowDecoder: RowDecoder {
    let dimensions: Int
    /// Whether a column holds ids.
    var hasIDs: Bool { columns.idColumn != nil }

    private let columns: DelimitedColumns
    private let lines: LineReader
    private let records: DelimitedRecordReader
    private let isCSV: Bool
    private let separator: UInt8
    private var headerIsPending: Bool

    init(
        _ file: InputFile, dialect: DelimitedRecordReader.Dialect, layout: TextLayout
    ) throws(InputError) {
        isCSV = dialect == .csv
        separator = isCSV ? UInt8(ascii: ",") : UInt8(ascii: "\t")
        records = DelimitedRecordReader(file, dialect: dialect)
        lines = records.lines
        guard try records.nextBeforeBlankEnd(row: 0) else {
            throw InputError(.empty, file: file.name, "has no lines; expected numbers")
        }
        columns = try DelimitedColumns(firstRecordOf: records, layout: layout)
        dimensions = columns.dimensions
        headerIsPending = columns.isHeader
        records.rewind()
    }

    func decode(
        into floats: inout MutableSpan<Float>, at start: Int, rowCount: Int, batch: inout RowBatch
    ) throws(InputError) -> Int {
        if headerIsPending {
            // Not by lines: a header may quote a line end.
            _ = try records.next()
            headerIsPending = false
        }
        var rows = 0
        while rows < rowCount,
            let line = try lines.nextBeforeBlankEnd(row: batch.firstOrdinal + batch.rowCount + rows)
        {
            let target = start + rows * dimensions
            if isCSV, lines.buffer[line].contains(UInt8(ascii: "\"")) {
                try decodeQuoted(line, into: &floats, at: target, row: rows, batch: &batch)
            } else {
                try decodeLine(line, into: &floats, at: target, row: rows, batch: &batch)
            }
            rows += 1
        }
        return rows
    }

    /// A line without quotes: from the text straight into the caller's memory.
    private func decodeLine(
        _ line: Range<Int>, into floats: inout MutableSpan<Float>, at start: Int, row: Int, batch: inout RowBatch
    ) throws(InputError) {
        let buffer = lines.buffer
        let bytes = buffer.span
        let ordinal = batch.firstOrdinal + batch.rowCount + row
        var position = line.lowerBound
        var (column, numbers) = (0, 0)
        while true {
            if column == columns.idColumn {
                let fieldStart = position
                while position < line.upperBound, bytes[position] != separator { position += 1 }
                batch.ids.append(try id(buffer[fieldStart..<position], line: lines.lineNumber, row: ordinal))
            } else {
                let fieldStart = position
                let number = scanField(bytes, &position, end: line.upperBound)
                guard let number, position == line.upperBound || bytes[position] == separator else {
                    let rest = buffer[fieldStart..<line.upperBound]
                    throw notANumber(rest.prefix { $0 != separator }, column, line: lines.lineNumber, row: ordinal)
                }
                if numbers < dimensions { floats[start + numbers] = number.value }
                if number.overflows { batch.noteOverflow(row: batch.rowCount + row) }
                numbers += 1
            }
            column += 1
            if position == line.upperBound { break }
            position += 1
        }
        try check(columnCount: column, line: lines.lineNumber, row: ordinal)
    }

    /// A line of `.csv` with quotes in it, and the lines to which they reach.
    private func decodeQuoted(
        _ line: Range<Int>, into floats: inout MutableSpan<Float>, at start: Int, row: Int, batch: inout RowBatch
    ) throws(InputError) {
        let ordinal = batch.firstOrdinal + batch.rowCount + row
        try records.parse(line)
        try check(columnCount: records.fields.count, line: records.firstLine, row: ordinal)
        var numbers = 0
        for (column, field) in records.fields.enumerated() {
            let bytes = records.bytes
            if column == columns.idColumn {
                batch.ids.append(try id(bytes[field], line: records.firstLine, row: ordinal))
                continue
            }
            var position = field.lowerBound
            let number = scanField(bytes.span, &position, end: field.upperBound)
            guard let number, position == field.upperBound else {
                throw notANumber(bytes[field], column, line: records.firstLine, row: ordinal)
            }
            floats[start + numbers] = number.value
            if number.overflows { batch.noteOverflow(row: batch.rowCount + row) }
            numbers += 1
        }
    }

    private func scanField(_ bytes: Span<UInt8>, _ position: inout Int, end: Int) -> DecimalNumber? {
        skipSpaces(bytes, &position, end: end)
        let number = scanNumber(bytes, &position, end: end, grammar: .plain)
        skipSpaces(bytes, &position, end: end)
        return number
    }

    private func id(_ field: ArraySlice<UInt8>, line: Int, row: Int) throws(InputError) -> String {
        try checkedID(field, in: lines.file.name, line: line, row: row)
    }

    private func check(columnCount found: Int, line: Int, row: Int) throws(InputError) {
        guard found == columns.count else {
            throw InputError(
                .mismatch, file: lines.file.name, row: row, line: line,
                "has \(grouped(found)) \(hasIDs ? "fields" : "numbers") where \(grouped(columns.count)) are expected, as "
                    + "in the first line")
        }
    }

    private func notANumber(_ field: ArraySlice<UInt8>, _ column: Int, line: Int, row: Int) -> InputError {
        InputError(
            .malformed, file: lines.file.name, row: row, line: line,
            "field \(grouped(column + 1)) is \(quoted(field)), which is not a number; "
                + "fields are separated by \(isCSV ? "commas" : "tabs")")
    }
}

/// An id that stands in a text file of vectors, as it is written.
func checkedID(_ bytes: ArraySlice<UInt8>, in file: String, line: Int, row: Int) throws(InputError) -> String {
    guard let id = String(validating: bytes, as: UTF8.self) else {
        throw InputError(
            .malformed, file: file, row: row, line: line, "has an id that is not valid UTF-8; save the file as UTF-8")
    }
    guard !bytes.contains(0) else {
        throw InputError(.malformed, file: file, row: row, line: line, "has an id that holds a NUL byte; ids are text")
    }
    return id
}

private func skipSpaces(_ bytes: Span<UInt8>, _ position: inout Int, end: Int) {
    while position < end, bytes[position] == UInt8(ascii: " ") { position += 1 }
}
