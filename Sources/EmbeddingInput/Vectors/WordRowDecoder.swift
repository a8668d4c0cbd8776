import FileSystem

/// Reads the text files of word2vec and GloVe: a word, which is the id, and d numbers a line, separated by spaces.
///
/// A word2vec file begins with a line of two integers, the words and the dimensions; a GloVe file with the first word.
/// Words may hold spaces themselves, as some of GloVe's do: the last d fields are the numbers.
final class WordRowDecoder: RowDecoder {
    let dimensions: Int
    private let lines: LineReader
    /// Words that the first line announces.
    private let announcedCount: Int?
    private var headerIsPending: Bool
    private var rowsRead = 0

    /// - Parameters:
    ///   - layout: says whether the first line is word2vec's, where two integers could also be a word and its number.
    ///   - isNamed: whether the caller named the format; a `.txt` file may be anything.
    init(_ file: InputFile, layout: TextLayout, isNamed: Bool) throws(InputError) {
        lines = LineReader(file, byteLimit: NDJSONRowDecoder.byteLimit)
        guard let first = try lines.nextBeforeBlankEnd(row: 0) else {
            throw InputError(.empty, file: file.name, "has no lines; expected a word and numbers on each")
        }
        let fields = spacedFields(lines.buffer, first)
        let header = announcement(lines.buffer, fields)
        if let header, layout.hasHeader != false {
            announcedCount = header.count
            headerIsPending = true
            dimensions = try checkedDimensions(UInt64(header.dimensions), file: file.name)
        } else {
            guard layout.hasHeader != true else {
                throw lines.error(
                    .malformed, remedy: .textLayout,
                    "is no header of a file of words, which has two integers: the words and the dimensions")
            }
            guard fields.count >= 2 else {
                throw lines.error(
                    .malformed, remedy: .inputFormat,
                    "holds no word and numbers, separated by spaces; if it is in another format, name that: "
                        + VectorFileFormat.allNames)
            }
            guard isNamed || !isNumber(lines.buffer, fields[0]) else {
                throw lines.error(
                    .malformed, remedy: .inputFormat,
                    "begins with the number \(quoted(lines.buffer[fields[0]])), where a word and then numbers are "
                        + "expected; if it is a word, name the format vec, else save the numbers with numpy.save")
            }
            announcedCount = nil
            headerIsPending = false
            // As many fields as are numbers, counted from the end: the word may hold spaces.
            let buffer = lines.buffer
            let numbers = fields.reversed().prefix { isNumber(buffer, $0) }.count
            dimensions = try checkedDimensions(UInt64(min(numbers, fields.count - 1)), file: file.name)
        }
        lines.rewind()
    }

    func decode(
        into floats: inout MutableSpan<Float>, at start: Int, rowCount: Int, batch: inout RowBatch
    ) throws(InputError) -> Int {
        if headerIsPending {
            _ = try lines.next()
            headerIsPending = false
        }
        var rows = 0
        while rows < rowCount {
            let ordinal = batch.firstOrdinal + batch.rowCount + rows
            guard let line = try lines.nextBeforeBlankEnd(row: ordinal) else {
                try checkCount(rowsRead + rows)
                break
            }
            try decodeLine(line, into: &floats, at: start + rows * dimensions, row: rows, batch: &batch)
            rows += 1
        }
        rowsRead += rows
        return rows
    }

    private func decodeLine(
        _ line: Range<Int>, into floats: inout MutableSpan<Float>, at start: Int, row: Int, batch: inout RowBatch
    ) throws(InputError) {
        let ordinal = batch.firstOrdinal + batch.rowCount + row
        let buffer = lines.buffer
        let fields = spacedFields(buffer, line)
        guard fields.count > dimensions else {
            throw lines.error(
                .mismatch, row: ordinal,
                "has \(grouped(fields.count)) fields, where a word and \(grouped(dimensions)) numbers are expected")
        }
        let numbers = fields.suffix(dimensions)
        for (place, field) in numbers.enumerated() {
            var position = field.lowerBound
            let number = scanNumber(buffer.span, &position, end: field.upperBound, grammar: .plain)
            guard let number, position == field.upperBound else {
                throw lines.error(
                    .malformed, row: ordinal,
                    "field \(grouped(fields.count - dimensions + place + 1)) is \(quoted(buffer[field])), where the last "
                        + "\(grouped(dimensions)) fields must be numbers")
            }
            floats[start + place] = number.value
            if number.overflows { batch.noteOverflow(row: batch.rowCount + row) }
        }
        let word = fields[0].lowerBound..<fields[fields.count - dimensions - 1].upperBound
        batch.ids.append(
            try checkedID(buffer[word], in: lines.file.name, line: lines.lineNumber, row: ordinal))
    }

    private func checkCount(_ found: Int) throws(InputError) {
        guard let announcedCount, announcedCount != found else { return }
        throw InputError(
            .mismatch, file: lines.file.name,
            "announces \(grouped(announcedCount)) words in its first line, but has \(grouped(found)); was it written to "
                + "the end?")
    }
}

/// The parts of a line between spaces.
private func spacedFields(_ bytes: [UInt8], _ line: Range<Int>) -> [Range<Int>] {
    var fields: [Range<Int>] = []
    var start: Int?
    for index in line {
        if bytes[index] == UInt8(ascii: " ") {
            if let begun = start { fields.append(begun..<index) }
            start = nil
        } else if start == nil {
            start = index
        }
    }
    if let start { fields.append(start..<line.upperBound) }
    return fields
}

/// What word2vec's first line says.
private func announcement(_ bytes: [UInt8], _ fields: [Range<Int>]) -> (count: Int, dimensions: Int)? {
    guard fields.count == 2, fields.allSatisfy({ bytes[$0].allSatisfy(isDigit) }),
        let count = Int(String(decoding: bytes[fields[0]], as: UTF8.self)),
        let dimensions = Int(String(decoding: bytes[fields[1]], as: UTF8.self))
    else { return nil }
    return (count, dimensions)
}

private func isNumber(_ bytes: [UInt8], _ field: Range<Int>) -> Bool {
    var position = field.lowerBound
    return scanNumber(bytes.span, &position, end: field.upperBound, grammar: .plain) != nil
        && position == field.upperBound
}
