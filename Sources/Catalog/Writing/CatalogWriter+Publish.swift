import FileSystem
import Foundation
import GRDB

extension CatalogWriter {
    /// Which segments a new one takes the place of.
    public enum Replacement: Sendable {
        case nothing
        case segments([SegmentKey])
        /// Every live segment.
        case all
    }

    /// The commit point: makes a staged segment and new settings the next generation.
    ///
    /// When COMMIT fails, the catalog is read again: if the new generation is not there, the error says why and nothing has
    /// changed. If it is there, or if that cannot be found out, the error is `commitUncertain`, and the files of both
    /// generations must stay: a sync failed, so a loss of power may still bring the old one back.
    ///
    /// - Parameters:
    ///   - record: what the header of the segment's file says; the file is complete and synced.
    ///   - generation: the one that the caller's work started from.
    ///   - settings: `nil` leaves them as they are.
    ///   - obstacle: asked right before COMMIT; what is in its way undoes everything.
    /// - Returns: the new generation, `generation` + 1.
    /// - Throws: `conflict` when another generation was committed since, or there is an obstacle; `invalidArgument` when record and staged rows
    ///   do not agree.
    /// - Complexity: O(segments), whatever their size, once the staged ids are indexed.
    public func publish(
        _ staging: CatalogStaging, _ record: SegmentRecord, expecting generation: UInt64, replacing: Replacement,
        settings: CatalogSettings? = nil, obstacle: () -> String? = { nil }
    ) throws(CatalogError) -> UInt64 {
        try staging.finish()
        return try commit(expecting: generation, settings: settings, obstacle) { db, current, next in
            let dimensions = (settings ?? current.settings).dimensions
            if let problem = staging.problem(record, dimensions: dimensions) {
                throw file.error(.invalidArgument, problem)
            }
            try db.execute(sql: "DELETE FROM staging WHERE key = ?", arguments: [staging.key.rawValue])
            guard db.changesCount == 1 else {
                throw file.error(.invalidArgument, "segment \(staging.key) is not staged, or was published already")
            }
            let replaced: Set<SegmentKey> =
                switch replacing {
                case .nothing: []
                case .segments(let keys): Set(keys)
                case .all: Set(current.segments.map(\.key))
                }
            for segment in current.segments where replaced.contains(segment.key) {
                try insert(segment.ended(in: next), db)
            }
            guard replaced.isSubset(of: current.segments.map(\.key)) else {
                throw file.error(.invalidArgument, "only live segments can be replaced")
            }
            try insert(staging.segment(record, born: next), db)
        }
    }

    /// Makes a generation that differs in settings only.
    ///
    /// - Returns: the new generation, `generation` + 1.
    public func change(
        _ settings: CatalogSettings, expecting generation: UInt64, obstacle: () -> String? = { nil }
    ) throws(CatalogError) -> UInt64 {
        try commit(expecting: generation, settings: settings, obstacle) { db, current, _ in
            let hasQueries = current.segments.contains { $0.queryCount > 0 }
            guard !hasQueries || settings.dimensions == current.settings.dimensions else {
                throw file.error(.invalidArgument, "the stored queries have other dimensions")
            }
        }
    }

    private func commit(
        expecting generation: UInt64, settings: CatalogSettings?, _ obstacle: () -> String?,
        _ body: (Database, CatalogContents, _ next: UInt64) throws -> Void
    ) throws(CatalogError) -> UInt64 {
        if let problem = settings?.problem { throw file.error(.invalidArgument, problem) }
        guard let next = Int64(exactly: generation).flatMap({ $0 < Int64.max ? $0 + 1 : nil }) else {
            throw file.error(.invalidArgument, "generation \(grouped(generation)) is out of range")
        }
        var isReadyToCommit = false
        do throws(CatalogError) {
            try write { db in
                let current = try file.contents(db)
                guard current.generation == generation else {
                    throw file.error(
                        .conflict,
                        "is at generation \(grouped(current.generation)), expected \(grouped(generation)): another "
                            + "writer committed in between; start again from its state")
                }
                try body(db, current, generation + 1)
                if let settings {
                    for key in SettingKey.searchDefaults + [.measured] {
                        try db.execute(sql: "DELETE FROM setting WHERE key = ?", arguments: [key.rawValue])
                    }
                    try file.store(settings.rows, db)
                }
                try file.insertGeneration(next, db)
                if let obstacle = obstacle() { throw file.error(.conflict, obstacle) }
                isReadyToCommit = true
            }
        } catch {
            guard isReadyToCommit else { throw error }
            throw settled(error, generation)
        }
        return generation + 1
    }

    /// The error of a COMMIT that failed.
    private func settled(_ failure: CatalogError, _ generation: UInt64) -> CatalogError {
        // The caller holds the writer lock, so a newer generation is this one.
        let reached = try? currentGeneration()
        // What follows is unreached: a sync would have to fail behind the commit, or the disk for good. Tools/crash-test has
        // a command meet both.
        guard reached != generation else { return failure }
        let state =
            reached == nil
            ? "whether generation \(grouped(generation + 1)) exists cannot be read"
            : "generation \(grouped(generation + 1)) is there, but a loss of power may undo it"
        return CatalogError(
            .commitUncertain, path: path, sqliteCode: failure.sqliteCode,
            "a commit failed: \(state); check the disk, then open the database again (\(failure.detail))")
    }

    private func insert(_ segment: CatalogSegment, _ db: Database) throws {
        func field(_ value: UInt64) throws -> Field {
            guard let value = Int64(exactly: value) else {
                throw file.error(.invalidArgument, "\(grouped(value)) is above 2^63 - 1")
            }
            return .integer(value)
        }
        try db.execute(
            sql: "INSERT OR REPLACE INTO segment(key, uuid, file_name, byte_count, row_count, header_crc, "
                + "first_ordinal, ids, document_count, query_count, born, died, crc) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: file.sealed([
                .integer(segment.key.rawValue), .blob(segment.uuid.bytes), .text(segment.fileName),
                field(segment.record.byteCount), field(segment.record.rowCount),
                .integer(Int64(segment.record.headerChecksum)), field(segment.record.firstOrdinal),
                .text(segment.ids.rawValue), segment.documentCount.map(field) ?? .null, field(segment.queryCount),
                field(segment.born), segment.died.map(field) ?? .null,
            ]))
    }
}

extension CatalogSegment {
    fileprivate func ended(in generation: UInt64) -> CatalogSegment {
        CatalogSegment(
            key: key, uuid: uuid, fileName: fileName, record: record, ids: ids, documentCount: documentCount,
            queryCount: queryCount, born: born, died: generation)
    }
}
