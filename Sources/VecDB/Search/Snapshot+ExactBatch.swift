import SegmentFile
import TreeAH
import VectorKernels

extension Snapshot {
    /// Whether such a search is brute force: asked for, for want of a tree, or because the defaults leave nothing out.
    func answersExactly(_ options: SearchOptions) -> Bool {
        guard !options.exact, let tree = segment.parameters.tree else { return true }
        guard options.leavesToSearch == nil, options.reorder == nil, let defaults else { return false }
        return defaults.leavesToSearch >= tree.leafCount && defaults.reorder >= segment.rowCount
    }

    /// Brute force for several queries at once: each thread scans the rows for a group of them. What each query is
    /// answered, `search` would answer too.
    func searchExactBatch(
        _ queries: [Float], options: SearchOptions, excludedIDs: [Int: [String]], threads: Int, sessions: SearchSessions
    ) throws(DatabaseError) -> [[Hit]] {
        let dimensions = segment.dimensions
        let count = queries.count / dimensions
        guard count > 0 else { return [] }
        let threads = max(1, min(threads, count))
        // Groups of one size, a multiple of `threads` of them, so that all threads end together.
        let rounds = (count + threads * mostQueriesOfGroup - 1) / (threads * mostQueriesOfGroup)
        let groupSize = (count + rounds * threads - 1) / (rounds * threads)
        let shared = try excludedRows(options.excludedIDs)
        let answers = try concurrentMap(count: (count + groupSize - 1) / groupSize, threads: threads) {
            group throws(DatabaseError) in
            let members = group * groupSize..<min(count, (group + 1) * groupSize)
            var prepared: [Float] = []
            var excluded: [ExcludedRows] = []
            prepared.reserveCapacity(members.count * dimensions)
            for index in members {
                prepared += try self.prepared(Array(queries[index * dimensions..<(index + 1) * dimensions]))
                let more = excludedIDs[index] ?? []
                excluded.append(more.isEmpty ? shared : try excludedRows(options.excludedIDs + more))
            }
            return try answersOfGroup(prepared, excluding: excluded, options: options, sessions: sessions)
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
