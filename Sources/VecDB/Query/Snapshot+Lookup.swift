import Catalog
import SegmentFile
import TreeAH

// From ids to rows and back: the catalog is the authority, the segment's copy of the ids is for hot searches.

extension Snapshot {
    /// The ordinals that have an id, ascending.
    func ordinals(ofID id: String) throws(DatabaseError) -> [UInt64] {
        try ordinals(ofIDs: [id])[0]
    }

    /// The ordinals that each id has, ascending; by one read of the catalog.
    func ordinals(ofIDs ids: [String]) throws(DatabaseError) -> [[UInt64]] {
        let found: [[UInt64]]
        do throws(CatalogError) { found = try catalog.ordinals(forIDs: ids) } catch { throw DatabaseError(error) }
        do throws(SegmentError) {
            for (id, ordinals) in zip(ids, found) {
                for ordinal in ordinals where try !isNamed(id, ordinal) {
                    throw SegmentError.damaged(
                        segments.mapped[0].reader.file, nil,
                        "does not give candidate \(ordinal) the id '\(id)', as the catalog does")
                }
            }
        } catch { throw DatabaseError(error) }
        return found
    }

    /// Whether a segment has the candidate, under this id as far as it knows ids.
    private func isNamed(_ id: String, _ ordinal: UInt64) throws(SegmentError) -> Bool {
        guard let place = try segments.find(ordinal) else { return false }
        guard place.part < segments.mapped.count, segments.mapped[place.part].hasMappedIDs else { return true }
        return try segments.mapped[place.part].mappedID(ofOrdinal: ordinal).utf8.elementsEqual(id.utf8)
    }

    /// Where the row of an ordinal lies; `nil` where no candidate has it.
    func place(of ordinal: UInt64) throws(DatabaseError) -> SegmentList.Place? {
        do throws(SegmentError) { return try segments.find(ordinal) } catch { throw DatabaseError(error) }
    }

    /// Whether a candidate has this ordinal.
    func holds(_ ordinal: UInt64) throws(DatabaseError) -> Bool { try place(of: ordinal) != nil }

    /// The rows of the candidates that have these ids.
    func filter(excluding ids: [String]) throws(DatabaseError) -> SnapshotFilter {
        guard !ids.isEmpty else { return .all }
        return segments.filter(excluding: try places(ofIDs: ids).joined())
    }

    /// Where the rows that each id has lie, by one read of the catalog.
    func places(ofIDs ids: [String]) throws(DatabaseError) -> [[SegmentList.Place]] {
        listLookUps.wrappingAdd(1, ordering: .relaxed)
        var places: [[SegmentList.Place]] = []
        places.reserveCapacity(ids.count)
        for ordinals in try ordinals(ofIDs: ids) {
            var found: [SegmentList.Place] = []
            for ordinal in ordinals {
                if let place = try place(of: ordinal) { found.append(place) }
            }
            places.append(found)
        }
        return places
    }

    func ids(of ordinals: [UInt64]) throws(DatabaseError) -> [String] {
        // Without a copy in memory the catalog is asked, for all of them at once.
        if segments.mapped.allSatisfy(\.hasMappedIDs), segments.delta == nil {
            do throws(SegmentError) {
                var ids: [String] = []
                for ordinal in ordinals {
                    guard let part = try segments.isOneTree ? 0 : segments.find(ordinal)?.part else { continue }
                    ids.append(try segments.mapped[part].mappedID(ofOrdinal: ordinal))
                }
                return ids
            } catch { throw DatabaseError(error) }
        }
        do {
            let ids = try catalog.ids(forOrdinals: ordinals)
            return try zip(ids, ordinals).map { id, ordinal throws(DatabaseError) in
                guard let id else {
                    throw DatabaseError(.corrupt, "the catalog has no id for candidate \(ordinal)").with(
                        ordinal: ordinal)
                }
                return id
            }
        } catch { throw DatabaseError(anyError: error) }
    }

    /// The stored vectors of candidates, row-major in the order of `ordinals`; each part is read once.
    ///
    /// - Throws: `notFound` for an ordinal that no candidate has.
    func vectors(of ordinals: [UInt64]) throws(DatabaseError) -> [Float] {
        let (dimensions, parts) = (segments.dimensions, segments.parts)
        // What is wanted of each part, and where it belongs.
        var rows = [[UInt32]](repeating: [], count: parts.count)
        var wanted = [[Int]](repeating: [], count: parts.count)
        for (number, ordinal) in ordinals.enumerated() {
            guard let place = try place(of: ordinal) else {
                throw DatabaseError(.notFound, "no candidate has the ordinal \(ordinal)").with(ordinal: ordinal)
            }
            rows[place.part].append(place.row)
            wanted[place.part].append(number)
        }
        var vectors = [Float](repeating: 0, count: ordinals.count * dimensions)
        var output = vectors.mutableSpan
        for (place, part) in parts.enumerated() {
            let (rows, wanted) = (rows[place], wanted[place])
            do throws(SegmentError) {
                try part.readVectors(of: rows.span, to: wanted.span, in: &output)
            } catch { throw DatabaseError(error) }
        }
        return vectors
    }

    func documents(of ordinals: [UInt64]) throws(DatabaseError) -> [String?] {
        let documents: [[UInt8]?]
        do throws(CatalogError) { documents = try catalog.documents(forOrdinals: ordinals) } catch {
            throw DatabaseError(error)
        }
        for (document, ordinal) in zip(documents, ordinals) where document == nil {
            try checkLacksDocument(ordinal)
        }
        return documents.map { $0.map { String(decoding: $0, as: UTF8.self) } }
    }

    /// Where every candidate was published with a document, one that is not found has been lost: SQLite's pages have no
    /// checksums, and a damaged one may lead past a row.
    private func checkLacksDocument(_ ordinal: UInt64) throws(DatabaseError) {
        guard let named = catalog.segments.first, named.documentCount == named.record.rowCount else { return }
        guard try holds(ordinal) else { return }
        throw DatabaseError(
            .corrupt, file: catalogFileName, remedy: .build,
            "the metadata document of candidate \(ordinal) is missing; restore a backup, or build it again"
        ).with(ordinal: ordinal)
    }
}
