import FileSystem
import GRDB

/// Ids that several staged candidates have.
public struct DuplicateIDs: Sendable, Equatable {
    /// The id of the first candidate, by ordinal, whose id an earlier one has.
    public let id: String
    /// The first ordinals with that id, at most ten.
    public let ordinals: [UInt64]
    /// Candidates whose id an earlier one has, over all ids.
    public let count: UInt64
}

extension CatalogStaging {
    /// Stages the ids of consecutive ordinals. Without any call ids are implicit: decimal ordinals.
    ///
    /// - Parameters:
    ///   - ids: at most 1 MiB of UTF-8 each, without NUL.
    ///   - firstOrdinal: of the first of `ids`; larger than all staged before, for speed.
    /// - Throws: `invalidArgument` for an id or ordinal that cannot be stored; earlier transactions of the call stay staged.
    public func stageIDs(_ ids: [String], firstOrdinal: UInt64) throws(CatalogError) {
        let first = try storedOrdinal(firstOrdinal)
        _ = try storedOrdinal(firstOrdinal &+ UInt64(ids.count))
        if !ids.isEmpty, !hasStoredIDs {
            try writer.write { db in try db.execute(sql: names.createCandidates) }
            hasStoredIDs = true
        }
        try inTransactions(of: ids.count) { db, range in
            let statement = try db.cachedStatement(sql: "INSERT INTO \(names.candidates)(ordinal, id) VALUES (?, ?)")
            for index in range {
                let ordinal = firstOrdinal + UInt64(index)
                try checkID(ids[index], ordinal: ordinal, "ordinal \(grouped(ordinal))")
                try statement.execute(arguments: [first + Int64(index), ids[index]])
            }
        }
        idCount += UInt64(ids.count)
    }

    /// Builds the index of ids: one transaction, some 300 ns an id.
    func indexIDs() throws(CatalogError) {
        guard hasStoredIDs, !idsAreIndexed else { return }
        try writer.write { db in try db.execute(sql: names.createCandidatesByID) }
        idsAreIndexed = true
    }

    /// Which ids stand at several ordinals; `nil` when none does.
    ///
    /// - Complexity: O(ids), after the index is built, in constant memory.
    public func duplicateIDs() throws(CatalogError) -> DuplicateIDs? {
        guard hasStoredIDs else { return nil }
        try indexIDs()
        return try writer.read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT count(*), min(ordinal) FROM
                    (SELECT ordinal, id, lag(id) OVER (ORDER BY id, ordinal) AS previous FROM \(names.candidates))
                    WHERE id = previous
                    """)
            // unreached: a SELECT of aggregates always gives a row
            guard let row else { return nil }
            let reader = RowReader(row: row, table: names.candidates, file: file)
            let count = try reader.count(0)
            guard count > 0 else { return nil }
            let ordinal = try reader.integer(1)
            let id = try String.fetchOne(
                db, sql: "SELECT id FROM \(names.candidates) WHERE ordinal = ?", arguments: [ordinal])
            let ordinals = try Int64.fetchAll(
                db, sql: "SELECT ordinal FROM \(names.candidates) WHERE id = ? ORDER BY ordinal LIMIT 10",
                arguments: [id])
            // unreached: the ordinal was read from the same table in the same transaction
            return DuplicateIDs(id: id ?? "", ordinals: ordinals.map { UInt64(clamping: $0) }, count: count)
        }
    }

    /// The ordinals that go when of each id only the last candidate is kept, ascending.
    ///
    /// - Complexity: O(ids); eight bytes of memory for each ordinal returned.
    public func ordinalsToDropKeepingLast() throws(CatalogError) -> [UInt64] {
        guard hasStoredIDs else { return [] }
        try indexIDs()
        var ordinals = try writer.read { db in
            let rows = try Int64.fetchCursor(
                db,
                sql: """
                    SELECT ordinal FROM
                    (SELECT ordinal, id, lead(id) OVER (ORDER BY id, ordinal) AS next FROM \(names.candidates))
                    WHERE id = next
                    """)
            var ordinals: [UInt64] = []
            while let ordinal = try rows.next() { ordinals.append(UInt64(clamping: ordinal)) }
            return ordinals
        }
        ordinals.sort()
        return ordinals
    }

    /// Bytes of all ids that are staged.
    public func idByteCount() throws(CatalogError) -> Int {
        guard hasStoredIDs else { return 0 }
        return try writer.read { db in
            // unreached: a SELECT of an aggregate always gives a row
            try Int.fetchOne(db, sql: "SELECT ifnull(sum(length(CAST(id AS BLOB))), 0) FROM \(names.candidates)") ?? 0
        }
    }

    /// Removes staged ids and documents. Ordinals that are not staged are of no consequence.
    public func delete(ordinals: [UInt64]) throws(CatalogError) {
        let tables: [String] = (hasStoredIDs ? [names.candidates] : []) + (documentCount == nil ? [] : [names.metadata])
        for table in tables {
            var deleted = 0
            try inTransactions(of: ordinals.count) { db, range in
                let statement = try db.cachedStatement(sql: "DELETE FROM \(table) WHERE ordinal = ?")
                for index in range {
                    try statement.execute(arguments: [try storedOrdinal(ordinals[index])])
                    deleted += db.changesCount
                }
            }
            if table == names.candidates {
                idCount -= min(idCount, UInt64(deleted))
            } else {
                documentCount = documentCount.map { $0 - min($0, UInt64(deleted)) }
            }
        }
    }
}
