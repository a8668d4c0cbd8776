import FileSystem

/// The layout of a file of metadata.
public enum MetadataFileFormat: String, CaseIterable, Sendable, Hashable {
    /// A JSON object on each line.
    case ndjson
    /// A header line, then fields separated by tabs; no quoting.
    case tsv
    /// A header line, then fields separated by commas, quoted as in RFC 4180.
    case csv
}

/// One candidate's metadata.
public struct MetadataRow: Sendable, Hashable {
    /// The whole row as a compact JSON object, keys in their order.
    public let document: [UInt8]
    /// The scalars, in the order of the schema's columns.
    public let values: [MetadataValue]

    public init(document: [UInt8], values: [MetadataValue]) {
        self.document = document
        self.values = values
    }
}

/// Metadata rows in input order, typed by a schema that a first pass over the file finds.
///
/// Memory: one row (at most 16 MiB) and buffers of some hundred KiB. Not for use by several threads at once.
public final class MetadataReader {
    /// The file's name as given.
    public let file: String
    /// The columns, once `inferSchema()` has run.
    public private(set) var schema: MetadataSchema?
    /// Rows in the file, once `inferSchema()` has run.
    public private(set) var rowCount: Int?
    /// Rows that `next()` returned since the beginning or the last `rewind()`.
    public private(set) var rowsRead = 0

    private let source: InputFile
    private let content: Content

    private enum Content {
        case lines(LineReader)
        case records(DelimitedRecordReader)
    }

    /// Opens a file of metadata; `path` may name a pipe, which is kept in a temporary file as `VectorReader` does.
    ///
    /// - Parameters:
    ///   - format: `nil` goes by the extension: `.ndjson`, `.jsonl`, `.tsv` or `.csv`.
    ///   - manifest: the export whose file this is; one that changed since it was hashed is refused.
    public static func open(
        _ path: String, format: MetadataFileFormat? = nil, hashedBy manifest: ExportManifest? = nil,
        spoolDirectory: String? = nil, isCancelled: () -> Bool = { false }
    ) throws(InputError) -> MetadataReader {
        let ending = fileExtension(path) ?? ""
        guard let format = format ?? MetadataFileFormat(rawValue: ending == "jsonl" ? "ndjson" : ending) else {
            if fileKind(path) == .regular {
                // unreached: only pipes ask
                let source = try InputFile.open(path, spoolDirectory: nil) { false }
                try ForeignFormat.refuse(source, head: source.prefix(ForeignFormat.headByteCount), ending: ending)
            }
            throw InputError(
                .unsupported, file: path, "has an extension that names no metadata format; use .ndjson, .tsv or .csv")
        }
        let source = try InputFile.open(
            path, hashedBy: manifest, spoolDirectory: spoolDirectory, isCancelled: isCancelled)
        return MetadataReader(source, format: format)
    }

    /// Metadata in memory, which is read like a file.
    ///
    /// - Parameters:
    ///   - documents: a JSON object each, without line breaks.
    ///   - name: what errors call them.
    ///   - spoolDirectory: where they are kept meanwhile, in a file without a name; `nil`: the system's.
    public static func open(
        documents: [String], name: String, spoolDirectory: String? = nil
    ) throws(InputError) -> MetadataReader {
        MetadataReader(
            try InputFile(keeping: documents, name: name, spoolDirectory: spoolDirectory), format: .ndjson)
    }

    private init(_ source: InputFile, format: MetadataFileFormat) {
        self.source = source
        file = source.name
        switch format {
        case .ndjson: content = .lines(LineReader(source, byteLimit: NDJSONRowDecoder.byteLimit))
        case .tsv: content = .records(DelimitedRecordReader(source, dialect: .tsv))
        case .csv: content = .records(DelimitedRecordReader(source, dialect: .csv))
        }
    }

    /// Reads the whole file once to count its rows and find its columns, and begins again.
    ///
    /// - Parameter isCancelled: asked every thousand rows; `true` throws `cancelled`.
    @discardableResult
    public func inferSchema(isCancelled: () -> Bool = { false }) throws(InputError) -> MetadataSchema {
        try rewind()
        var inference = MetadataSchemaInference()
        var rows = 0
        switch content {
        case .lines(let lines):
            while let document = try nextDocument(lines, row: rows) {
                if let problem = inference.observe(document) { throw lines.error(.unsupported, row: rows, problem) }
                rows += 1
                if rows.isMultiple(of: 1000), isCancelled() { throw cancelled() }
            }
        case .records(let records):
            let names = try readHeader(records)
            for name in names { _ = inference.addColumn(name) }
            while try nextRecord(records, columnCount: names.count, row: rows) {
                for (column, field) in records.fields.enumerated() {
                    inference.observe(field: records.bytes[field], column: column)
                }
                rows += 1
                if rows.isMultiple(of: 1000), isCancelled() { throw cancelled() }
            }
        }
        schema = inference.schema
        rowCount = rows
        try rewind()
        return inference.schema
    }

    /// The next row, or `nil` after the last. Infers the schema first when nobody has.
    public func next() throws(InputError) -> MetadataRow? {
        let schema: MetadataSchema
        if let known = self.schema { schema = known } else { schema = try inferSchema() }
        let row: MetadataRow?
        switch content {
        case .lines(let lines):
            row = try nextDocument(lines, row: rowsRead).map {
                MetadataRow(document: $0.bytes, values: schema.values(of: $0.bytes))
            }
        case .records(let records):
            if rowsRead == 0, !headerIsRead { _ = try readHeader(records) }
            let hasRow = try nextRecord(records, columnCount: schema.columns.count, row: rowsRead)
            row = hasRow ? makeRow(records, schema) : nil
        }
        if row != nil { rowsRead += 1 }
        return row
    }

    /// Begins again with the first row.
    ///
    /// - Throws: `changed` when the file is no longer what it was at the first look.
    public func rewind() throws(InputError) {
        source.close()
        try source.checkUnchanged()
        switch content {
        case .lines(let lines): lines.rewind()
        case .records(let records): records.rewind()
        }
        rowsRead = 0
        headerIsRead = false
    }

    private var headerIsRead = false

    private func nextDocument(_ lines: LineReader, row: Int) throws(InputError) -> JSONDocument? {
        guard let line = try lines.nextBeforeBlankEnd(row: row, "remove it, or write {} for a row without metadata")
        else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(line.count)
        do throws(JSONFailure) {
            var scanner = try JSONScanner(lines.buffer, line)
            guard scanner.peek() == UInt8(ascii: "{") else {
                throw scanner.failure("every line must be a JSON object, found \(scanner.found)")
            }
            try scanner.copyValue(to: &output)
            try scanner.expectEnd()
        } catch {
            throw lines.error(
                .malformed, row: row, "at byte \(grouped(error.offset - line.lowerBound + 1)): \(error.message)")
        }
        return JSONDocument(canonical: output)
    }

    private func readHeader(_ records: DelimitedRecordReader) throws(InputError) -> [String] {
        guard try records.next() else {
            throw InputError(.empty, file: file, "has no header line; the first line must name the columns")
        }
        headerIsRead = true
        guard records.fields.count <= MetadataSchema.columnLimit else {
            throw records.error(
                .unsupported,
                "names \(grouped(records.fields.count)) columns; at most \(grouped(MetadataSchema.columnLimit)) "
                    + "are supported")
        }
        var keys = JSONKeys()
        var names: [String] = []
        for (column, field) in records.fields.enumerated() {
            let name = records.text(column)
            guard !name.isEmpty else {
                throw records.error(.malformed, "column \(grouped(column + 1)) of the header has no name; give it one")
            }
            guard keys.insert(records.bytes[field]) else {
                throw records.error(
                    .malformed, "the header names the column \(quoted(name.utf8)) twice; rename one of them")
            }
            names.append(name)
        }
        return names
    }

    private func nextRecord(
        _ records: DelimitedRecordReader, columnCount: Int, row: Int
    ) throws(InputError) -> Bool {
        // With one column, a blank line is a row whose field is empty.
        guard try columnCount == 1 ? records.next() : records.nextBeforeBlankEnd(row: row) else { return false }
        guard records.fields.count == columnCount else {
            throw records.error(
                .malformed, row: row,
                "has \(grouped(records.fields.count)) fields where the header names \(grouped(columnCount)) columns")
        }
        return true
    }

    private func makeRow(_ records: DelimitedRecordReader, _ schema: MetadataSchema) -> MetadataRow {
        var document: [UInt8] = [UInt8(ascii: "{")]
        var values: [MetadataValue] = []
        values.reserveCapacity(records.fields.count)
        for (column, range) in records.fields.enumerated() {
            if column > 0 { document.append(UInt8(ascii: ",")) }
            document.append(UInt8(ascii: "\""))
            document.append(contentsOf: schema.keys[column])
            document.append(contentsOf: "\":".utf8)
            let field = records.bytes[range]
            let type = schema.columns[column].type
            if field.isEmpty {
                document.append(contentsOf: "null".utf8)
                values.append(.null)
                continue
            }
            let value = numberValue(field, type: type)
            if case .text = value {
                appendString(field, to: &document)
            } else {
                document.append(contentsOf: field)
            }
            values.append(value)
        }
        document.append(UInt8(ascii: "}"))
        return MetadataRow(document: document, values: values)
    }

    private func cancelled() -> InputError {
        InputError(.cancelled, file: file, "stopped while it was being read")
    }
}
