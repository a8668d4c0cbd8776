import EmbeddingInput
import SegmentFile
import TreeAH
import VectorKernels

/// Which rows the queries of a batch may be answered. A list of exclusions that they share is resolved once, however many they are.
struct BatchFilters: Sendable {
    let shared: SnapshotFilter
    /// Of queries that have a list of their own: what is shared included.
    let own: [Int: SnapshotFilter]

    subscript(query: Int) -> SnapshotFilter { own[query] ?? shared }
}

/// Queries of a batch, and how they are answered.
struct Batch: Sendable, ~Escapable {
    /// All of the batch, row-major, as given.
    private let queries: Span<Float>
    private let dimensions: Int
    let options: SearchOptions
    let limits: SearchLimits
    let filters: BatchFilters
    let threads: Int
    let sessions: SearchSessions

    @_lifetime(copy queries)
    init(
        _ queries: Span<Float>, dimensions: Int, options: SearchOptions, filters: BatchFilters, threads: Int,
        sessions: SearchSessions
    ) {
        (self.queries, self.dimensions, self.options) = (queries, dimensions, options)
        limits = SearchLimits(options)
        (self.filters, self.threads, self.sessions) = (filters, threads, sessions)
    }

    /// Some of the queries.
    @_lifetime(copy self)
    func queries(_ range: Range<Int>) -> Span<Float> {
        queries.extracting(range.lowerBound * dimensions..<range.upperBound * dimensions)
    }
}

extension Snapshot {
    /// What ``search(_:options:scratch:trace:)`` answers to each query.
    func searchBatch(
        _ queries: Span<Float>, options: SearchOptions, excludedIDs: [Int: [String]], threads: Int,
        sessions: SearchSessions
    ) throws(DatabaseError) -> [[Hit]] {
        let count = queries.count / segments.dimensions
        guard count > 0 else { return [] }
        try SearchLimits(options).check()
        let batch = Batch(
            queries, dimensions: segments.dimensions, options: options,
            filters: try filters(options.excludedIDs, excludedIDs.filter { 0..<count ~= $0.key }, threads: threads),
            threads: threads, sessions: sessions)
        guard !batch.filters.own.isEmpty else {
            return try answers(
                Array(0..<count), of: batch, plan: plan(options, excluding: batch.filters.shared.excludedCount))
        }
        // How many rows are left may decide on another way for each.
        let members = Dictionary(grouping: 0..<count) { plan(options, excluding: batch.filters[$0].excludedCount) }
        var answers = [[Hit]](repeating: [], count: count)
        for (plan, members) in members {
            for (member, hits) in zip(members, try self.answers(members, of: batch, plan: plan)) {
                answers[member] = hits
            }
        }
        return answers
    }

    /// Looks up each id once, however many lists name it, and makes equal lists one.
    ///
    /// - Complexity: a lookup in the catalog for each different id, and O(ids of all lists).
    func filters(
        _ shared: [String], _ perQuery: [Int: [String]], threads: Int
    ) throws(DatabaseError) -> BatchFilters {
        let shared = try filter(excluding: shared)
        var (ids, numbers) = ([String](), [ByteString: Int]())
        var queries: [[Int]: [Int]] = [:]
        for (query, list) in perQuery where !list.isEmpty {
            let numbered = list.map { id in
                let key = ByteString(id)
                if let known = numbers[key] { return known }
                numbers[key] = ids.count
                ids.append(id)
                return ids.count - 1
            }
            queries[numbered, default: []].append(query)
        }
        let rowsOfID = ids.isEmpty ? [] : try places(ofIDs: ids)
        let equal = Array(queries)
        let resolved = concurrentMap(count: equal.count, threads: threads) { place in
            shared.intersection(segments.filter(excluding: equal[place].key.lazy.flatMap { rowsOfID[$0] }))
        }
        var own: [Int: SnapshotFilter] = [:]
        for (list, rows) in zip(equal, resolved) {
            for query in list.value { own[query] = rows }
        }
        return BatchFilters(shared: shared, own: own)
    }

    /// The hits of those queries of a batch that go one way, in their order.
    private func answers(_ members: [Int], of batch: Batch, plan: SearchPlan) throws(DatabaseError) -> [[Hit]] {
        switch plan.way {
        case .exact: try searchExactly(members, of: batch)
        case .direct: try searchDirectly(members, of: batch, plan: plan)
        case .tree: try searchTree(members, of: batch, plan: plan)
        }
    }

    private func searchTree(_ members: [Int], of batch: Batch, plan: SearchPlan) throws(DatabaseError) -> [[Hit]] {
        // Large groups share leaves; several for each thread even out what they cost.
        let threads = batch.threads
        let kept = max(min(plan.reorder, segments.rowCount), plan.k, 1)
        var limit = max(1, min(groupLimit, candidateLimit / kept))
        if batch.limits.areSet, let cost = segments.searchCost {
            limit = min(limit, SearchLimits.groupSize(cost.ofTrees(leaves: plan.leavesToSearch, reorder: plan.reorder)))
        }
        let size = max(1, min(limit, (members.count + 2 * threads - 1) / (threads == 1 ? 1 : 2 * threads)))
        let groups = try concurrentMap(count: (members.count + size - 1) / size, threads: threads) {
            part throws(DatabaseError) in
            let group = members[part * size..<min(members.count, (part + 1) * size)]
            return try withPrepared(group, of: batch) { queries throws(DatabaseError) in
                try batch.sessions.withSession { session throws(DatabaseError) in
                    try answer(queries, Array(group), of: batch, plan: plan, scratch: &session.scratch)
                }
            }
        }
        return Array(groups.joined())
    }

    private func answer(
        _ queries: Span<Float>, _ group: [Int], of batch: Batch, plan: SearchPlan, scratch: inout SearchScratch
    ) throws(DatabaseError) -> [[Hit]] {
        let search = TreeSearch(of: segments, for: queries, count: group.count, plan: plan)
        var trace = SearchTrace(isOn: false, limits: batch.limits)
        do {
            try search.scan(filter: { batch.filters[group[$0]] }, scratch: &scratch, trace: &trace)
        } catch { throw DatabaseError(anyError: error) }
        var answers: [[Hit]] = []
        answers.reserveCapacity(group.count)
        for (number, member) in group.enumerated() {
            do {
                try search.rank(number, filter: batch.filters[member], scratch: &scratch, trace: &trace)
            } catch { throw DatabaseError(anyError: error) }
            answers.append(try hits(scratch, batch.options))
        }
        return answers
    }

    /// Brute force over the rows that exclusions leave, which those share who share the exclusions.
    private func searchDirectly(
        _ members: [Int], of batch: Batch, plan: SearchPlan
    ) throws(DatabaseError) -> [[Hit]] {
        let (own, parts) = (batch.filters.own, segments.parts)
        @Sendable func remaining(_ filter: SnapshotFilter) -> [[UInt32]] {
            parts.enumerated().map { filter[$0].passing(of: $1.rowCount) }
        }
        let sharedRows = members.contains { own[$0] == nil } ? remaining(batch.filters.shared) : []
        return try concurrentMap(count: members.count, threads: batch.threads) { place throws(DatabaseError) in
            let rows = own[members[place]].map(remaining) ?? sharedRows
            try batch.limits.check()
            return try withPrepared(members[place...place], of: batch) { query throws(DatabaseError) in
                try batch.sessions.withSession { session throws(DatabaseError) in
                    session.scratch.hits.reset(k: plan.k)
                    do throws(SegmentError) {
                        for (part, rows) in zip(parts, rows) {
                            try part.scoreExactly(rows.span, query, k: plan.k, scratch: &session.scratch)
                        }
                    } catch { throw DatabaseError(error) }
                    return try hits(session.scratch, batch.options)
                }
            }
        }
    }
}

/// Queries that a thread answers together: their tables and candidates should stay in its cache.
private let groupLimit = 512
/// Estimates that they keep together: some megabytes.
private let candidateLimit = 1 << 20
