import FileSystem
import GRDB

extension CatalogStaging {
    /// Stages query-side embeddings behind those staged before.
    ///
    /// - Parameter queries: ids as for candidates; when an id repeats, the first one answers. All vectors of one length,
    ///   the database's dimensions.
    public func stageQueries(_ queries: [CatalogQuery]) throws(CatalogError) {
        guard let first = queries.first else { return }
        let dimensions = queryDimensions ?? first.vector.count
        if queryDimensions == nil {
            try writer.write { db in try db.execute(sql: names.createQueries) }
            queryDimensions = dimensions
        }
        try inTransactions(of: queries.count) { db, range in
            let statement = try db.cachedStatement(
                sql: "INSERT INTO \(names.queries)(position, id, vector, crc) VALUES (?, ?, ?, ?)")
            for index in range {
                let query = queries[index]
                let position = queryCount + UInt64(index)
                try checkID(query.id, "query \(grouped(position))")
                guard query.vector.count == dimensions else {
                    throw file.error(
                        .invalidArgument,
                        "query \(grouped(position)) has \(query.vector.count) dimensions, expected \(dimensions)")
                }
                try statement.execute(
                    arguments: file.sealed([
                        .integer(Int64(position)), .text(query.id), .blob(VectorBytes.encode(query.vector)),
                    ]))
            }
        }
        queryCount += UInt64(queries.count)
    }
}
