import SegmentFile
import TreeAH

extension Snapshot {
    /// From what the caller asked to hits with ids: the way between is `SegmentList.search`.
    func search(
        _ query: Span<Float>, options: SearchOptions, scratch: inout SearchScratch, trace: inout SearchTrace
    ) throws(DatabaseError) -> [Hit] {
        try trace.limits.check()
        return try search(
            query, options: options, filter: filter(excluding: options.excludedIDs), scratch: &scratch, trace: &trace)
    }

    /// The same with exclusions that were looked up before.
    ///
    /// - Parameter trace: with the limits of `options`.
    func search(
        _ query: Span<Float>, options: SearchOptions, filter: SnapshotFilter, scratch: inout SearchScratch,
        trace: inout SearchTrace
    ) throws(DatabaseError) -> [Hit] {
        try withPrepared(query) { query throws(DatabaseError) in
            trace.finish("prepare", excluded: filter.excludedCount)
            let plan = plan(options, excluding: filter.excludedCount)
            do {
                try segments.search(query, plan: plan, filter: filter, scratch: &scratch, trace: &trace)
            } catch { throw DatabaseError(anyError: error) }
        }
        try trace.limits.check()
        let hits = try hits(scratch, options)
        trace.finish("hits")
        return hits
    }

    /// The k best with what the caller asked for beside ordinal and score.
    func hits(_ scratch: borrowing SearchScratch, _ options: SearchOptions) throws(DatabaseError) -> [Hit] {
        let found = scratch.hits.hits
        let ordinals = found.map(\.ordinal)
        let ids = options.includesIDs ? try ids(of: ordinals) : nil
        let documents = options.includesMetadata ? try documents(of: ordinals) : nil
        return found.indices.map { place in
            Hit(
                ordinal: ordinals[place], score: segments.metric.shown(found[place].score), id: ids?[place],
                metadata: documents?[place])
        }
    }
}
