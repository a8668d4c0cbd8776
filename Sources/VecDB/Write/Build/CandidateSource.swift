import EmbeddingInput

/// The candidates of a build in input order, in as many passes as it takes. Nothing is held but a batch.
///
/// A build takes two over vectors (one checks, counts and samples, one stores), two over a file of ids (one for the catalog, one
/// for the segment's copy) and two over a file of metadata (one finds the columns). Where lines hold all three, that makes
/// five: the first over the vectors finds the columns too.
final class CandidateSource {
    let dimensions: Int
    /// What the input holds, for choosing how to store it; `nil` for vectors in memory.
    let element: VectorElement?
    private let vectors: Vectors
    private let ids: IDs
    private let documents: Documents

    private enum Vectors {
        case reader(VectorReader)
        case memory([Float])
    }

    private enum IDs {
        case implicit
        case reader(IDReader)
        case withVectors
        case memory([String])
    }

    private enum Documents {
        case none
        case reader(MetadataReader)
        case withVectors
    }

    /// Opens the files of a build.
    ///
    /// - Parameter manifest: the export that they belong to; what it hashed is what is read.
    init(files: BuildFiles, of manifest: ExportManifest?, isCancelled: () -> Bool) throws {
        let format = try files.inputFormat.map { name throws(DatabaseError) in
            guard let format = VectorFileFormat(rawValue: name) else {
                let known = VectorFileFormat.allCases.map(\.rawValue).joined(separator: ", ")
                throw DatabaseError(.invalidArgument, "'\(name)' is no input format; known are \(known)")
                    .with(expected: known, found: name)
            }
            return format
        }
        let text = TextLayout(hasHeader: files.hasHeader, idColumn: files.idColumn)
        func open() throws -> VectorReader {
            try VectorReader.open(
                files.vectors, format: format, tensor: files.tensor, text: text, hashedBy: manifest,
                isCancelled: isCancelled)
        }
        let reader = try manifest == nil ? open() : sayingNoMore(of: "the files of an export", open)
        dimensions = reader.dimensions
        element = reader.element
        vectors = .reader(reader)
        if let path = files.ids {
            ids = .reader(try IDReader.open(path, hashedBy: manifest, isCancelled: isCancelled))
        } else {
            ids = reader.hasIDs ? .withVectors : .implicit
        }
        if let path = files.metadata {
            documents = .reader(try MetadataReader.open(path, hashedBy: manifest, isCancelled: isCancelled))
        } else {
            documents = reader.hasDocuments ? .withVectors : .none
        }
    }

    /// Vectors in memory. Metadata documents go through a temporary file without a name, so that they are read like any others.
    init(vectors: [Float], dimensions: Int, ids: [String]?, metadata: [String]?) throws {
        guard 1...65_535 ~= dimensions, vectors.count % dimensions == 0 else {
            throw DatabaseError(
                .invalidInput,
                "\(vectors.count) floats are no whole number of vectors of \(dimensions) dimensions (1 to 65,535)"
            ).with(found: "\(vectors.count)")
        }
        let count = vectors.count / dimensions
        for (name, found) in [("ids", ids?.count), ("metadata documents", metadata?.count)] {
            if let found, found != count {
                throw DatabaseError(
                    .invalidInput, "there are \(count) vectors and \(found) \(name); there must be as many"
                ).with(expected: "\(count)", found: "\(found)")
            }
        }
        self.dimensions = dimensions
        element = nil
        self.vectors = .memory(vectors)
        self.ids = ids.map { .memory($0) } ?? .implicit
        guard let metadata else {
            documents = .none
            return
        }
        if let row = metadata.firstIndex(where: { $0.utf8.contains(0x0A) }) {
            throw DatabaseError(
                .invalidInput, "the metadata of row \(row) has a line break between its values; write it on one line"
            ).with(row: row)
        }
        documents = .reader(try MetadataReader.open(documents: metadata, name: "the metadata"))
    }

    /// Rows, where the format says so in advance.
    var knownCount: Int? {
        switch vectors {
        case .reader(let reader): reader.count
        case .memory(let values): values.count / dimensions
        }
    }

    var hasIDs: Bool { if case .implicit = ids { false } else { true } }
    var hasDocuments: Bool { if case .none = documents { false } else { true } }

    // MARK: vectors

    /// Calls `body` with batch after batch, from the first row on.
    ///
    /// - Parameters:
    ///   - validation: sees every batch; its error is thrown behind the last one.
    ///   - body: gets the rows of a batch, which it may change, and the ordinal of the first.
    func forEachBatch(
        validating validation: consuming VectorValidation? = nil, _ body: (inout [Float], UInt64) throws -> Void
    ) throws {
        let rowsPerBatch = max(1, (4 << 20) / (4 * dimensions))
        var validation = validation
        var batch: [Float] = []
        var ordinal = 0
        switch vectors {
        case .memory(let values):
            while ordinal * dimensions < values.count {
                let end = min(values.count, (ordinal + rowsPerBatch) * dimensions)
                batch = Array(values[ordinal * dimensions..<end])
                let rows = batch.count / dimensions
                validation?.check(batch.span, rowCount: rows)
                if validation?.first == nil { try body(&batch, UInt64(ordinal)) }
                ordinal += rows
            }
            if let validation, let first = validation.first {
                throw DatabaseError(
                    .invalidInput,
                    "row \(first.row): \(first.problem); \(validation.badRowCount) of \(validation.rowCount) rows cannot be used"
                ).with(row: first.row, badRowCount: validation.badRowCount)
            }
        case .reader(let reader):
            try reader.rewind()
            while true {
                if batch.count != rowsPerBatch * dimensions {
                    batch = [Float](repeating: 0, count: rowsPerBatch * dimensions)
                }
                let rows = try reader.read(into: &batch, maxRows: rowsPerBatch)
                guard rows > 0 else { break }
                validation?.check(batch.span, rowCount: rows, overflowedRows: reader.overflowedRows)
                if rows < rowsPerBatch { batch.removeSubrange((rows * dimensions)...) }
                if validation?.first == nil { try body(&batch, UInt64(ordinal)) }
                ordinal += rows
            }
            try validation?.throwIfBad(in: reader)
        }
    }

    // MARK: ids and metadata

    /// Refuses ids of another number than the vectors, which is known when all of them have been read.
    func checkIDCount(_ found: Int, rows: Int) throws(DatabaseError) {
        guard found != rows else { return }
        let file = if case .reader(let reader) = ids { reader.file } else { "the input" }
        throw DatabaseError(.invalidInput, "\(file) has \(found) ids for \(rows) vectors; there must be one for each")
            .with(file: file, expected: "\(rows)", found: "\(found)")
    }

    /// Refuses ids of another number than the vectors, in a pass over them; where they are read anyway
    /// ``checkIDCount(_:rows:)`` costs nothing.
    func countIDs(rows: Int, isCancelled: () -> Bool) throws {
        if case .reader(let reader) = ids { try checkIDCount(try reader.count(isCancelled: isCancelled), rows: rows) }
    }

    /// Refuses metadata of another number than the vectors, in the pass that finds its columns.
    func checkMetadata(rows: Int, isCancelled: () -> Bool) throws {
        if case .reader(let reader) = documents {
            _ = try reader.inferSchema(isCancelled: isCancelled)
            guard let found = reader.rowCount, found == rows else {
                throw DatabaseError(
                    .invalidInput,
                    "\(reader.file) has \(reader.rowCount ?? 0) metadata rows for \(rows) vectors; there must be one for each"
                ).with(file: reader.file, expected: "\(rows)", found: "\(reader.rowCount ?? 0)")
            }
        }
    }

    /// Calls `body` with batch after batch of ids and the ordinal of each batch's first.
    func forEachIDBatch(_ body: ([String], UInt64) throws -> Void) throws {
        let size = 50_000
        switch ids {
        case .implicit: return
        case .memory(let all):
            for start in stride(from: 0, to: all.count, by: size) {
                try body(Array(all[start..<min(all.count, start + size)]), UInt64(start))
            }
        case .reader(let reader):
            try reader.rewind()
            var (batch, first) = ([String](), 0)
            // Bytes are bounded as well as ids, since an id may be long.
            var bytes = 0
            while let id = try reader.next() {
                batch.append(id)
                bytes += id.utf8.count
                if batch.count == size || bytes > 8 << 20 {
                    try body(batch, UInt64(first))
                    first += batch.count
                    (batch, bytes) = ([], 0)
                }
            }
            if !batch.isEmpty { try body(batch, UInt64(first)) }
        case .withVectors:
            guard case .reader(let reader) = vectors else { return }
            try forEachBatch { _, first in try body(reader.lastIDs ?? [], first) }
        }
    }

    /// The columns of the metadata, known after ``checkMetadata(rows:isCancelled:)``.
    var metadataColumns: [MetadataSchema.Column] {
        switch documents {
        case .none: []
        case .reader(let reader): reader.schema?.columns ?? []
        case .withVectors: if case .reader(let reader) = vectors { reader.metadataSchema?.columns ?? [] } else { [] }
        }
    }

    /// Calls `body` with batch after batch of metadata and the ordinal of each batch's first.
    func forEachMetadataBatch(_ body: ([MetadataRow], UInt64) throws -> Void) throws {
        switch documents {
        case .none: return
        case .reader(let reader):
            try reader.rewind()
            var (batch, first, bytes) = ([MetadataRow](), 0, 0)
            while let row = try reader.next() {
                batch.append(row)
                bytes += row.document.count
                if batch.count == 20_000 || bytes > 8 << 20 {
                    try body(batch, UInt64(first))
                    first += batch.count
                    (batch, bytes) = ([], 0)
                }
            }
            if !batch.isEmpty { try body(batch, UInt64(first)) }
        case .withVectors:
            guard case .reader(let reader) = vectors, let schema = reader.metadataSchema else { return }
            try forEachBatch { _, first in
                let rows = (reader.lastDocuments ?? []).map { MetadataRow(document: $0, values: schema.values(of: $0)) }
                try body(rows, first)
            }
        }
    }
}
