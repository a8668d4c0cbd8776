import FileSystem

/// The records of a `.csv` or `.tsv` file as fields, for metadata and header lines.
///
/// `.csv` follows RFC 4180: a field may stand in double quotes, a quote inside is doubled, and a quoted field may hold
/// commas and line ends. `.tsv` is raw: a tab always separates, and no character has another meaning.
final class DelimitedRecordReader {
    enum Dialect {
        case csv
        case tsv
    }

    /// The longest record accepted, in bytes: 16 MiB.
    static let byteLimit = 16 << 20

    let lines: LineReader
    /// The content of the last record's fields, one after the other, unquoted.
    private(set) var bytes: [UInt8] = []
    /// Where each field lies in `bytes`.
    private(set) var fields: [Range<Int>] = []
    /// The line on which the last record began, one-based.
    private(set) var firstLine = 0

    private let dialect: Dialect

    init(_ file: InputFile, dialect: Dialect) {
        lines = LineReader(file, byteLimit: Self.byteLimit)
        self.dialect = dialect
    }

    func rewind() {
        lines.rewind()
    }

    /// Reads the next record into `fields`; `false` after the last.
    func next() throws(InputError) -> Bool {
        guard let line = try nextLine() else { return false }
        try parse(line)
        return true
    }

    /// As `next()`, but blank lines at the end of the file are no records.
    func nextBeforeBlankEnd(row: Int) throws(InputError) -> Bool {
        guard let line = try lines.nextBeforeBlankEnd(row: row) else { return false }
        try checkText(line)
        try parse(line)
        return true
    }

    /// Reads the record that begins with `line`, which `lines` returned last.
    func parse(_ line: Range<Int>) throws(InputError) {
        firstLine = lines.lineNumber
        bytes.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: true)
        switch dialect {
        case .tsv: splitAtTabs(line)
        case .csv: try parseQuoted(line)
        }
    }

    /// The text of one field of the last record.
    func text(_ field: Int) -> String {
        String(decoding: bytes[fields[field]], as: UTF8.self)
    }

    /// An error about the last record.
    func error(
        _ code: InputError.Code, row: Int? = nil, remedy: InputError.Remedy? = nil, _ message: String
    ) -> InputError {
        InputError(code, file: lines.file.name, row: row, line: firstLine, remedy: remedy, message)
    }

    private func nextLine() throws(InputError) -> Range<Int>? {
        guard let line = try lines.next() else { return nil }
        try checkText(line)
        return line
    }

    /// Checked as it stands in the file: separators and quotes are ASCII, so that every field is valid as well.
    private func checkText(_ line: Range<Int>) throws(InputError) {
        guard isValidUTF8(lines.buffer, line) else {
            throw lines.error(.malformed, "is not valid UTF-8; save the file as UTF-8")
        }
    }

    private func splitAtTabs(_ line: Range<Int>) {
        bytes.append(contentsOf: lines.buffer[line])
        var start = 0
        for index in bytes.indices where bytes[index] == UInt8(ascii: "\t") {
            fields.append(start..<index)
            start = index + 1
        }
        fields.append(start..<bytes.count)
    }

    private enum State {
        case fieldStart
        case unquoted
        case quoted
        /// Behind a quote inside a quoted field: its end, or the first of two.
        case quoteInQuoted
    }

    private func parseQuoted(_ first: Range<Int>) throws(InputError) {
        var line = first
        var state = State.fieldStart
        var fieldStart = 0
        while true {
            for index in line {
                let byte = lines.buffer[index]
                switch (state, byte) {
                case (.quoted, UInt8(ascii: "\"")):
                    state = .quoteInQuoted
                case (.quoted, _):
                    bytes.append(byte)
                case (.quoteInQuoted, UInt8(ascii: "\"")):
                    bytes.append(byte)
                    state = .quoted
                case (_, UInt8(ascii: ",")):
                    fields.append(fieldStart..<bytes.count)
                    fieldStart = bytes.count
                    state = .fieldStart
                case (.fieldStart, UInt8(ascii: "\"")):
                    state = .quoted
                case (.fieldStart, _):
                    bytes.append(byte)
                    state = .unquoted
                case (.unquoted, UInt8(ascii: "\"")):
                    throw error(
                        .malformed,
                        "field \(fields.count + 1) holds a quote; quote the whole field and double that quote"
                    )
                case (.unquoted, _):
                    bytes.append(byte)
                case (.quoteInQuoted, _):
                    throw error(
                        .malformed,
                        "field \(fields.count + 1) goes on behind its closing quote with \(quoted([byte])); "
                            + "double a quote that belongs to the field")
                }
            }
            guard state == .quoted else { break }
            // The field goes on in the next line, and the line end is part of it.
            bytes.append(contentsOf: lines.buffer[line.upperBound..<line.upperBound + lines.terminatorByteCount])
            guard bytes.count <= Self.byteLimit else {
                throw error(
                    .malformed,
                    "begins a record of more than \(grouped(Self.byteLimit)) bytes; is a closing quote missing?")
            }
            guard let following = try nextLine() else {
                throw error(.malformed, "field \(fields.count + 1) opens a quote that is never closed")
            }
            line = following
        }
        fields.append(fieldStart..<bytes.count)
    }
}
