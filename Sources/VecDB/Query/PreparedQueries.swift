import VectorKernels

// Queries as searches want them: checked, and normalised for cosine. All others are read where they lie.

extension Snapshot {
    /// Calls `body` with a query as the index wants it.
    func withPrepared<Value>(
        _ query: Span<Float>, _ body: (Span<Float>) throws(DatabaseError) -> Value
    ) throws(DatabaseError) -> Value {
        let dimensions = segments.dimensions
        guard query.count == dimensions else {
            throw DatabaseError(
                .invalidArgument, "the query has \(query.count) dimensions, the candidates have \(dimensions)"
            ).with(expected: "\(dimensions)", found: "\(query.count)")
        }
        return try VecDB.withPrepared(
            query, numbers: nil, metric: segments.metric, dimensions: dimensions, body)
    }

    /// Calls `body` with some queries of a batch as the index wants them, row-major.
    ///
    /// - Parameter members: ascending; at least one. They are copied where they do not follow each other.
    func withPrepared<Value>(
        _ members: ArraySlice<Int>, of batch: Batch, _ body: (Span<Float>) throws(DatabaseError) -> Value
    ) throws(DatabaseError) -> Value {
        let (metric, dimensions) = (segments.metric, segments.dimensions)
        let (first, last) = (members[members.startIndex], members[members.endIndex - 1])
        guard last - first >= members.count else {
            return try VecDB.withPrepared(
                batch.queries(first..<last + 1), numbers: members, metric: metric, dimensions: dimensions, body)
        }
        var queries: [Float] = []
        queries.reserveCapacity(members.count * dimensions)
        for member in members {
            let query = batch.queries(member..<member + 1)
            for column in query.indices { queries.append(query[column]) }
        }
        return try VecDB.withPrepared(
            queries.span, numbers: members, metric: metric, dimensions: dimensions, body)
    }
}

/// Calls `body` with queries as searches want them, row-major. They are copied for cosine.
///
/// - Parameters:
///   - queries: row-major, `dimensions` floats each.
///   - numbers: what errors call them; `nil`: nothing.
/// - Throws: `invalidArgument` for queries that no search can work with.
func withPrepared<Value>(
    _ queries: Span<Float>, numbers: ArraySlice<Int>?, metric: Metric, dimensions: Int,
    _ body: (Span<Float>) throws(DatabaseError) -> Value
) throws(DatabaseError) -> Value {
    var vectors = metric == .cosine ? [Float](repeating: 0, count: queries.count) : []
    var output = vectors.mutableSpan
    for index in 0..<queries.count / dimensions {
        let range = index * dimensions..<(index + 1) * dimensions
        do throws(DatabaseError) {
            try check(queries.extracting(range))
            guard metric == .cosine else { continue }
            for column in range { output[column] = queries[column] }
            var vector = output._mutatingExtracting(range)
            guard normalise(&vector) != nil else {
                throw DatabaseError(.invalidArgument, "the query is a zero vector, which has no direction for cosine")
            }
        } catch { throw error.with(row: numbers.map { $0[$0.startIndex + index] }) }
    }
    return if metric == .cosine { try body(vectors.span) } else { try body(queries) }
}

/// How many queries of `dimensions` floats there are.
func wholeCount(_ queries: Span<Float>, dimensions: Int) throws(DatabaseError) -> Int {
    guard queries.count % dimensions == 0 else {
        throw DatabaseError(
            .invalidArgument, "\(queries.count) floats are no whole number of queries of \(dimensions) dimensions"
        ).with(found: "\(queries.count)")
    }
    return queries.count / dimensions
}

/// What is said of queries that are not as many as what is known of them.
func notQueries(_ queries: [Float], count: Int, dimensions: Int) -> DatabaseError {
    DatabaseError(.invalidArgument, "\(queries.count) floats are not \(count) queries of \(dimensions) dimensions")
        .with(expected: "\(count * dimensions)", found: "\(queries.count)")
}

/// Refuses a query that no search can work with.
private func check(_ query: Span<Float>) throws(DatabaseError) {
    // One pass finds NaN, infinities and overflow; only then is it asked which of them it was.
    guard !Kernels.best.dot(query, query).isFinite else { return }
    if let place = query.indices.first(where: { !query[$0].isFinite }) {
        throw DatabaseError(
            .invalidArgument, "dimension \(place) of the query is \(query[place]); queries are finite"
        ).with(found: "\(query[place])")
    }
    throw DatabaseError(.invalidArgument, "the squared norm of the query overflows f32; scale it down")
}

/// Divides a vector by its length, in place (numerics, section 1).
///
/// - Returns: the length it had; `nil` for a zero vector, which is left alone.
func normalise(_ vector: inout MutableSpan<Float>) -> Float? {
    var sum = 0.0
    for index in vector.indices { sum += Double(vector[index]) * Double(vector[index]) }
    let norm = sum.squareRoot()
    guard norm > 0 else { return nil }
    for index in vector.indices { vector[index] = Float(Double(vector[index]) / norm) }
    return Float(norm)
}

/// Normalises rows in place; zero vectors stay.
func normaliseRows(_ rows: inout [Float], dimensions: Int) {
    var span = rows.mutableSpan
    for row in 0..<span.count / dimensions {
        var vector = span._mutatingExtracting(row * dimensions..<(row + 1) * dimensions)
        _ = normalise(&vector)
    }
}
