import EmbeddingInput
import VecDB

// What 'eval' and 'tune' measure with: a file of queries, held in memory, and their true nearest candidates.

/// All queries of a file.
///
/// - Throws: for a file that cannot be read, other dimensions than the database's, or no query at all.
func allQueries(
    _ file: String, format: VectorFileFormat?, tensor: String?, of database: VectorDatabase, named name: String
) throws -> QueryBatch {
    var options = QueryInputOptions()
    (options.vector, options.queries, options.queryIDs) = (nil, file, [])
    (options.inputFormat, options.tensor) = (format, tensor)
    let source = try QuerySource(options, database: database, named: name)
    let dimensions = database.info.dimensions
    var vectors: [Float] = []
    while let batch = try source.next(maxCount: 1024) { vectors += batch.vectors }
    guard !vectors.isEmpty else { throw DatabaseError(.invalidInput, "\(file): holds no query") }
    return QueryBatch(
        firstIndex: 0, count: vectors.count / dimensions, dimensions: dimensions, vectors: vectors, ids: nil)
}

/// The ordinals of a truth file, at least k for each query.
func trueNearest(_ file: String, queryCount: Int, k: Int) throws -> [[UInt64]] {
    let table = try OrdinalTable(file)
    guard table.rows.count == queryCount else {
        throw DatabaseError(
            .invalidInput,
            "\(file): has \(counted(table.rows.count, "row")) for \(counted(queryCount, "query", "queries"))")
    }
    guard let columns = table.rows.first?.count, columns >= k else {
        throw DatabaseError(
            .invalidInput, "\(file): has fewer than \(grouped(k)) ordinals a row; recall@\(k) needs \(k)")
    }
    return table.rows
}
