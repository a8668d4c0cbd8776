import SegmentFile
import VectorKernels

extension VectorDatabase {
    /// Measures recall and time of one setting over a set of queries.
    ///
    /// A first pass warms caches up and counts recall; timed passes follow, each long enough (50 ms) for the clock.
    ///
    /// - Parameters:
    ///   - queries: row-major, `dimensions` floats each.
    ///   - truth: for each query the ordinals of its true nearest candidates, best first; the first k count, and so do hits
    ///     that tie with the last of them.
    /// - Throws: `invalidArgument` when there are no queries, or `truth` does not fit them, or is refused by
    ///   ``checkTruth(_:named:)``; what searches throw.
    /// - Complexity: `passes` + 1 searches a query, or more for few queries.
    public func evaluate(
        _ queries: [Float], truth: [[UInt64]], options: EvaluationOptions = EvaluationOptions()
    ) throws(DatabaseError) -> Evaluation {
        let dimensions = info.dimensions
        guard !queries.isEmpty, queries.count % dimensions == 0, truth.count == queries.count / dimensions else {
            throw notQueries(queries, count: truth.count, dimensions: dimensions)
        }
        guard options.passes <= EvaluationOptions.passLimit else {
            throw DatabaseError(
                .invalidArgument,
                "passes is \(options.passes); the best of \(EvaluationOptions.passLimit) is as good, and no more are made"
            ).with(found: "\(options.passes)", limit: EvaluationOptions.passLimit)
        }
        try checkTruth(truth, named: "truth")
        var search = options.search
        (search.includesIDs, search.includesMetadata) = (false, false)
        let course = EvaluationCourse(
            database: self, queries: queries, dimensions: dimensions, search: search,
            threads: min(usableThreads(options.threads), truth.count), isBatch: options.batch)
        let clock = ContinuousClock()
        let began = clock.now
        let answers = try course.answers()
        let firstPass = (clock.now - began) / .microseconds(1)
        let repetitions = max(1, Int((50_000 / max(firstPass, 1)).rounded(.up)))
        var best: EvaluationCourse.Pass?
        for _ in 0..<max(1, options.passes) {
            let pass = try course.timedPass(repetitions: repetitions)
            if pass.microseconds < best?.microseconds ?? .infinity { best = pass }
        }
        let times = best?.latencies.sorted() ?? []
        let count = Double(truth.count * repetitions)
        let wall = best?.microseconds ?? 0
        return Evaluation(
            recall: try recall(answers, of: course, truth: truth.map { Array($0.prefix(search.k)) }),
            meanMicroseconds: times.isEmpty ? wall / count : times.reduce(0, +) / Double(times.count),
            p50Microseconds: percentile(times, 0.5), p99Microseconds: percentile(times, 0.99),
            queriesPerSecond: 1e6 * count / wall)
    }

    /// Drops the segment's pages from memory, as far as no other process uses them: for measuring cold searches.
    public func dropPages() { for segment in snapshot.segments.mapped { segment.dropPages() } }
}

/// The queries of an evaluation and how they are put to the database.
private struct EvaluationCourse: Sendable {
    struct Pass {
        /// Wall-clock time from the first query to the last answer.
        var microseconds: Double
        /// Time of each query; none for a batch.
        var latencies: [Double]
    }

    let database: VectorDatabase
    let queries: [Float]
    let dimensions: Int
    let search: SearchOptions
    let threads: Int
    let isBatch: Bool

    var count: Int { queries.count / dimensions }

    func query(_ number: Int) -> Range<Int> { number * dimensions..<(number + 1) * dimensions }

    func answers() throws(DatabaseError) -> [[Hit]] {
        if isBatch { return try database.searchBatch(queries, options: search, threads: threads) }
        var answers: [[Hit]] = []
        for number in 0..<count {
            answers.append(try database.search(queries.span.extracting(query(number)), options: search))
        }
        return answers
    }

    func timedPass(repetitions: Int) throws(DatabaseError) -> Pass {
        let clock = ContinuousClock()
        let began = clock.now
        var latencies: [Double] = []
        if isBatch {
            for _ in 0..<repetitions { _ = try database.searchBatch(queries, options: search, threads: threads) }
        } else {
            // Each thread takes every n-th query, so that all of them end at about the same time.
            let parts = try concurrentMap(count: threads, threads: threads) { thread throws(DatabaseError) in
                var latencies: [Double] = []
                latencies.reserveCapacity(repetitions * (count / threads + 1))
                var last = clock.now
                for _ in 0..<repetitions {
                    for index in stride(from: thread, to: count, by: threads) {
                        _ = try database.search(queries.span.extracting(query(index)), options: search)
                        let now = clock.now
                        latencies.append((now - last) / .microseconds(1))
                        last = now
                    }
                }
                return latencies
            }
            latencies = Array(parts.joined())
        }
        return Pass(microseconds: (clock.now - began) / .microseconds(1), latencies: latencies)
    }
}

extension VectorDatabase {
    private func recall(
        _ answers: [[Hit]], of course: EvaluationCourse, truth: [[UInt64]]
    ) throws(DatabaseError) -> Double {
        var sum = 0.0
        for (number, hits) in answers.enumerated() {
            sum += try recall(
                of: hits, query: course.queries.span.extracting(course.query(number)), truth: truth[number])
        }
        return sum / Double(truth.count)
    }

    /// The share of the true nearest candidates that the hits of one query are.
    ///
    /// Hits that tie with the last of them count as well: which of equal candidates is named is no matter of recall.
    ///
    /// - Parameters:
    ///   - query: what was searched for, `dimensions` floats.
    ///   - truth: ordinals, best first, as many as hits should be found; none: 1.
    /// - Throws: `invalidArgument` for a query that does not fit, `corrupt` when a damaged block is met.
    public func recall(of hits: [Hit], query: [Float], truth: [UInt64]) throws(DatabaseError) -> Double {
        try recall(of: hits, query: query.span, truth: truth)
    }

    private func recall(of hits: [Hit], query: Span<Float>, truth: [UInt64]) throws(DatabaseError) -> Double {
        let snapshot = snapshot
        return try snapshot.reading { () throws(DatabaseError) in
            try snapshot.recall(of: hits, query: query, truth: truth)
        }
    }
}

extension Snapshot {
    fileprivate func recall(of hits: [Hit], query: Span<Float>, truth: [UInt64]) throws(DatabaseError) -> Double {
        guard let last = truth.last else { return 1 }
        let wanted = Set(truth)
        let missed = hits.filter { !wanted.contains($0.ordinal) }
        var found = hits.count - missed.count
        let worst = missed.isEmpty ? -.infinity : segments.metric.shown(try score(ofOrdinal: last, query))
        if worst > -.infinity { found += missed.count { segments.metric.shown($0.score) == worst } }
        return Double(min(found, wanted.count)) / Double(wanted.count)
    }
}

/// The smallest of sorted values that at least `share` of them do not exceed.
private func percentile(_ sorted: [Double], _ share: Double) -> Double? {
    guard !sorted.isEmpty else { return nil }
    return sorted[max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
}
