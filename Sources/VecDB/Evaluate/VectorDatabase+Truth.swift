extension VectorDatabase {
    /// Refuses answers that no search can give: ordinals that no candidate has, or that one query has twice.
    ///
    /// - Parameters:
    ///   - truth: a row of ordinals for each query.
    ///   - name: what an error calls it.
    /// - Throws: `invalidArgument`, naming the first such row and ordinal; what reading throws.
    /// - Complexity: O(n log n) for a row of n ordinals.
    public func checkTruth(_ truth: [[UInt64]], named name: String) throws(DatabaseError) {
        let snapshot = snapshot
        try snapshot.reading { () throws(DatabaseError) in
            for (row, ordinals) in truth.enumerated() {
                for ordinal in ordinals where try !snapshot.holds(ordinal) {
                    let (first, end) = snapshot.segments.ordinals
                    let countsFromOne = ordinal == end && !truth.contains { $0.contains(first) }
                    throw DatabaseError(
                        .invalidArgument,
                        "\(name), row \(row): no candidate has the ordinal \(ordinal); "
                            + (end == first ? "the database is empty" : "there are \(first) to \(end - 1)")
                            + (countsFromOne ? ", and it seems to count from 1: take 1 from every ordinal" : "")
                    ).with(row: row, ordinal: ordinal)
                }
                let sorted = ordinals.sorted()
                if let (repeated, _) = zip(sorted, sorted.dropFirst()).first(where: { $0 == $1 }) {
                    throw DatabaseError(
                        .invalidArgument,
                        "\(name), row \(row): names the ordinal \(repeated) twice; a candidate is among the nearest of a "
                            + "query once"
                    ).with(row: row, ordinal: repeated)
                }
            }
        }
    }

    /// Whether the ordinals of `truth` seem to count from 1: brute force finds less than half of them, and more than twice
    /// as many of those that are one less.
    ///
    /// Asked of the first ten ordinals of at most 16 queries, evenly spread, and only where no ordinal is the first
    /// candidate's. Candidates that tie with the last of them count, as for recall.
    ///
    /// - Parameters:
    ///   - queries: row-major, `dimensions` floats each.
    ///   - truth: a row of ordinals for each query, best first, that ``checkTruth(_:named:)`` has let pass.
    /// - Throws: `invalidArgument` for queries that do not fit, `corrupt` when a damaged block is met.
    /// - Complexity: brute force for the queries asked about.
    public func seemsToCountFromOne(_ truth: [[UInt64]], of queries: [Float]) throws(DatabaseError) -> Bool {
        let (first, dimensions) = (snapshot.segments.ordinals.first, info.dimensions)
        guard queries.count == truth.count * dimensions else {
            throw notQueries(queries, count: truth.count, dimensions: dimensions)
        }
        guard !truth.contains(where: { $0.contains(first) }) else { return false }
        var (asGiven, oneLess) = (0.0, 0.0)
        for index in evenlySpaced(16, of: truth.count) where !truth[index].isEmpty {
            let ordinals = Array(truth[index].prefix(10))
            let query = Array(queries[index * dimensions..<(index + 1) * dimensions])
            let hits = try search(query, options: SearchOptions(k: ordinals.count, exact: true, includesIDs: false))
            asGiven += try recall(of: hits, query: query, truth: ordinals)
            // Between ordinals there may be gaps, left by duplicates that were dropped.
            var shifted: [UInt64] = []
            for ordinal in ordinals where try snapshot.holds(ordinal - 1) { shifted.append(ordinal - 1) }
            let share = Double(shifted.count) / Double(ordinals.count)
            oneLess += share * (try recall(of: hits, query: query, truth: shifted))
        }
        let asked = Double(min(16, truth.count))
        return asGiven < asked / 2 && oneLess > 2 * asGiven
    }
}
