import ArgumentParser
import EmbeddingInput
import VecDB

// What 'eval' and 'tune' measure with: a file of queries, held in memory, and their true nearest candidates.

/// All queries of a file.
///
/// - Throws: for a file that cannot be read, other dimensions than the database's, no query at all, or more of them than
///   are held in memory; where the file says how many it has, before they are read.
func allQueries(
    _ file: String, format: VectorFileFormat?, tensor: String?, text: TextLayoutOptions, of database: VectorDatabase,
    named name: String
) throws -> QueryBatch {
    var options = QueryInputOptions()
    (options.vector, options.queries, options.queryIDs) = (nil, file, [])
    (options.inputFormat, options.tensor, options.textLayout) = (format, tensor, text)
    let source = try QuerySource(options, of: .database(database), named: name)
    let dimensions = database.info.dimensions
    try checkQueryCount(source.count ?? 0, dimensions, in: file)
    var vectors: [Float] = []
    while let batch = try source.next(maxCount: 1024) {
        if Interrupts.requested { throw DatabaseError(.cancelled, "interrupted; nothing was changed") }
        vectors += batch.vectors
        try checkQueryCount(vectors.count / dimensions, dimensions, in: file)
    }
    guard !vectors.isEmpty else { throw DatabaseError(.invalidInput, "\(file): holds no query") }
    return QueryBatch(
        firstIndex: 0, count: vectors.count / dimensions, dimensions: dimensions, vectors: vectors, ids: nil)
}

/// Refuses more than 1 GiB of floats.
private func checkQueryCount(_ count: Int, _ dimensions: Int, in file: String) throws {
    let limit = (1 << 30) / (4 * dimensions)
    guard count > limit else { return }
    throw DatabaseError(
        .invalidInput,
        "\(file): \(grouped(count)) queries of \(counted(dimensions, "dimension")) are more than the 1 GiB of them that is "
            + "held in memory; give at most \(grouped(limit)), such as a sample")
}

/// Throws a usage error when something is said about a file of queries and there is none.
func checkQueryFileOptions(
    _ queries: String?, truth: String?, _ format: VectorFileFormat?, tensor: String?, _ text: TextLayoutOptions
) throws {
    let given: [(String, Bool)] = [
        ("--truth", truth != nil), ("--input-format", format != nil), ("--tensor", tensor != nil),
    ]
    guard queries == nil, let options = quotedList(given.filter(\.1).map(\.0) + text.given) else { return }
    throw ValidationError("\(options) belongs to '--queries'; give that too.")
}

/// A file of true nearest candidates.
struct TruthFile {
    /// At least k ordinals for each query, all of them those of candidates, none twice for one query.
    let ordinals: [[UInt64]]
    /// What is strange about them, where something is.
    let doubt: String?

    init(_ file: String, of queries: QueryBatch, k: Int, in database: VectorDatabase) throws {
        ordinals = try trueNearest(file, queryCount: queries.count, k: k, in: database)
        let isDoubtful = try database.seemsToCountFromOne(ordinals, of: queries.vectors)
        doubt =
            isDoubtful
            ? "\(file): the truth looks one-based: brute force finds more of it when 1 is taken from every ordinal; "
                + "ordinals count from 0" : nil
    }
}

private func trueNearest(_ file: String, queryCount: Int, k: Int, in database: VectorDatabase) throws -> [[UInt64]] {
    let table = try OrdinalTable(
        file, queryCount: queryCount, candidateCount: database.info.rows, isCancelled: { Interrupts.requested })
    guard table.rows.count == queryCount else {
        throw DatabaseError(
            .invalidInput,
            "\(file): has \(counted(table.rows.count, "row")) for \(counted(queryCount, "query", "queries"))")
    }
    guard let columns = table.rows.first?.count, columns >= k else {
        throw DatabaseError(
            .invalidInput, "\(file): has fewer than \(grouped(k)) ordinals a row; recall@\(k) needs \(k)")
    }
    do { try database.checkTruth(table.rows, named: file) } catch {
        guard error.code == .invalidArgument else { throw error }
        throw DatabaseError(.invalidInput, error.message)
    }
    return table.rows
}

/// The queries that the database holds.
func storedQueries(of database: VectorDatabase, named name: String) throws -> QueryBatch {
    let (count, dimensions) = (database.info.queries, database.info.dimensions)
    guard count > 0 else {
        throw DatabaseError(
            .invalidInput,
            "\(name): holds no queries to measure with (built without '--query-vectors'); give '--queries'")
    }
    var (vectors, ids) = ([Float](), [String]())
    while ids.count < count {
        let batch = try database.storedQueries(from: ids.count, limit: 1024)
        guard !batch.isEmpty else { break }
        for query in batch {
            vectors += query.vector
            ids.append(query.id)
        }
    }
    return QueryBatch(firstIndex: 0, count: ids.count, dimensions: dimensions, vectors: vectors, ids: ids)
}

/// Queries, each with the id of the candidate that a user chose.
struct LabelledQueries {
    let vectors: [Float]
    let labels: [String]

    /// A line for each query of a file: the candidate's id.
    init(_ file: String, of queries: QueryBatch) throws {
        let lines = try idLines(file)
        guard lines.count == queries.count else {
            throw DatabaseError(
                .invalidInput,
                "\(file): has \(counted(lines.count, "label")) for \(counted(queries.count, "query", "queries")); one a line"
            )
        }
        (vectors, labels) = (queries.vectors, lines)
    }

    /// Lines of a stored query's id, a tab and the candidate's id, as in the `test.tsv` of an export.
    init(pairs file: String, in database: VectorDatabase, named name: String) throws {
        var stored: [ByteString: [Float]] = [:]
        var (vectors, labels) = ([Float](), [String]())
        for (index, line) in try idLines(file).enumerated() {
            let bytes = line.utf8
            guard let tab = bytes.firstIndex(of: UInt8(ascii: "\t")) else {
                throw DatabaseError(
                    .invalidInput,
                    "\(file), line \(grouped(index + 1)): is no pair of a query's id, a tab and a candidate's id; "
                        + "give '--queries' for labels alone")
            }
            let query = ByteString(bytes: bytes[..<tab])
            if let known = stored[query] {
                vectors += known
            } else {
                guard let vector = try database.queryVector(id: query.text) else {
                    throw unknownQuery(
                        query.text, of: database.info.queries, name,
                        nearest: try database.nearestQueryID(to: query.text))
                }
                stored[query] = vector
                vectors += vector
            }
            labels.append(String(Substring(bytes[bytes.index(after: tab)...])))
        }
        guard !labels.isEmpty else { throw DatabaseError(.invalidInput, "\(file): holds no label") }
        (self.vectors, self.labels) = (vectors, labels)
    }
}

private func idLines(_ file: String) throws -> [String] {
    let reader = try IDReader.open(file, isCancelled: { Interrupts.requested })
    var lines: [String] = []
    while let line = try reader.next() { lines.append(line) }
    return lines
}
