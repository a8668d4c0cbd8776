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
            var queries: [Float] = []
            queries.reserveCapacity(group.count * segment.dimensions)
            for query in group { queries += try prepared(query, of: batch) }
            return try answersOfGroup(
                queries, excluding: group.map { batch.excluded[$0] }, options: batch.options, sessions: batch.sessions)
        }
        return Array(answers.joined())
    }

    /// The hits of a group of queries.
    private func answersOfGroup(
        _ queries: [Float], excluding excluded: [ExcludedRows], options: SearchOptions, sessions: SearchSessions
    ) throws(DatabaseError) -> [[Hit]] {
        var candidates: [TopCandidates]
        do throws(SegmentError) {
            candidates = try segment.scanExactly(queries, k: options.k, excluding: excluded)
        } catch { throw DatabaseError(error) }
        return try sessions.withSession { session throws(DatabaseError) in
            var answers: [[Hit]] = []
            for index in candidates.indices {
                swap(&session.scratch.candidates, &candidates[index])
                do throws(SegmentError) {
                    try segment.rankExactly(options.k, scratch: &session.scratch)
                } catch { throw DatabaseError(error) }
                answers.append(try hits(session.scratch, options))
            }
            return answers
        }
    }
}

/// How many queries share a scan at most: enough to make reading rows and turning them cheap.
private let mostQueriesOfGroup = 128
