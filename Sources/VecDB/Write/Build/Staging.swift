import Catalog
import EmbeddingInput

/// Puts ids, metadata and queries into the catalog under the key of a segment that nobody sees yet.
struct Staging {
    let catalog: CatalogStaging
    let source: CandidateSource
    let plan: BuildPlan
    let policy: DuplicateIDPolicy
    let clock: BuildClock

    struct Result {
        /// Bytes of all ids that are stored; `nil` when ids are implicit.
        var idByteCount: Int?
        var queryCount = 0
        /// Ordinals that `keep-last` leaves out, ascending.
        var dropped: [UInt64] = []
        /// The first query-side embeddings, for choosing search defaults.
        var sampleQueries: [[Float]] = []
    }

    /// Queries that are kept for choosing defaults: spread over the export.
    private static let sampleQueryCount = 256

    func run(queries: ResolvedInput.QuerySource?) throws -> Result {
        var result = Result()
        if source.hasDocuments { try stageMetadata() }
        if source.hasIDs { try stageIDs(&result) }
        if let queries { try stageQueries(queries, &result) }
        clock.mark(.read)
        return result
    }

    private func stageIDs(_ result: inout Result) throws {
        var (bytes, count) = (0, 0)
        try source.forEachIDBatch { batch, first in
            try catalog.stageIDs(batch, firstOrdinal: first)
            bytes += batch.reduce(0) { $0 + $1.utf8.count }
            count += batch.count
            try clock.report(.read, count, of: plan.inputRowCount)
        }
        try source.checkIDCount(count, rows: plan.inputRowCount)
        switch policy {
        case .allow: break
        case .error:
            if let duplicates = try catalog.duplicateIDs() {
                throw repeatedIDs(
                    duplicates.id, rows: duplicates.ordinals, repeats: Int(clamping: duplicates.count), of: count)
            }
        case .keepLast:
            result.dropped = try catalog.ordinalsToDropKeepingLast()
            if !result.dropped.isEmpty {
                try catalog.delete(ordinals: result.dropped)
                bytes = try catalog.idByteCount()
            }
        }
        result.idByteCount = bytes
    }

    private func stageMetadata() throws {
        let columns = source.metadataColumns.map { column in
            CatalogColumn(name: column.name, type: CatalogColumnType(column.type))
        }
        try catalog.beginMetadata(columns)
        try source.forEachMetadataBatch { rows, first in
            try catalog.stageMetadata(
                rows.enumerated().map { place, row in
                    CatalogMetadataRow(
                        ordinal: first + UInt64(place), document: row.document,
                        values: row.values.map(CatalogValue.init))
                })
            try clock.report(.read, Int(first) + rows.count, of: plan.inputRowCount)
        }
    }

    private func stageQueries(_ queries: ResolvedInput.QuerySource, _ result: inout Result) throws {
        let dimensions = plan.dimensions
        var validation = VectorValidation(dimensions: dimensions, refusesZeroVectors: plan.metric == .cosine)
        var batch = [Float](repeating: 0, count: 4096 * dimensions)
        var count = 0
        while case let rows = try queries.vectors.read(into: &batch, maxRows: 4096), rows > 0 {
            validation.check(batch.span, rowCount: rows, overflowedRows: queries.vectors.overflowedRows)
            var staged: [CatalogQuery] = []
            for row in 0..<rows {
                let vector = Array(batch[row * dimensions..<(row + 1) * dimensions])
                let id: String
                if let ids = queries.ids {
                    guard let next = try ids.next() else {
                        throw DatabaseError(
                            .invalidInput, "\(ids.file) has \(count + row) ids and there are more query vectors"
                        ).with(file: ids.file, row: count + row)
                    }
                    id = next
                } else {
                    id = queries.vectors.lastIDs?[row] ?? String(count + row)
                }
                staged.append(CatalogQuery(id: id, vector: vector))
            }
            try catalog.stageQueries(staged)
            count += rows
        }
        try validation.throwIfBad(in: queries.vectors)
        if let ids = queries.ids, try ids.next() != nil {
            throw DatabaseError(.invalidInput, "\(ids.file) has more ids than the \(count) query vectors")
                .with(file: ids.file, row: count)
        }
        if let expected = queries.expectedCount, expected != count {
            throw DatabaseError(.invalidInput, "the manifest counts \(expected) queries, \(count) vectors were found")
                .with(expected: "\(expected)", found: "\(count)")
        }
        result.queryCount = count
        result.sampleQueries = try sampled(queries.vectors, count: count)
    }

    /// Queries at equal distances over the whole table.
    private func sampled(_ reader: VectorReader, count: Int) throws -> [[Float]] {
        let wanted = min(count, Self.sampleQueryCount)
        let chosen = Set((0..<wanted).map { $0 * count / wanted })
        var sample: [[Float]] = []
        try reader.rewind()
        var batch = [Float](repeating: 0, count: 4096 * plan.dimensions)
        var first = 0
        while case let rows = try reader.read(into: &batch, maxRows: 4096), rows > 0 {
            for row in 0..<rows where chosen.contains(first + row) {
                sample.append(Array(batch[row * plan.dimensions..<(row + 1) * plan.dimensions]))
            }
            first += rows
        }
        return sample
    }
}

/// What is said of an input in which ids repeat although none should.
///
/// - Parameters:
///   - rows: the first ones that have `id`, ascending.
///   - repeats: rows whose id an earlier row has.
func repeatedIDs(_ id: String, rows: [UInt64], repeats: Int, of count: Int) -> DatabaseError {
    DatabaseError(
        .invalidInput, remedy: .duplicateIDs,
        "rows \(rows.prefix(2).map { String($0) }.joined(separator: " and ")) have the same id '\(id)'; "
            + "\(repeats) of \(count) rows repeat an id; correct them, or have the last of each kept or all allowed"
    ).with(row: rows.first.map { Int($0) }, badRowCount: repeats, id: id)
}

// Readers of inputs and the catalog know nothing of each other, so both have types for what passes from one to the other.

extension CatalogColumnType {
    fileprivate init(_ type: MetadataSchema.ColumnType) {
        switch type {
        case .integer: self = .integer
        case .real: self = .real
        case .text: self = .text
        case .bool: self = .bool
        }
    }
}

extension CatalogValue {
    fileprivate init(_ value: MetadataValue) {
        switch value {
        case .null: self = .null
        case .integer(let value): self = .integer(value)
        case .real(let value): self = .real(value)
        case .text(let value): self = .text(value)
        case .bool(let value): self = .bool(value)
        }
    }
}
