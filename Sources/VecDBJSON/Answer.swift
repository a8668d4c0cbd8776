import VecDB

/// The hits of one query, and what belongs to them.
public struct Answer: Sendable {
    /// The query's number among those that were asked together, from 0.
    public let query: Int
    /// The query's id, when it has one.
    public let queryID: String?
    /// Nearest first.
    public let hits: [Hit]
    /// What the search did, when that was asked for.
    public let explanation: Explanation?

    public init(query: Int, queryID: String? = nil, hits: [Hit], explanation: Explanation? = nil) {
        (self.query, self.queryID) = (query, queryID)
        (self.hits, self.explanation) = (hits, explanation)
    }

    /// Looks up the metadata documents of some consecutive hits, `nil` for each that has none. Asked for a few hits at a
    /// time, in their order: all documents of a batch may be gigabytes.
    public typealias Documents = (ArraySlice<Hit>) throws -> [String?]

    /// Writes the answer as a line of NDJSON, `query.schema.json`, with the newline at its end.
    ///
    /// Pieces are handed on as they come, so that no more than sixteen documents are in memory.
    ///
    /// - Parameters:
    ///   - documents: `nil`: the documents are those that the hits carry (``SearchOptions/includesMetadata``), if any.
    ///   - output: takes UTF-8. A piece may end within a character.
    /// - Throws: what `documents` and `output` throw; then a part of the line may have been handed on.
    public func writeLine(documents: Documents? = nil, to output: ([UInt8]) throws -> Void) throws {
        var line = JSONWriter(.line)
        line.write("{\"query\":")
        line.write(number: query)
        if let queryID {
            line.write(",\"query_id\":")
            line.write(string: queryID)
        }
        line.write(",\"hits\":[")
        try forEachHit(documents: documents) { place, hit, document in
            line.write(place == 0 ? "{\"rank\":" : ",{\"rank\":")
            line.write(number: place + 1)
            line.write(",\"id\":")
            line.write(string: hit.idText)
            line.write(",\"score\":")
            line.write(number: hit.score)
            if let document {
                // The library hands out one line of valid JSON.
                line.write(",\"metadata\":")
                line.write(document)
            }
            line.write("}")
            if line.bytes.count >= Self.pieceByteCount { try output(line.take()) }
        }
        line.write("]")
        if let explanation {
            line.write(",\"explain\":")
            line.write(explanation.json)
        }
        line.write("}\n")
        try output(line.take())
    }

    /// Calls `body` with each hit, its place from 0 on, and its document.
    ///
    /// - Parameter documents: as in ``writeLine(documents:to:)``.
    public func forEachHit(documents: Documents?, _ body: (Int, Hit, String?) throws -> Void) throws {
        for start in stride(from: 0, to: hits.count, by: Self.documentsAtATime) {
            let some = hits[start..<min(hits.count, start + Self.documentsAtATime)]
            let found = try documents?(some)
            for (place, hit) in some.enumerated() { try body(start + place, hit, found?[place] ?? hit.metadata) }
        }
    }

    /// Documents that are in memory at a time, each of at most 16 MiB.
    private static let documentsAtATime = 16
    private static let pieceByteCount = 64 << 10
}

extension Hit {
    /// The id; of a hit without one its ordinal, which is the id of candidates that were given none.
    public var idText: String { id ?? "\(ordinal)" }

    /// The score as JSON has it: the shortest decimal that reads back to the same float. A squared distance beyond the range
    /// of a float shows as its largest value.
    public var scoreText: String { decimal(score) }
}

/// What one search did.
public struct Explanation: Sendable {
    public let statistics: SearchStatistics
    /// Knobs that were set but that an exact search does not look at, as JSON names them: `leaves_to_search`, `reorder`.
    public let ignored: [String]

    public init(_ statistics: SearchStatistics, ignored: [String] = []) {
        (self.statistics, self.ignored) = (statistics, ignored)
    }
}

/// `query-explain.schema.json`.
extension Explanation: JSONShape {
    var json: JSONNode {
        .object([
            "exact": statistics.exact,
            "leaves": statistics.leaves,
            "leaves_searched": statistics.leavesSearched,
            "codes_scanned": statistics.codesScanned,
            "candidates_reordered": statistics.candidatesReordered,
            "rows_excluded": statistics.rowsExcluded,
            "filter_strategy": statistics.filterStrategy,
            "ignored": ignored,
            "stages": statistics.stages.map { name, nanoseconds in
                JSONNode.object(["name": name, "nanoseconds": nanoseconds])
            },
        ])
    }
}
