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
                .invalidArgument, "the query has \(query.count) dimensions, the candidates have \(dimensions)")
        }
        return try VecDB.withPrepared(query, metric: segments.metric, dimensions: dimensions, body)
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
                batch.queries(first..<last + 1), metric: metric, dimensions: dimensions, body)
        }
        var queries: [Float] = []
        queries.reserveCapacity(members.count * dimensions)
        for member in members {
            let query = batch.queries(member..<member + 1)
            for column in query.indices { queries.append(query[column]) }
        }
        return try VecDB.withPrepared(queries.span, metric: metric, dimensions: dimensions, body)
    }
}

/// Calls `body` with queries as searches want them, row-major. They are copied for cosine.
///
/// - Parameter queries: row-major, `dimensions` floats each.
/// - Throws: `invalidArgument` for queries that no search can work with.
func withPrepared<Value>(
    _ queries: Span<Float>, metric: Metric, dimensions: Int, _ body: (Span<Float>) throws(DatabaseError) -> Value
) throws(DatabaseError) -> Value {
    guard metric == .cosine else {
        for start in stride(from: 0, to: queries.count, by: dimensions) {
            try check(queries.extracting(start..<start + dimensions))
        }
        return try body(queries)
    }
    var vectors = [Float](repeating: 0, count: queries.count)
    var output = vectors.mutableSpan
    for start in stride(from: 0, to: queries.count, by: dimensions) {
        try check(queries.extracting(start..<start + dimensions))
        for column in start..<start + dimensions { output[column] = queries[column] }
        var vector = output._mutatingExtracting(start..<start + dimensions)
        guard normalise(&vector) != nil else {
            throw DatabaseError(.invalidArgument, "the query is a zero vector, which has no direction for cosine")
        }
    }
    return try body(vectors.span)
}

/// How many queries of `dimensions` floats there are.
func wholeCount(_ queries: Span<Float>, dimensions: Int) throws(DatabaseError) -> Int {
    guard queries.count % dimensions == 0 else {
        throw DatabaseError(
            .invalidArgument, "\(queries.count) floats are no whole number of queries of \(dimensions) dimensions")
    }
    return queries.count / dimensions
}

/// Refuses a query that no search can work with.
private func check(_ query: Span<Float>) throws(DatabaseError) {
    // One pass finds NaN, infinities and overflow; only then is it asked which of them it was.
    guard !Kernels.best.dot(query, query).isFinite else { return }
    if let place = query.indices.first(where: { !query[$0].isFinite }) {
        throw DatabaseError(
            .invalidArgument, "dimension \(place) of the query is \(query[place]); queries are finite")
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
