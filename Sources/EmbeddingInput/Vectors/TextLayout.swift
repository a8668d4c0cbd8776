import FileSystem

/// What a text file of vectors does not always say of itself.
public struct TextLayout: Sendable, Hashable {
    /// Whether the first line is a header; `nil`: recognised, and refused where it could be either.
    public var hasHeader: Bool?
    /// The column of ids in a `.tsv` or `.csv` file: its name in the header, or its number, from 1, where `hasHeader` is
    /// `false`; `nil`: all columns are numbers of the vector.
    public var idColumn: String?

    public init(hasHeader: Bool? = nil, idColumn: String? = nil) {
        self.hasHeader = hasHeader
        self.idColumn = idColumn
    }
}

/// The first line of a `.tsv` or `.csv` file of vectors, as far as it says what the columns are.
///
/// Files of tables are often written with an index: `,e0,e1` by `DataFrame.to_csv()`, `0,1` or `0.0,1.0` by a frame without
/// names, `e0,e1,id` with ids in the last column. Read as vectors, all would be wrong without a word, so that what can be either
/// must be said.
struct DelimitedColumns {
    let isHeader: Bool
    /// All columns, that of the ids too.
    let count: Int
    let idColumn: Int?

    var dimensions: Int { count - (idColumn == nil ? 0 : 1) }

    /// - Parameter records: which has read the first record.
    init(firstRecordOf records: DelimitedRecordReader, layout: TextLayout) throws(InputError) {
        count = records.fields.count
        if let isHeader = layout.hasHeader {
            self.isHeader = isHeader
        } else if layout.idColumn != nil {
            isHeader = true  // a name is asked for
        } else {
            isHeader = try Self.recognizesHeader(records)
        }
        if let name = layout.idColumn {
            idColumn = try isHeader ? Self.column(named: name, records) : Self.column(numbered: name, records)
        } else {
            idColumn = nil
        }
        guard dimensions > 0 else {
            throw records.error(
                .malformed, remedy: .textLayout, "has the column of ids alone; vectors need at least one more")
        }
        _ = try checkedDimensions(UInt64(dimensions), file: records.lines.file.name)
    }

    private static func recognizesHeader(_ records: DelimitedRecordReader) throws(InputError) -> Bool {
        let fields = records.fields.map { trimmed(records.bytes[$0]) }
        let numbers = fields.count(where: isNumber)
        if numbers == fields.count {
            guard !counts(fields, ending: ""), !counts(fields, ending: ".0") else {
                throw records.error(
                    .malformed, remedy: .textLayout,
                    "counts from 0 to \(grouped(fields.count - 1)), as the header of a table without names does, but "
                        + "may be a row; say whether it is a header")
            }
            return false
        }
        // In a mixture of names and numbers only the first.
        let places = numbers == 0 ? fields.indices : fields.startIndex..<1
        let odd = numbers == 0 ? oddOneOut(fields) : nil
        if let place = places.first(where: { fields[$0].isEmpty || namesNoNumber(fields[$0]) }) ?? odd {
            let name = fields[place]
            throw records.error(
                .malformed, remedy: .textLayout,
                "\(place == 0 ? "begins with" : "has") a column \(name.isEmpty ? "without a name" : "named \(quoted(name))"), as "
                    + "ids or row numbers have, which are no part of a vector; say that it holds the ids, or that this is a "
                    + "header and all columns are numbers")
        }
        guard numbers == 0 else {
            // unreached: one field is no number, or all would be
            let wrong = fields.firstIndex { !isNumber($0) } ?? 0
            throw records.error(
                .malformed, remedy: .textLayout,
                "is neither a row of numbers nor a header: field \(grouped(wrong + 1)) is \(quoted(fields[wrong])), but "
                    + "\(grouped(numbers)) of \(grouped(fields.count)) fields are numbers; say which column holds ids, and "
                    + "keep metadata in a file of its own")
        }
        return true
    }

    /// Whether fields are the numbers from 0 on, as the names of columns are that have none.
    private static func counts(_ fields: [ArraySlice<UInt8>], ending: String) -> Bool {
        fields.enumerated().allSatisfy { $1.elementsEqual("\($0)\(ending)".utf8) }
    }

    private static func column(named name: String, _ records: DelimitedRecordReader) throws(InputError) -> Int {
        let fields = records.fields.map { trimmed(records.bytes[$0]) }
        let found = fields.indices.filter { fields[$0].elementsEqual(name.utf8) }
        guard found.count == 1 else {
            let names = fields.prefix(8).map { quoted($0) }.joined(separator: ", ") + (fields.count > 8 ? ", …" : "")
            throw records.error(
                .malformed, remedy: .textLayout,
                "is a header that names \(found.isEmpty ? "no" : "more than one") column \(quoted(name.utf8)); it names "
                    + names)
        }
        return found[0]
    }

    private static func column(numbered text: String, _ records: DelimitedRecordReader) throws(InputError) -> Int {
        let count = records.fields.count
        guard let number = Int(text), 1...count ~= number else {
            throw records.error(
                .malformed, remedy: .textLayout,
                "is no header, so that the column of ids goes by its number, 1 to \(grouped(count)), not "
                    + quoted(text.utf8))
        }
        return number - 1
    }

    /// The one name that is none of a series, as `product` beside `e0`, `e1`, `e2`; `nil` where there is no such.
    private static func oddOneOut(_ names: [ArraySlice<UInt8>]) -> Int? {
        func series(_ name: ArraySlice<UInt8>) -> [UInt8]? {
            guard let last = name.lastIndex(where: { !isDigit($0) }), last < name.endIndex - 1 else { return nil }
            return Array(name[...last])
        }
        // All but one are of it: the first two names, or the first and the third, or the second and the third.
        let all = names.map(series)
        guard all.count > 2, let common = all[0] == all[1] ? all[0] : all[2] else { return nil }
        let others = all.indices.filter { all[$0] != common }
        return others.count == 1 ? others[0] : nil
    }

    private static let wordsForNoNumber: [String] = [
        "id", "ids", "uuid", "index", "idx", "key", "name", "title", "label", "item", "user", "word", "token", "text",
        "url", "row", "ordinal",
    ]

    /// Whether a column so named holds ids or the like: `item`, `movie_id`, `userId`, `Unnamed: 0`.
    private static func namesNoNumber(_ name: ArraySlice<UInt8>) -> Bool {
        var words: [[UInt8]] = [[]]
        var wasLowercase = false
        for byte in name {
            let isUppercase = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            let lowercase = isUppercase ? byte | 0x20 : byte
            let isLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(lowercase)
            if (isUppercase && wasLowercase) || !isLetter { words.append([]) }
            if isLetter { words[words.count - 1].append(lowercase) }
            wasLowercase = isLetter && !isUppercase
        }
        words.removeAll(where: \.isEmpty)
        guard let last = words.last else { return false }
        if last.elementsEqual("unnamed".utf8) { return true }
        // Not `item_3`: numbered columns are those of a vector.
        return name.last.map(isDigit) == false && wordsForNoNumber.contains { last.elementsEqual($0.utf8) }
    }
}

/// `field` without spaces around it.
private func trimmed(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var field = field
    while field.first == UInt8(ascii: " ") { field.removeFirst() }
    while field.last == UInt8(ascii: " ") { field.removeLast() }
    return field
}

/// Whether a whole field, without spaces around it, is a number.
private func isNumber(_ field: ArraySlice<UInt8>) -> Bool {
    let bytes = Array(field)
    var position = 0
    return scanNumber(bytes.span, &position, end: bytes.count, grammar: .plain) != nil && position == bytes.count
}
