import SegmentFile
import TreeAH

/// Some queries of a batch that one thread answers together.
struct QueryGroup: Sendable {
    /// As given, one behind the other.
    var queries: [[Float]]
    /// Of each query, what the options exclude included.
    var excludedIDs: [[String]]
}

extension Snapshot {
    /// What ``search(_:options:scratch:trace:)`` answers to each query of a group by the tree, which there must be.
    func search(_ group: QueryGroup, options: SearchOptions, scratch: inout SearchScratch) throws(DatabaseError)
        -> [[Hit]]
    {
        guard let tree = segment.parameters.tree else { preconditionFailure("exact indexes have batches of their own") }
        var (queries, excluded) = ([[Float]](), [ExcludedRows]())
        for (query, excludedIDs) in zip(group.queries, group.excludedIDs) {
            queries.append(try prepared(query))
            excluded.append(try excludedRows(excludedIDs))
        }
        var answers: [[Hit]] = []
        answers.reserveCapacity(queries.count)
        try segment.searchTogether(
            queries, plan: SearchPlan(options, defaults: defaults), excluding: excluded, tree: tree, scratch: &scratch
        ) { scratch throws(DatabaseError) in
            answers.append(try hits(scratch, options))
        }
        return answers
    }
}
