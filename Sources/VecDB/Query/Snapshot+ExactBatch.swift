import SegmentFile
import TreeAH
import VectorKernels

extension Snapshot {
    /// Brute force for some queries of a batch at once: each thread scans the rows for a group of them. What each query is
    /// answered, `search` would answer too.
    func searchExactly(_ members: [Int], of batch: Batch) throws(DatabaseError) -> [[Hit]] {
        let count = members.count
        guard count > 0 else { return [] }
        let threads = max(1, min(batch.threads, count))
        // Groups of one size, a multiple of `threads` of them, so that all threads end together.
        let rounds = (count + threads * mostQueriesOfGroup - 1) / (threads * mostQueriesOfGroup)
        let groupSize = (count + rounds * threads - 1) / (rounds * threads)
        let answers = try concurrentMap(count: (count + groupSize - 1) / groupSize, threads: threads) {
            group throws(DatabaseError) in
            let group = members[group * groupSize..<min(count, (group + 1) * groupSize)]
            return try withPrepared(group, of: batch) { queries throws(DatabaseError) in
                try answersOfGroup(
                    queries, filters: group.map { batch.filters[$0] }, options: batch.options,
                    limits: batch.limits, sessions: batch.sessions)
            }
        }
        return Array(answers.joined())
    }

    /// The hits of a group of queries.
    private func answersOfGroup(
        _ queries: Span<Float>, filters: [SnapshotFilter], options: SearchOptions, limits: SearchLimits,
        sessions: SearchSessions
    ) throws(DatabaseError) -> [[Hit]] {
        let parts = segments.parts
        var candidates: [[TopCandidates]] = []
        do {
            for (place, part) in parts.enumerated() {
                candidates.append(
                    try part.scanExactly(
                        queries, k: options.k, filters: filters.map { $0[place] }, limits: limits))
            }
        } catch { throw DatabaseError(anyError: error) }
        return try sessions.withSession { session throws(DatabaseError) in
            var answers: [[Hit]] = []
            for query in filters.indices {
                try limits.check()
                session.scratch.hits.reset(k: options.k)
                for (place, part) in parts.enumerated() {
                    swap(&session.scratch.candidates, &candidates[place][query])
                    do throws(SegmentError) {
                        try part.collect(options.k, scratch: &session.scratch)
                    } catch { throw DatabaseError(error) }
                }
                answers.append(try hits(session.scratch, options))
            }
            return answers
        }
    }
}

/// How many queries share a scan at most: enough to make reading rows and turning them cheap.
private let mostQueriesOfGroup = 128
