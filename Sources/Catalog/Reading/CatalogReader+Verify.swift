import FileSystem
import GRDB

/// What `verify` found out about a catalog.
public struct CatalogVerification: Sendable, Equatable {
    /// Damage, a sentence each.
    public var damage: [String] = []
    /// How many rows of each kind were checked.
    public var idCount: UInt64 = 0
    public var documentCount: UInt64 = 0
    public var queryCount: UInt64 = 0
}

extension CatalogReader {
    /// SQLite's own check of its pages, tables and indexes.
    ///
    /// - Parameter limit: how many problems to list at most.
    /// - Returns: nothing when the file is sound.
    public func integrityProblems(limit: Int = 100) throws(CatalogError) -> [String] {
        let found = try pool.read { db in
            var found: [String] = []
            try db.inTransaction(.deferred) {
                do throws(CatalogError) {
                    try file.translating { try file.checkTrees(db) }
                } catch {
                    guard error.code == .corrupt else { throw error }
                    found = [error.detail]
                    return .commit
                }
                found = try String.fetchAll(db, sql: "PRAGMA integrity_check(\(max(1, limit)))")
                return .commit
            }
            return found
        }
        return found == ["ok"] ? [] : found
    }

    /// Reads every row of the live segments and of the small tables, and checks checksums, types and counts.
    ///
    /// Each kind of rows of a segment is read up to its first damage. Rows that are being removed or staged meanwhile are left out.
    ///
    /// - Parameter isCancelled: asked before each batch of some thousand rows; `true` ends the check early.
    /// - Throws: `busy`, `system` and the like; damage is returned.
    public func verify(isCancelled: () -> Bool = { false }) throws(CatalogError) -> CatalogVerification {
        var result = CatalogVerification()
        let snapshot: CatalogSnapshot
        do {
            snapshot = try self.snapshot()
            try verifyGenerations()
        } catch {
            guard error.code == .corrupt else { throw error }
            result.damage.append(error.detail)
            return result
        }
        for segment in snapshot.segments {
            try check(&result, \.idCount) { () throws(CatalogError) in
                let counted = try countIDs(snapshot, segment, isCancelled)
                return ("ids", counted, segment.record.rowCount)
            }
            try check(&result, \.documentCount) { () throws(CatalogError) in
                let counted = try countDocuments(snapshot, segment, isCancelled)
                return ("metadata documents", counted, segment.documentCount ?? 0)
            }
            try check(&result, \.queryCount) { () throws(CatalogError) in
                let counted = try countQueries(snapshot, segment, isCancelled)
                return ("stored queries", counted, segment.queryCount)
            }
            if isCancelled() { break }
        }
        return result
    }

    /// Runs one check: damage that it throws, or a count that differs, goes into `result`.
    private func check(
        _ result: inout CatalogVerification, _ total: WritableKeyPath<CatalogVerification, UInt64>,
        _ body: () throws(CatalogError) -> (kind: String, counted: UInt64, expected: UInt64)
    ) throws(CatalogError) {
        do throws(CatalogError) {
            let (kind, counted, expected) = try body()
            result[keyPath: total] += counted
            if counted != expected {
                result.damage.append("\(grouped(counted)) \(kind) where \(grouped(expected)) were published")
            }
        } catch {
            guard error.code == .corrupt else { throw error }
            result.damage.append(error.detail)
        }
    }

    private func verifyGenerations() throws(CatalogError) {
        try pool.read { db in
            var counter = RowCounter("generation", file)
            let rows = try Row.fetchCursor(
                db.cachedStatement(
                    sql: "SELECT number, \(CatalogFile.generationTime), crc FROM generation ORDER BY number"))
            while let row = try rows.next() {
                let reader = RowReader(row: row, table: "generation", file: file)
                try reader.checkSeal()
                try counter.add(key: try reader.integer(0))
            }
        }
    }

    private static let batchRowCount = 4096

    private func countIDs(
        _ snapshot: CatalogSnapshot, _ segment: CatalogSegment, _ isCancelled: () -> Bool
    ) throws(CatalogError) -> UInt64 {
        if segment.ids == .implicit { return segment.record.rowCount }
        var count: UInt64 = 0
        var last: UInt64?
        while !isCancelled() {
            let batch = try snapshot.ids(in: segment, after: last, limit: Self.batchRowCount)
            guard let end = batch.last else { return count }
            if last == nil, let first = batch.first, first.ordinal != segment.record.firstOrdinal {
                throw file.damaged(
                    "segment \(segment.key) begins with ordinal \(grouped(first.ordinal)), published was "
                        + grouped(segment.record.firstOrdinal))
            }
            count += UInt64(batch.count)
            last = end.ordinal
        }
        return segment.record.rowCount
    }

    private func countDocuments(
        _ snapshot: CatalogSnapshot, _ segment: CatalogSegment, _ isCancelled: () -> Bool
    ) throws(CatalogError) -> UInt64 {
        var count: UInt64 = 0
        var last: UInt64?
        while !isCancelled() {
            // Documents may be 16 MiB each.
            let batch = try snapshot.metadata(in: segment, after: last, limit: 256)
            guard let end = batch.last else { return count }
            count += UInt64(batch.count)
            last = end.ordinal
        }
        return segment.documentCount ?? 0
    }

    private func countQueries(
        _ snapshot: CatalogSnapshot, _ segment: CatalogSegment, _ isCancelled: () -> Bool
    ) throws(CatalogError) -> UInt64 {
        var count: UInt64 = 0
        while !isCancelled() {
            let batch = try snapshot.queries(in: segment, from: count, limit: 256)
            if batch.isEmpty { return count }
            count += UInt64(batch.count)
        }
        return segment.queryCount
    }
}
