import ArgumentParser
import VecDB

enum HitFormat: String, CaseIterable, ExpressibleByArgument {
    case table, ndjson, tsv
}

/// One query's hits.
struct Answer {
    /// The query's number.
    let index: Int
    /// The query's id, when it has one.
    let id: String?
    let hits: [Hit]
    var explanation: Explanation?
}

/// Hits on standard output.
struct HitOutput {
    /// Whether a table is preceded by its query's name: when there are several.
    var namesQueries = false

    /// The metadata documents of some hits. Some at a time, in the order in which they are written: all documents of a batch may
    /// be gigabytes.
    typealias Documents = (ArraySlice<Hit>) throws -> [String?]
    /// For the answers that are written next; `nil` without metadata.
    var documents: Documents?

    private let format: HitFormat
    private var output = StandardOutput()
    private var isFirst = true
    private var hasNotedColumns = false

    /// Documents that are in memory at a time, each of at most 16 MiB.
    private static let documentsAtATime = 16

    init(_ format: HitFormat) {
        self.format = format
    }

    mutating func write(_ answer: Answer) throws {
        switch format {
        case .table:
            if namesQueries {
                try output.write((isFirst ? "" : "\n") + name(answer) + "\n")
            }
            try writeTable(answer)
        case .ndjson:
            try writeNDJSON(answer)
        case .tsv:
            try writeTSV(answer)
        }
        isFirst = false
        if let explanation = answer.explanation, format != .ndjson {
            try output.flush()  // so that both stand in order on a terminal
            StandardError.writeLines(explanation.text(query: name(answer)))
        }
    }

    mutating func finish() throws {
        try output.flush()
    }

    /// `query 3`, or `query "42"` by id.
    private func name(_ answer: Answer) -> String {
        "query " + (answer.id.map { "\"\(printable($0))\"" } ?? "\(answer.index)")
    }

    private mutating func writeTable(_ answer: Answer) throws {
        var metadata: MetadataColumns?
        if documents != nil {
            var columns = MetadataColumns()
            try forEachHit(answer) { columns.add($2) }
            metadata = columns
        }
        var table = TableOutput([.right("rank"), .decimal("score"), .left("id")] + (metadata?.columns ?? []))
        let cells = metadata?.cells
        for (position, hit) in answer.hits.enumerated() {
            table.add(["\(position + 1)", scoreText(hit.score), idText(hit)] + (cells?[position] ?? []))
        }
        try output.write(table.rendered())
        if metadata?.leavesOutKeys == true, !hasNotedColumns {
            hasNotedColumns = true
            StandardError.note(
                "note: the metadata has more keys than the \(MetadataColumns.columnLimit) that a table shows; "
                    + "'--format ndjson' has them all")
        }
    }

    /// Calls `body` with each hit's place, the hit, and its document when documents are wanted.
    private func forEachHit(_ answer: Answer, _ body: (Int, Hit, String?) throws -> Void) throws {
        for start in stride(from: 0, to: answer.hits.count, by: Self.documentsAtATime) {
            let hits = answer.hits[start..<min(answer.hits.count, start + Self.documentsAtATime)]
            let found = try documents?(hits)
            for (place, hit) in hits.enumerated() { try body(start + place, hit, found?[place]) }
        }
    }

    private mutating func writeNDJSON(_ answer: Answer) throws {
        // A copy would copy what is pending.
        var output = StandardOutput()
        swap(&output, &self.output)
        defer { swap(&output, &self.output) }
        try output.write("{\"query\":\(answer.index)")
        if let id = answer.id { try output.write(",\"query_id\":\(JSONOutput.string(id))") }
        try output.write(",\"hits\":[")
        try forEachHit(answer) { position, hit, document in
            try output.write(position == 0 ? "{" : ",{")
            try output.write("\"rank\":\(position + 1),\"id\":\(JSONOutput.string(idText(hit)))")
            try output.write(",\"score\":\(scoreText(hit.score))")
            // The library hands out one line of valid JSON.
            if let document { try output.write(",\"metadata\":\(document)") }
            try output.write("}")
        }
        try output.write("]")
        if let explanation = answer.explanation { try output.write(",\"explain\":\(explanation.json)") }
        try output.write("}\n")
    }

    private mutating func writeTSV(_ answer: Answer) throws {
        var output = StandardOutput()
        swap(&output, &self.output)
        defer { swap(&output, &self.output) }
        let query = answer.id.map(tsvEscaped) ?? "\(answer.index)"
        try forEachHit(answer) { position, hit, document in
            try output.write("\(query)\t\(position + 1)\t\(scoreText(hit.score))\t\(tsvEscaped(idText(hit)))")
            if documents != nil { try output.write("\t" + tsvEscaped(document ?? "")) }
            try output.write("\n")
        }
    }
}

/// The shortest decimal that reads back to the same float. JSON has no infinity; a squared distance beyond the range
/// of a float shows as its largest value.
func scoreText(_ score: Float) -> String {
    let limit = Float.greatestFiniteMagnitude
    return "\(min(max(score, -limit), limit))"
}

private func idText(_ hit: Hit) -> String {
    hit.id ?? "\(hit.ordinal)"  // by default an id is the ordinal
}
