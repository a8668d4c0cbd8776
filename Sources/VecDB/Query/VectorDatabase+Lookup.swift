import Catalog

// What a database holds, without searching it.

extension VectorDatabase {
    // MARK: candidates

    /// The number of candidates.
    public var count: Int { snapshot.segments.rowCount }

    /// Whether a candidate has this id.
    ///
    /// - Complexity: O(log rows).
    public func contains(id: String) throws(DatabaseError) -> Bool {
        try !ordinals(id: id).isEmpty
    }

    /// The ordinals of the candidates with this id, ascending: several under duplicate ids, none for an unknown one.
    public func ordinals(id: String) throws(DatabaseError) -> [UInt64] {
        let snapshot = snapshot
        return try snapshot.reading { () throws(DatabaseError) in try snapshot.ordinals(ofID: id) }
    }

    /// The stored vector of a candidate; `nil` for an unknown id, that of the smallest ordinal when several have the id.
    ///
    /// It is what searches score exactly: ``DatabaseInfo/reorderStorage`` says whether that is the vector that was given.
    /// Under cosine it is normalised, whatever length was given.
    ///
    /// - Returns: `dimensions` floats.
    /// - Throws: `corrupt` when a damaged block is met.
    /// - Complexity: O(log rows + d).
    public func vector(id: String) throws(DatabaseError) -> [Float]? {
        let snapshot = snapshot
        return try snapshot.reading { () throws(DatabaseError) in
            guard let first = try snapshot.ordinals(ofID: id).first else { return nil }
            return try snapshot.vectors(of: [first])
        }
    }

    /// The stored vectors of candidates as ``vector(id:)`` gives them, such as those of the hits of a search.
    ///
    /// - Parameter ordinals: in any order; they may repeat.
    /// - Returns: row-major, `dimensions` floats for each ordinal, in their order.
    /// - Throws: `notFound` when no candidate has one of the ordinals, `corrupt` when a damaged block is met.
    /// - Complexity: O(ordinals · d), and the floats in memory; what is not in memory is asked of the disk at once.
    public func vectors(ordinals: [UInt64]) throws(DatabaseError) -> [Float] {
        let snapshot = snapshot
        return try snapshot.reading { () throws(DatabaseError) in try snapshot.vectors(of: ordinals) }
    }

    // MARK: metadata

    /// The metadata documents of the candidates with this id, each one JSON object.
    public func metadata(id: String) throws(DatabaseError) -> [String] {
        let snapshot = snapshot
        let ordinals = try snapshot.reading { () throws(DatabaseError) in try snapshot.ordinals(ofID: id) }
        return try snapshot.documents(of: ordinals).compactMap { $0 }
    }

    /// The metadata documents of several candidates, in their order; `nil` for each that has none.
    public func metadata(ordinals: [UInt64]) throws(DatabaseError) -> [String?] {
        try snapshot.documents(of: ordinals)
    }

    /// The metadata document of a candidate; `nil` when it has none.
    public func metadata(ordinal: UInt64) throws(DatabaseError) -> String? {
        try snapshot.documents(of: [ordinal]).first ?? nil
    }

    // MARK: queries

    /// A stored query-side embedding; `nil` when there is none of this id, the first when there are several.
    public func queryVector(id: String) throws(DatabaseError) -> [Float]? {
        do throws(CatalogError) { return try snapshot.catalog.queryVector(id: id) } catch { throw DatabaseError(error) }
    }

    /// Stored query-side embeddings with their ids, by position.
    ///
    /// - Parameter position: the first one wanted, from 0 on; an empty answer is the end.
    public func storedQueries(
        from position: Int, limit: Int
    ) throws(DatabaseError) -> [(id: String, vector: [Float])] {
        let catalog = snapshot.catalog
        guard let segment = catalog.segments.last(where: { $0.queryCount > 0 }), position >= 0, limit > 0 else {
            return []
        }
        do throws(CatalogError) {
            return try catalog.queries(in: segment, from: UInt64(position), limit: limit).map { ($0.id, $0.vector) }
        } catch { throw DatabaseError(error) }
    }
}
