import SegmentFile
import TreeAH

extension Snapshot {
    /// From what the caller asked to hits with ids: the pipeline itself is `IndexSegment.search`.
    func search(
        _ query: [Float], options: SearchOptions, scratch: inout SearchScratch, trace: inout SearchTrace
    ) throws(DatabaseError) -> [Hit] {
        try search(
            query, options: options, excluding: excludedRows(options.excludedIDs), scratch: &scratch, trace: &trace)
    }

    /// The same with exclusions that were looked up before.
    func search(
        _ query: [Float], options: SearchOptions, excluding excluded: ExcludedRows, scratch: inout SearchScratch,
        trace: inout SearchTrace
    ) throws(DatabaseError) -> [Hit] {
        let query = try prepared(query)
        trace.finish("prepare", excluded: excluded.count)
        do throws(SegmentError) {
            let plan = plan(options, excluding: excluded.count)
            try segment.search(query, plan: plan, excluding: excluded, scratch: &scratch, trace: &trace)
        } catch { throw DatabaseError(error) }
        let hits = try hits(scratch, options)
        trace.finish("hits")
        return hits
    }

    /// The k best with what the caller asked for beside ordinal and score.
    func hits(_ scratch: borrowing SearchScratch, _ options: SearchOptions) throws(DatabaseError) -> [Hit] {
        let ordinals = scratch.best.map { segment.ordinal(atOffset: $0.offset) }
        let ids = options.includesIDs ? try ids(of: scratch.best.map(\.offset), ordinals: ordinals) : nil
        let documents = options.includesMetadata ? try documents(of: ordinals) : nil
        return scratch.best.indices.map { place in
            Hit(
                ordinal: ordinals[place], score: segment.metric.shown(scratch.best[place].score), id: ids?[place],
                metadata: documents?[place])
        }
    }
}
