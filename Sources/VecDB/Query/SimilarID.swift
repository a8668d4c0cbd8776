/// The id that is most like one that was asked for, found by offering all there are one after the other.
///
/// An id that differs only in the case of ASCII letters comes first, then the shortest of those that begin with the wanted
/// one, then the one that takes the fewest changes of bytes, up to a third of them. Of equals the first stays.
package struct SimilarID {
    /// The best so far.
    package private(set) var id: String?

    private let wanted: [UInt8]
    /// Smaller is nearer; see `cost`.
    private var bestCost = Int.max
    private let changeLimit: Int
    private var distances: [Int] = []

    /// Wanted ids that are longer are not compared: what is like them costs too much to find.
    private static let byteLimit = 256
    /// Above the bytes that an id may have, so that all beginnings come before all changes.
    private static let costOfChange = 1 << 32

    /// - Parameter changes: how many are looked for at most; `nil`: a third of the bytes, at least one, at most eight.
    package init(to wanted: String, changes: Int? = nil) {
        self.wanted = wanted.utf8.map(lowercased)
        changeLimit = changes ?? min(8, max(1, self.wanted.count / 3))
    }

    /// Numbers are next to each other without being alike.
    private var isComparable: Bool {
        1...Self.byteLimit ~= wanted.count && !wanted.allSatisfy { 0x30...0x39 ~= $0 || $0 == 0x2D }
    }

    /// - Complexity: O(bytes of the wanted id), times seventeen where the ids are nearly alike.
    package mutating func offer(_ candidate: String) {
        guard isComparable, let cost = cost(of: candidate), cost < bestCost else { return }
        (bestCost, id) = (cost, candidate)
    }

    /// How far a candidate is; `nil`: too far, or no nearer than the best so far.
    private mutating func cost(of candidate: String) -> Int? {
        let bytes = candidate.utf8
        if bytes.count >= wanted.count, zip(bytes, wanted).allSatisfy({ lowercased($0) == $1 }) {
            return bytes.count - wanted.count
        }
        guard !bytes.isEmpty, abs(bytes.count - wanted.count) <= changeLimit, bestCost >= Self.costOfChange else {
            return nil
        }
        return changes(to: bytes.map(lowercased)).map { Self.costOfChange + $0 }
    }

    /// Bytes to insert, remove or replace, when they are no more than the limit.
    ///
    /// - SeeAlso: Ukkonen, "Algorithms for approximate string matching", 1985: only distances near the diagonal can stay
    ///   below a limit.
    private mutating func changes(to candidate: [UInt8]) -> Int? {
        let beyond = changeLimit + 1
        distances.removeAll(keepingCapacity: true)
        distances.append(contentsOf: (0...candidate.count).map { min($0, beyond) })
        for row in 1...wanted.count {
            // Not empty: the lengths differ by no more than the limit.
            let near = max(1, row - changeLimit)...min(candidate.count, row + changeLimit)
            var diagonal = distances[near.lowerBound - 1]
            distances[near.lowerBound - 1] = near.lowerBound == 1 ? min(row, beyond) : beyond
            var least = distances[near.lowerBound - 1]
            for column in near {
                let above = column == row + changeLimit ? beyond : distances[column]
                let replaced = diagonal + (wanted[row - 1] == candidate[column - 1] ? 0 : 1)
                diagonal = distances[column]
                distances[column] = min(beyond, replaced, above + 1, distances[column - 1] + 1)
                least = min(least, distances[column])
            }
            guard least < beyond else { return nil }
        }
        let found = distances[candidate.count]
        return found < beyond ? found : nil
    }
}

private func lowercased(_ byte: UInt8) -> UInt8 { 0x41...0x5A ~= byte ? byte | 0x20 : byte }

/// An id that a caller named and that no candidate has.
public struct UnknownID: Sendable, Equatable {
    public let id: String
    /// The id of a candidate that is like it; `nil` when none is, or nobody looked.
    public let nearest: String?
}

extension VectorDatabase {
    /// Those of `ids` that no candidate has, in their order, each once.
    ///
    /// - Parameter limit: for so many of them a similar id is looked for.
    /// - Complexity: O(ids · log rows), and one pass over all ids of the database when some are unknown.
    public func unknownIDs(among ids: [String], comparing limit: Int = 3) throws(DatabaseError) -> [UnknownID] {
        let (snapshot, named) = (snapshot, distinct(ids))
        let found = try snapshot.reading { () throws(DatabaseError) in try snapshot.ordinals(ofIDs: named) }
        let unknown = zip(named, found).filter { $1.isEmpty }.map(\.0)
        let catalog = snapshot.catalog
        return try DatabaseError.wrapping {
            try withNearest(unknown, comparing: limit) { offer in
                for segment in catalog.segments {
                    var last: UInt64?
                    while case let batch = try catalog.ids(in: segment, after: last, limit: 10_000), !batch.isEmpty {
                        for entry in batch { offer(entry.id) }
                        last = batch.last?.ordinal
                    }
                }
            }
        }
    }

    /// The id of a stored query that is like `id`; `nil` when none is.
    ///
    /// - Complexity: one pass over the stored queries.
    public func nearestQueryID(to id: String) throws(DatabaseError) -> String? {
        var similar = SimilarID(to: id)
        var position = 0
        while case let batch = try storedQueries(from: position, limit: 1024), !batch.isEmpty {
            for query in batch { similar.offer(query.id) }
            position += batch.count
        }
        return similar.id
    }
}

/// `ids` without repetitions, compared as bytes.
func distinct(_ ids: [String]) -> [String] {
    var seen: Set<[UInt8]> = []
    return ids.filter { seen.insert(Array($0.utf8)).inserted }
}

/// Unknown ids, the first few with what is like them.
///
/// - Parameter forEachID: hands all ids over, one after the other; not called when nothing is unknown.
func withNearest(
    _ unknown: [String], comparing limit: Int, forEachID: ((String) -> Void) throws -> Void
) throws -> [UnknownID] {
    var similar = unknown.prefix(limit).map { SimilarID(to: $0) }
    if !similar.isEmpty {
        try forEachID { id in
            for place in similar.indices { similar[place].offer(id) }
        }
    }
    return unknown.indices.map { UnknownID(id: unknown[$0], nearest: $0 < similar.count ? similar[$0].id : nil) }
}
