import ArgumentParser
import EmbeddingInput
import VecDB

/// Some consecutive queries.
struct QueryBatch {
    /// The number of the first one among all queries.
    let firstIndex: Int
    let count: Int
    let dimensions: Int
    /// `count` × `dimensions`, row-major.
    let vectors: [Float]
    /// One for each query, when they have ids.
    let ids: [String]?

    func vector(_ position: Int) -> [Float] {
        Array(vectors[position * dimensions..<(position + 1) * dimensions])
    }

    func id(_ position: Int) -> String? {
        ids?[position]
    }
}

/// The queries of a command line, in batches.
final class QuerySource {
    private enum Content {
        /// All at once.
        case batch(QueryBatch)
        case file(VectorReader, VectorValidation)
        case finished
    }

    private var content: Content

    /// - Throws: for an unknown query id, a file that cannot be read, or other dimensions than the database's; before
    ///   any query has been answered.
    init(_ options: QueryInputOptions, of searched: Searched, named name: String) throws {
        if let text = options.vector {
            let vector = try parsedVector(text)
            try checkDimensions(vector.count, of: "--vector", searched, name)
            content = .batch(
                QueryBatch(firstIndex: 0, count: 1, dimensions: searched.dimensions, vectors: vector, ids: nil))
        } else if let file = options.queries {
            let reader = try VectorReader.open(
                [file], format: options.inputFormat, tensor: options.tensor, text: options.textLayout.layout,
                isCancelled: { Interrupts.requested })
            try checkDimensions(reader.dimensions, of: reader.files[0], searched, name)
            content = .file(
                reader,
                VectorValidation(dimensions: searched.dimensions, refusesZeroVectors: searched.metric == .cosine))
        } else {
            let vectors = try options.queryIDs.flatMap { id in
                guard let vector = try searched.queryVector(id: id) else {
                    throw unknownQuery(id, of: searched.queries, name, nearest: try searched.nearestQueryID(to: id))
                }
                return vector
            }
            content = .batch(
                QueryBatch(
                    firstIndex: 0, count: options.queryIDs.count, dimensions: searched.dimensions, vectors: vectors,
                    ids: options.queryIDs))
        }
    }

    /// How many queries there are, where that is known before they are read.
    var count: Int? {
        switch content {
        case .batch(let batch): batch.count
        case .file(let reader, _): reader.count
        case .finished: 0
        }
    }

    /// The next queries, or `nil` after the last.
    func next(maxCount: Int) throws -> QueryBatch? {
        switch content {
        case .finished:
            return nil
        case .batch(let batch):
            content = .finished
            return batch
        case .file(let reader, var validation):
            let dimensions = reader.dimensions
            let firstIndex = reader.rowsRead
            var vectors = [Float](repeating: 0, count: maxCount * dimensions)
            let count = try reader.read(into: &vectors, maxRows: maxCount)
            guard count > 0 else { return nil }
            validation.check(vectors.span, rowCount: count, overflowedRows: reader.overflowedRows)
            try validation.throwIfBad(in: reader)
            content = .file(reader, validation)
            vectors.removeLast((maxCount - count) * dimensions)
            return QueryBatch(
                firstIndex: firstIndex, count: count, dimensions: dimensions, vectors: vectors, ids: reader.lastIDs)
        }
    }
}

private func checkDimensions(_ found: Int, of source: String, _ searched: Searched, _ name: String) throws {
    guard found == searched.dimensions else {
        throw DatabaseError(
            .invalidInput,
            "\(source): has \(counted(found, "dimension")), but the vectors of \(name) have \(grouped(searched.dimensions)); "
                + "use queries of the same model")
    }
}

func unknownQuery(_ id: String, of count: Int, _ name: String, nearest: String?) -> DatabaseError {
    let remedy =
        count == 0
        ? "it has no table of queries ('--query-vectors'); use '--vector' or '--queries'"
        : (nearest.map { "the nearest id is '\(printable($0))'" } ?? "check the id") + ", or use '--vector'"
    return DatabaseError(
        .notFound,
        "\(name): no stored query has the id '\(printable(id))'; there are "
            + "\(counted(count, "query", "queries")): \(remedy)")
}

/// The numbers of a JSON array.
///
/// Each is rounded once, straight from its decimals, so that it is the same float as in a file.
func parsedVector(_ text: String) throws -> [Float] {
    let trimmed = text.drop(while: \.isWhitespace)
    guard trimmed.first == "[", let end = trimmed.lastIndex(of: "]"),
        trimmed[end...].dropFirst().allSatisfy(\.isWhitespace)
    else {
        throw ValidationError("'--vector' is no JSON array; write it as '[0.12, -1.5, 3]'.")
    }
    let numbers = trimmed[..<end].dropFirst().split(separator: ",", omittingEmptySubsequences: false)
    var vector: [Float] = []
    vector.reserveCapacity(numbers.count)
    for (position, number) in numbers.enumerated() {
        let digits = String(number).trimmingWhitespace()
        guard digits.allSatisfy({ "0123456789+-.eE".contains($0) }), let value = Float(digits) else {
            throw ValidationError("'--vector': number \(position + 1) is '\(printable(digits))', which is no number.")
        }
        guard value.isFinite else {
            throw ValidationError("'--vector': number \(position + 1) is '\(digits)', which overflows a 32-bit float.")
        }
        vector.append(value)
    }
    return vector
}

extension String {
    fileprivate func trimmingWhitespace() -> String {
        let front = drop(while: \.isWhitespace)
        guard let last = front.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(front[...last])
    }
}
