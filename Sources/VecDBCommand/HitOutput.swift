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

    private let format: HitFormat
    private let withMetadata: Bool
    private var output = StandardOutput()
    private var isFirst = true

    init(_ format: HitFormat, withMetadata: Bool) {
        self.format = format
        self.withMetadata = withMetadata
    }

    mutating func write(_ answer: Answer) throws {
        switch format {
        case .table:
            if namesQueries {
                try output.write((isFirst ? "" : "\n") + name(answer) + "\n")
            }
            try output.write(table(answer))
        case .ndjson:
            try writeNDJSON(answer)
        case .tsv:
            try writeTSV(answer)
        }
        isFirst = false
        if let explanation = answer.explanation, format != .ndjson {
            try output.flush()  // so that both stand in order on a terminal
            StandardError.write(explanation.text(query: name(answer)))
        }
    }

    mutating func finish() throws {
        try output.flush()
    }

    /// `query 3`, or `query "42"` by id.
    private func name(_ answer: Answer) -> String {
        "query " + (answer.id.map { "\"\(printable($0))\"" } ?? "\(answer.index)")
    }

    private func table(_ answer: Answer) -> String {
        let metadata = withMetadata ? MetadataColumns(answer.hits.map(\.metadata)) : nil
        var table = TableOutput([.right("rank"), .decimal("score"), .left("id")] + (metadata?.columns ?? []))
        for (position, hit) in answer.hits.enumerated() {
            table.add(["\(position + 1)", scoreText(hit.score), idText(hit)] + (metadata?.cells[position] ?? []))
        }
        return table.rendered()
    }

    private mutating func writeNDJSON(_ answer: Answer) throws {
        try output.write("{\"query\":\(answer.index)")
        if let id = answer.id { try output.write(",\"query_id\":\(JSONOutput.string(id))") }
        try output.write(",\"hits\":[")
        for (position, hit) in answer.hits.enumerated() {
            try output.write(position == 0 ? "{" : ",{")
            try output.write("\"rank\":\(position + 1),\"id\":\(JSONOutput.string(idText(hit)))")
            try output.write(",\"score\":\(scoreText(hit.score))")
            // The library hands out one line of valid JSON.
            if withMetadata, let metadata = hit.metadata { try output.write(",\"metadata\":\(metadata)") }
            try output.write("}")
        }
        try output.write("]")
        if let explanation = answer.explanation { try output.write(",\"explain\":\(explanation.json)") }
        try output.write("}\n")
    }

    private mutating func writeTSV(_ answer: Answer) throws {
        let query = answer.id.map(tsvEscaped) ?? "\(answer.index)"
        for (position, hit) in answer.hits.enumerated() {
            try output.write("\(query)\t\(position + 1)\t\(scoreText(hit.score))\t\(tsvEscaped(idText(hit)))")
            if withMetadata { try output.write("\t" + tsvEscaped(hit.metadata ?? "")) }
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

/// `text` as one field of a TSV line.
func tsvEscaped(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }) else { return text }
    var escaped = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\\": escaped += "\\\\"
        case "\t": escaped += "\\t"
        case "\n": escaped += "\\n"
        case "\r": escaped += "\\r"
        default: escaped.unicodeScalars.append(scalar)
        }
    }
    return escaped
}
