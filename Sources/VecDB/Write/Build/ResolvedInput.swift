import EmbeddingInput

/// The sources that a build's input names, opened, with the metric and policy that the manifest may decide.
struct ResolvedInput {
    let source: CandidateSource
    let metric: Metric
    let duplicateIDs: DuplicateIDPolicy
    let queries: QuerySource?
    /// Candidates that the manifest counts.
    let expectedCount: Int?

    /// Query-side embeddings: vectors and, where given, their ids.
    struct QuerySource {
        let vectors: VectorReader
        let ids: IDReader?
        let expectedCount: Int?
    }

    init(_ input: BuildInput, options: BuildOptions, isCancelled: () -> Bool) throws {
        var manifest: ExportManifest?
        var files: BuildFiles?
        switch input {
        case .export(let directory):
            let loaded = try ExportManifest.load(directory: directory, isCancelled: isCancelled)
            manifest = loaded
            files = BuildFiles(
                vectors: [loaded.candidates.vectors.path], ids: loaded.candidates.ids?.path,
                metadata: loaded.candidates.metadata?.path, queryVectors: loaded.queries?.vectors.path,
                queryIDs: loaded.queries?.ids?.path)
        case .files(let given): files = given
        case .memory: break
        }
        metric = options.metric ?? manifest.map { Metric($0.metric) } ?? .dot
        duplicateIDs =
            options.duplicateIDs ?? manifest?.candidates.duplicateIDs.map { DuplicateIDPolicy($0) } ?? .error
        expectedCount = manifest?.candidates.count
        if let files {
            source = try CandidateSource(files: files, of: manifest, isCancelled: isCancelled)
            queries = try Self.queries(files, of: manifest, dimensions: source.dimensions, isCancelled)
        } else if case .memory(let vectors, let dimensions, let ids, let metadata) = input {
            source = try CandidateSource(vectors: vectors, dimensions: dimensions, ids: ids, metadata: metadata)
            queries = nil
        } else {
            preconditionFailure("every input has files or is in memory")
        }
        if let expected = manifest?.dimensions, expected != source.dimensions {
            throw DatabaseError(
                .invalidInput, "the manifest says \(expected) dimensions, the candidates have \(source.dimensions)"
            ).with(expected: "\(expected)", found: "\(source.dimensions)")
        }
    }

    private static func queries(
        _ files: BuildFiles, of manifest: ExportManifest?, dimensions: Int, _ isCancelled: () -> Bool
    ) throws -> QuerySource? {
        guard let path = files.queryVectors else {
            if files.queryIDs != nil {
                throw DatabaseError(
                    .invalidArgument, remedy: .queryVectors, "query ids name the rows of query vectors; give both")
            }
            return nil
        }
        let vectors = try sayingNoMore(of: "query vectors") {
            try VectorReader.open([path], hashedBy: manifest, isCancelled: isCancelled)
        }
        guard vectors.dimensions == dimensions else {
            throw DatabaseError(
                .invalidInput, "\(path) has \(vectors.dimensions) dimensions, the candidates have \(dimensions)"
            ).with(file: path, expected: "\(dimensions)", found: "\(vectors.dimensions)")
        }
        let ids = try files.queryIDs.map {
            try IDReader.open($0, hashedBy: manifest, isCancelled: isCancelled)
        }
        return QuerySource(vectors: vectors, ids: ids, expectedCount: manifest?.queries?.count)
    }
}

// What an export says stays in the words of its format, whatever else the library comes to know.

extension Metric {
    fileprivate init(_ metric: ExportManifest.Metric) {
        switch metric {
        case .dot: self = .dot
        case .cosine: self = .cosine
        case .l2: self = .l2
        }
    }
}

extension DuplicateIDPolicy {
    fileprivate init(_ policy: ExportManifest.DuplicateIDs) {
        switch policy {
        case .error: self = .error
        case .keepLast: self = .keepLast
        case .allow: self = .allow
        }
    }
}

/// Runs `body` for files of which nothing can be said that they do not say themselves: what could be said of others is no
/// remedy there.
func sayingNoMore<Value>(of files: String, _ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch let error as InputError where error.remedy != nil {
        throw DatabaseError(
            .invalidInput, place: error.place, remedy: nil,
            "\(error.message); of \(files) this cannot be said: save them as .npy, and ids in a file of their own"
        ).with(file: error.file, line: error.line, row: error.row)
    }
}
