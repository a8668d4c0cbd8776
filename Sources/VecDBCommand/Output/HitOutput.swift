import ArgumentParser
import VecDB
import VecDBJSON

enum HitFormat: String, CaseIterable, ExpressibleByArgument {
    case table, ndjson, tsv
}

/// Hits on standard output.
struct HitOutput {
    /// Whether a table is preceded by its query's name: when there are several.
    var namesQueries = false

    /// For the answers that are written next; `nil` without metadata.
    var documents: Answer.Documents?

    private let format: HitFormat
    private var output = StandardOutput()
    private var isFirst = true
    private var hasNotedColumns = false

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
        "query " + (answer.queryID.map { "\"\(printable($0))\"" } ?? "\(answer.query)")
    }

    private mutating func writeTable(_ answer: Answer) throws {
        var metadata: MetadataColumns?
        if documents != nil {
            var columns = MetadataColumns()
            try answer.forEachHit(documents: documents) { columns.add($2) }
            metadata = columns
        }
        var table = TableOutput([.right("rank"), .decimal("score"), .left("id")] + (metadata?.columns ?? []))
        let cells = metadata?.cells
        for (position, hit) in answer.hits.enumerated() {
            table.add(["\(position + 1)", hit.scoreText, hit.idText] + (cells?[position] ?? []))
        }
        try output.write(table.rendered())
        if metadata?.leavesOutKeys == true, !hasNotedColumns {
            hasNotedColumns = true
            StandardError.note(
                "note: the metadata has more keys than the \(MetadataColumns.columnLimit) that a table shows; "
                    + "'--format ndjson' has them all")
        }
    }

    private mutating func writeNDJSON(_ answer: Answer) throws {
        // A copy would copy what is pending.
        var output = StandardOutput()
        swap(&output, &self.output)
        defer { swap(&output, &self.output) }
        try answer.writeLine(documents: documents) { try output.write($0) }
    }

    private mutating func writeTSV(_ answer: Answer) throws {
        var output = StandardOutput()
        swap(&output, &self.output)
        defer { swap(&output, &self.output) }
        let query = answer.queryID.map(tsvEscaped) ?? "\(answer.query)"
        try answer.forEachHit(documents: documents) { position, hit, document in
            try output.write("\(query)\t\(position + 1)\t\(hit.scoreText)\t\(tsvEscaped(hit.idText))")
            if documents != nil { try output.write("\t" + tsvEscaped(document ?? "")) }
            try output.write("\n")
        }
    }
}
