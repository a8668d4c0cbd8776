import GRDB

extension CatalogWriter {
    /// Drops what was staged under a key and not published. Keys that are not staged are left alone.
    public func discardStaging(_ key: SegmentKey) throws(CatalogError) {
        try write { db in
            try checkTrees(of: key, db)
            try db.execute(sql: "DELETE FROM staging WHERE key = ?", arguments: [key.rawValue])
            guard db.changesCount == 1 else { return }
            try dropTables(of: key, db)
        }
    }

    /// Removes the rows of dead segments, one transaction for each. Only for segments that no reader pins.
    ///
    /// - Throws: `invalidArgument` for a segment that is live; those before it are removed.
    public func removeGarbage(_ keys: [SegmentKey]) throws(CatalogError) {
        for key in keys {
            try write { db in
                let generation = try file.currentGeneration(db)
                guard let segment = try file.segmentRows(db).first(where: { $0.key == key }) else { return }
                guard let died = segment.died, died <= generation else {
                    throw file.error(.invalidArgument, "segment \(key) is live and cannot be removed")
                }
                try checkTrees(of: key, db)
                try db.execute(sql: "DELETE FROM segment WHERE key = ?", arguments: [key.rawValue])
                try dropTables(of: key, db)
            }
        }
    }

    private func tables(of key: SegmentKey) -> [String] {
        let names = Schema.Segment(key: key)
        return [names.candidates, names.metadata, names.queries]
    }

    /// Refuses pages of which SQLite could not rid itself. To be called before anything is changed.
    private func checkTrees(of key: SegmentKey, _ db: Database) throws {
        try file.checkTrees(of: tables(of: key) + ["metadata_column", "metadata_dictionary"], db)
    }

    /// Indexes go with their tables.
    private func dropTables(of key: SegmentKey, _ db: Database) throws {
        for table in tables(of: key) {
            try db.execute(sql: "DROP TABLE IF EXISTS \(table)")
        }
        try db.execute(sql: "DELETE FROM metadata_column WHERE segment = ?", arguments: [key.rawValue])
        try db.execute(sql: "DELETE FROM metadata_dictionary WHERE segment = ?", arguments: [key.rawValue])
    }
}
