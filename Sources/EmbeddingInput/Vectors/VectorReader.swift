import FileSystem

/// Embedding rows in input order, pulled in batches from one or more files.
///
/// Several files act as one concatenated input. Memory stays bounded whatever the files claim: a few hundred KiB of
/// buffers, at most 16 MiB for a line of text, and nothing that grows with the number of rows.
///
/// ```swift
/// let reader = try VectorReader.open(["items.npy"])
/// var batch = [Float](repeating: 0, count: 1024 * reader.dimensions)
/// while case let rows = try reader.read(into: &batch, maxRows: 1024), rows > 0 {
///     // `rows` rows of `reader.dimensions` floats
/// }
/// try reader.rewind()
/// ```
///
/// Standard input and named pipes are kept in an unlinked temporary file, so that every input can be rewound. A file
/// that changes between two passes is an error, never a mixture. Not for use by several threads at once.
public final class VectorReader {
    /// The length of every row, 1…65,535.
    public let dimensions: Int
    /// What the source holds; floats are made of it without loss, but for `float64` and `text`.
    public let element: VectorElement
    /// Rows in all files, where their formats say so in advance; `nil` for text.
    public let count: Int?
    /// The files' names as given; `standard input` for `-`.
    public let files: [String]
    /// Whether rows come with ids (`.ndjson`, `.vec`, and text with a column of ids), see `lastIDs`.
    public let hasIDs: Bool
    /// Whether rows come as JSON objects (`.ndjson`), see `lastDocuments`.
    public let hasDocuments: Bool

    /// Rows read since the beginning or the last `rewind()`: the ordinal of the next one.
    public private(set) var rowsRead = 0
    /// Rows of the last batch, counted from its first and ascending, in which a finite number became infinite as a
    /// float. `VectorValidation.check` wants them.
    public private(set) var overflowedRows: [Int] = []
    /// The ids of the last batch's rows; `nil` without `hasIDs`.
    public private(set) var lastIDs: [String]?
    /// For each row of the last batch the JSON object without `id` and `vector`, compact, keys in their order; `nil`
    /// without `hasDocuments`.
    public private(set) var lastDocuments: [[UInt8]]?
    /// The typed columns of the documents, known after the first complete pass; `nil` before, and without
    /// `hasDocuments`. Empty when no row has metadata.
    public private(set) var metadataSchema: MetadataSchema?

    /// The most rows of an input: what 32 bits number, less the two largest numbers.
    public static let rowLimit = 1 << 32 - 2

    private let sources: [VectorSource]
    private var current: RowDecoder?
    private var nextSource = 0
    /// The ordinal of each source's first row, as far as the pass has come.
    private var firstOrdinals: [Int] = []
    private var inference: MetadataSchemaInference?

    /// Opens the files and reads their headers.
    ///
    /// - Parameters:
    ///   - paths: at least one; `-` is standard input, which is `.npy` or `.ndjson` unless `format` names another.
    ///   - format: the format of all files; `nil` recognises each by magic, extension and size.
    ///   - tensor: which tensor of a `.safetensors` file; needed when it has several two-dimensional ones.
    ///   - text: what `.tsv`, `.csv` and `.vec` files do not say of themselves.
    ///   - manifest: the export whose files these are; a file that changed since it was hashed is refused.
    ///   - spoolDirectory: where standard input and pipes are kept; `nil` is `TMPDIR`, or `/tmp`.
    ///   - isCancelled: asked while a pipe is copied; `true` throws `cancelled`.
    /// - Throws: for a missing, empty, truncated or overlong file, a header outside the limits, files that disagree.
    /// - Complexity: O(files), but O(bytes) for standard input and pipes.
    public static func open(
        _ paths: [String], format: VectorFileFormat? = nil, tensor: String? = nil, text: TextLayout = TextLayout(),
        hashedBy manifest: ExportManifest? = nil, spoolDirectory: String? = nil, isCancelled: () -> Bool = { false }
    ) throws(InputError) -> VectorReader {
        guard !paths.isEmpty else {
            throw InputError(.notFound, file: "(none)", "no file of vectors was given; name at least one")
        }
        if paths.count(where: { $0 == "-" }) > 1 {
            throw InputError(.unsupported, file: "standard input", "can be read only once; name '-' only once")
        }
        var sources: [VectorSource] = []
        for path in paths {
            let file = try InputFile.open(
                path, hashedBy: manifest, spoolDirectory: spoolDirectory,
                byteLimit: { beginning throws(InputError) in
                    try VectorSource.byteLimit(beginning, isStandardInput: path == "-", format: format)
                }, isCancelled: isCancelled)
            let source = try VectorSource(
                file, isStandardInput: path == "-", format: format, tensor: tensor, text: text)
            if let first = sources.first { try source.checkAgreement(with: first) }
            file.close()
            sources.append(source)
        }
        try refuseWithoutEffect(tensor: tensor, text, sources)
        return try VectorReader(sources)
    }

    /// Refuses what was said about files of another kind than there are.
    private static func refuseWithoutEffect(
        tensor: String?, _ text: TextLayout, _ sources: [VectorSource]
    ) throws(InputError) {
        func needs(_ formats: VectorFileFormat..., what: String, remedy: InputError.Remedy) throws(InputError) {
            guard !sources.contains(where: { formats.contains($0.format) }) else { return }
            throw InputError(
                .unsupported, file: sources[0].file.name, remedy: remedy,
                "is read as \(sources[0].format.rawValue), which has no \(what); leave that out")
        }
        if tensor != nil { try needs(.safetensors, what: "tensor that can be named", remedy: .tensor) }
        if text.idColumn != nil { try needs(.csv, .tsv, what: "column of ids to choose", remedy: .textLayout) }
        if text.hasHeader != nil { try needs(.csv, .tsv, .vec, what: "header line", remedy: .textLayout) }
    }

    private init(_ sources: [VectorSource]) throws(InputError) {
        let first = sources[0]
        dimensions = first.dimensions
        element = first.element
        hasIDs = first.hasIDs
        hasDocuments = first.format == .ndjson
        files = sources.map(\.file.name)
        self.sources = sources

        var total: Int? = 0
        for source in sources {
            guard let known = total, let rows = source.rowCount else {
                total = nil
                break
            }
            // A file may be as long as it says and yet hold nothing: a hole of 2^40 rows is read for hours.
            let (sum, overflows) = known.addingReportingOverflow(rows)
            guard !overflows, sum <= Self.rowLimit else {
                throw Self.tooManyRows(UInt64(rows), file: source.file.name)
            }
            total = sum
        }
        count = total
        inference = hasDocuments ? MetadataSchemaInference() : nil
    }

    static func tooManyRows(_ rows: UInt64, file: String) -> InputError {
        InputError(
            .unsupported, file: file, "announces \(grouped(rows)) rows; one input has at most \(grouped(rowLimit))")
    }

    /// Reads up to `maxRows` rows into the front of `buffer`, row after row, across the ends of files.
    ///
    /// - Parameter buffer: at least `maxRows * dimensions` floats.
    /// - Returns: the rows read; fewer than `maxRows` only at the end of the input, 0 behind it.
    /// - Throws: for a file that ends early, changed, or breaks the rules of its format. The reader must then be
    ///   rewound. Unusable values are no error here; see `VectorValidation`.
    public func read(into buffer: inout MutableSpan<Float>, maxRows: Int) throws(InputError) -> Int {
        precondition(maxRows >= 0 && maxRows <= buffer.count / dimensions, "the buffer holds fewer than maxRows rows")
        var batch = RowBatch(firstOrdinal: rowsRead)
        while batch.rowCount < maxRows, let decoder = try currentDecoder(at: batch) {
            let wanted = maxRows - batch.rowCount
            let rows = try decoder.decode(
                into: &buffer, at: batch.rowCount * dimensions, rowCount: wanted, batch: &batch)
            batch.rowCount += rows
            if rows < wanted {
                try sources[nextSource - 1].file.endPass()
                sources[nextSource - 1].file.close()
                current = nil
            }
        }
        try finish(batch, isAtEnd: batch.rowCount < maxRows)
        return batch.rowCount
    }

    /// Reads up to `maxRows` rows into the front of `buffer`, which must hold `maxRows * dimensions` floats.
    public func read(into buffer: inout [Float], maxRows: Int) throws(InputError) -> Int {
        var span = buffer.mutableSpan
        return try read(into: &span, maxRows: maxRows)
    }

    /// Begins again with the first row.
    ///
    /// - Throws: `changed` when one of the files is no longer what it was at the first look.
    public func rewind() throws(InputError) {
        for source in sources {
            source.file.close()
            try source.file.checkUnchanged()
        }
        current = nil
        nextSource = 0
        rowsRead = 0
        firstOrdinals = []
        overflowedRows = []
        lastIDs = nil
        lastDocuments = nil
        inference = hasDocuments && metadataSchema == nil ? MetadataSchemaInference() : nil
    }

    /// The file in which row `ordinal` of the whole input lies, and its number there, for messages.
    ///
    /// - Parameter ordinal: a row that has been read since the beginning or the last `rewind()`.
    public func location(ofRow ordinal: Int) -> (file: String, row: Int) {
        let source = firstOrdinals.lastIndex { $0 <= ordinal } ?? 0
        return (files[source], ordinal - (firstOrdinals.isEmpty ? 0 : firstOrdinals[source]))
    }

    private func currentDecoder(at batch: RowBatch) throws(InputError) -> RowDecoder? {
        if let current { return current }
        guard nextSource < sources.count else { return nil }
        let decoder = try sources[nextSource].makeDecoder()
        firstOrdinals.append(batch.firstOrdinal + batch.rowCount)
        nextSource += 1
        current = decoder
        return decoder
    }

    private func finish(_ batch: RowBatch, isAtEnd: Bool) throws(InputError) {
        overflowedRows = batch.overflowedRows
        lastIDs = hasIDs ? batch.ids : nil
        lastDocuments = hasDocuments ? batch.documents : nil
        rowsRead = batch.firstOrdinal + batch.rowCount
        guard inference != nil else { return }
        for (row, document) in batch.documents.enumerated() {
            if let problem = inference?.observe(JSONDocument(canonical: document)) {
                let ordinal = batch.firstOrdinal + row
                throw InputError(.unsupported, file: location(ofRow: ordinal).file, row: ordinal, problem)
            }
        }
        if isAtEnd {
            metadataSchema = inference?.schema
            inference = nil
        }
    }
}
