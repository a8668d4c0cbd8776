extension VectorDatabase {
    // MARK: one query

    /// The best `options.k` candidates for one query, best first.
    ///
    /// - Parameter query: `dimensions` finite floats, read where they lie; normalised here for cosine.
    /// - Returns: fewer hits than `k` only when fewer candidates may be returned.
    /// - Throws: `invalidArgument` for a query that does not fit, `corrupt` when a damaged block is met, `deadlinePassed`,
    ///   `cancelled`.
    /// - Complexity: O(leaves · d) to choose leaves, O(slots scanned · subspaces), O(reorder · d).
    /// - SeeAlso: Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector Quantization", ICML 2020.
    public func search(
        _ query: Span<Float>, options: SearchOptions = SearchOptions()
    ) throws(DatabaseError) -> [Hit] {
        try check(options)
        return try sessions.withSession { session throws(DatabaseError) in
            try session.snapshot.reading { () throws(DatabaseError) in
                var trace = SearchTrace(isOn: false, limits: SearchLimits(options))
                return try session.snapshot.search(query, options: options, scratch: &session.scratch, trace: &trace)
            }
        }
    }

    /// The same for a query in an array, which is not copied.
    public func search(_ query: [Float], options: SearchOptions = SearchOptions()) throws(DatabaseError) -> [Hit] {
        try search(query.span, options: options)
    }

    /// As ``search(_:options:)``, with an account of what was done.
    public func explain(
        _ query: Span<Float>, options: SearchOptions = SearchOptions()
    ) throws(DatabaseError) -> (hits: [Hit], statistics: SearchStatistics) {
        try check(options)
        return try sessions.withSession { session throws(DatabaseError) in
            try session.snapshot.reading { () throws(DatabaseError) in
                var trace = SearchTrace(isOn: true, limits: SearchLimits(options))
                let hits = try session.snapshot.search(
                    query, options: options, scratch: &session.scratch, trace: &trace)
                return (hits, trace.statistics)
            }
        }
    }

    /// The same for a query in an array, which is not copied.
    public func explain(
        _ query: [Float], options: SearchOptions = SearchOptions()
    ) throws(DatabaseError) -> (hits: [Hit], statistics: SearchStatistics) {
        try explain(query.span, options: options)
    }

    // MARK: several queries

    /// Searches for several queries at once; bit for bit what ``search(_:options:)`` answers to each. What it throws, for
    /// any of them, leaves all without an answer.
    ///
    /// - Parameters:
    ///   - queries: row-major, `dimensions` floats each; read where they lie, and copied in groups for cosine, which
    ///     normalises them.
    ///   - excludedIDs: more exclusions for single queries, by their index. `options.excludedIDs`, which all queries
    ///     share, are looked up once.
    ///   - threads: how many to use, at most 1,024; `nil`: one for each core.
    public func searchBatch(
        _ queries: Span<Float>, options: SearchOptions = SearchOptions(), excludedIDs: [Int: [String]] = [:],
        threads: Int? = nil
    ) throws(DatabaseError) -> [[Hit]] {
        try check(options)
        let snapshot = snapshot
        _ = try wholeCount(queries, dimensions: snapshot.segments.dimensions)
        let threads = usableThreads(threads)
        return try snapshot.reading { () throws(DatabaseError) in
            try snapshot.searchBatch(
                queries, options: options, excludedIDs: excludedIDs, threads: threads, sessions: sessions)
        }
    }

    /// The same for queries in an array, which is not copied.
    public func searchBatch(
        _ queries: [Float], options: SearchOptions = SearchOptions(), excludedIDs: [Int: [String]] = [:],
        threads: Int? = nil
    ) throws(DatabaseError) -> [[Hit]] {
        try searchBatch(queries.span, options: options, excludedIDs: excludedIDs, threads: threads)
    }

    /// What ``explain(_:options:)`` answers to each of several queries, one after the other on one thread. Lists of ids
    /// are looked up once, before the first.
    ///
    /// - Parameters:
    ///   - queries: row-major, `dimensions` floats each.
    ///   - excludedIDs: as in ``searchBatch(_:options:excludedIDs:threads:)``.
    public func explainBatch(
        _ queries: Span<Float>, options: SearchOptions = SearchOptions(), excludedIDs: [Int: [String]] = [:]
    ) throws(DatabaseError) -> [(hits: [Hit], statistics: SearchStatistics)] {
        try check(options)
        return try sessions.withSession { session throws(DatabaseError) in
            let snapshot = session.snapshot
            let dimensions = snapshot.segments.dimensions
            let count = try wholeCount(queries, dimensions: dimensions)
            return try snapshot.reading { () throws(DatabaseError) in
                let filters = try snapshot.filters(
                    options.excludedIDs, excludedIDs.filter { 0..<count ~= $0.key }, threads: 1)
                var answers: [(hits: [Hit], statistics: SearchStatistics)] = []
                for query in 0..<count {
                    var trace = SearchTrace(isOn: true, limits: SearchLimits(options))
                    let hits = try snapshot.search(
                        queries.extracting(query * dimensions..<(query + 1) * dimensions), options: options,
                        filter: filters[query], scratch: &session.scratch, trace: &trace)
                    answers.append((hits, trace.statistics))
                }
                return answers
            }
        }
    }

    /// The same for queries in an array, which is not copied.
    public func explainBatch(
        _ queries: [Float], options: SearchOptions = SearchOptions(), excludedIDs: [Int: [String]] = [:]
    ) throws(DatabaseError) -> [(hits: [Hit], statistics: SearchStatistics)] {
        try explainBatch(queries.span, options: options, excludedIDs: excludedIDs)
    }

    private func check(_ options: SearchOptions) throws(DatabaseError) {
        guard options.k >= 1 else {
            throw DatabaseError(.invalidArgument, "k is \(options.k); at least one hit must be asked for")
        }
        if let leaves = options.leavesToSearch, leaves < 1 {
            throw DatabaseError(.invalidArgument, "leaves to search is \(leaves); at least one leaf must be searched")
        }
        if let reorder = options.reorder, reorder < 0 {
            throw DatabaseError(.invalidArgument, "reorder is \(reorder); it cannot be negative")
        }
    }
}
