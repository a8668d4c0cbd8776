import VecDB

// Top-k accuracy against what users chose, instead of recall against brute force.

extension EvalCommand {
    /// Exact search and every setting of the sweep, side by side.
    func measureLabels(_ file: String, of database: VectorDatabase) throws {
        let labelled =
            queries == nil
            ? try LabelledQueries(pairs: file, in: database, named: self.database)
            : try LabelledQueries(file, of: try readQueries(of: database))
        let exactOnly = exact || database.info.index == .exact
        var settings = [SearchOptions(exact: true)]
        if !exactOnly { settings += self.settings(k: 10, of: database.info) }
        var rows: [AccuracyRow] = []
        let largest = TopKAccuracy.standardCounts.last ?? 10
        for setting in settings {
            let accuracy = try database.topKAccuracy(
                labelled.vectors, labels: labelled.labels, options: setting, threads: threads)
            if accuracy.unknownLabels == labelled.labels.count {
                throw DatabaseError(.invalidInput, "\(file): none of its labels is the id of a candidate")
            }
            if rows.isEmpty, accuracy.unknownLabels > 0 {
                StandardError.note(
                    "\(counted(accuracy.unknownLabels, "label")) of \(grouped(labelled.labels.count)) name no candidate; "
                        + "they count as not found")
            }
            let shown = shown(setting, k: largest, of: database)
            rows.append(
                AccuracyRow(
                    leavesToSearch: shown.leavesToSearch, reorder: shown.reorder, labels: labelled.labels.count,
                    unknownLabels: accuracy.unknownLabels, topK: accuracy.counts, accuracyByID: accuracy.byID,
                    accuracyByScore: accuracy.byScore, seconds: accuracy.seconds,
                    timesFasterThanExact: (rows.first?.seconds ?? accuracy.seconds) / accuracy.seconds))
        }
        if !exactOnly, sweep.isDefault { noteMissingSetting(k: largest, of: database.info) }
        try StandardOutput.print(json ? JSONOutput.document(rows) : printableLines(accuracyText(rows)))
    }
}

/// One setting and how often it found what users chose.
struct AccuracyRow: Encodable {
    var leavesToSearch: Int?
    var reorder: Int?
    var labels: Int
    var unknownLabels: Int
    var topK: [Int]
    var accuracyByID: [Double]
    var accuracyByScore: [Double]
    var seconds: Double
    var timesFasterThanExact: Double

    /// The documented keys are always there, `null` for brute force.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(leavesToSearch, forKey: .leavesToSearch)
        try container.encode(reorder, forKey: .reorder)
        try container.encode(labels, forKey: .labels)
        try container.encode(unknownLabels, forKey: .unknownLabels)
        try container.encode(topK, forKey: .topK)
        try container.encode(accuracyByID, forKey: .accuracyByID)
        try container.encode(accuracyByScore, forKey: .accuracyByScore)
        try container.encode(seconds, forKey: .seconds)
        try container.encode(timesFasterThanExact, forKey: .timesFasterThanExact)
    }

    private enum CodingKeys: String, CodingKey {
        case leavesToSearch, reorder, labels, unknownLabels, topK, accuracyByID, accuracyByScore, seconds
        case timesFasterThanExact
    }
}

/// Accuracies, for people: two lines for each setting.
private func accuracyText(_ rows: [AccuracyRow]) -> String {
    let counts = rows.first?.topK ?? []
    var table = TableOutput(
        [.right("leaves"), .right("reorder"), .left("counted")] + counts.map { .right("top-\($0)") }
            + [.right("us/query"), .right("faster")])
    for row in rows {
        let leaves = row.leavesToSearch.map(grouped) ?? "all"
        let reorder = row.reorder.map(grouped) ?? "all"
        table.add(
            [leaves, reorder, "by id"] + row.accuracyByID.map { fixed($0, 4) }
                + [fixed(1e6 * row.seconds / Double(row.labels), 1), "\(fixed(row.timesFasterThanExact, 1)) ×"])
        table.add(["", "", "by score"] + row.accuracyByScore.map { fixed($0, 4) } + ["", ""])
    }
    return trimmingFinalNewline(table.rendered())
}
