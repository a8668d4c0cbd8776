import VecDB
import VecDBJSON

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
            let exactSeconds = rows.first?.accuracy.seconds ?? accuracy.seconds
            rows.append(AccuracyRow(shown, labels: labelled.labels.count, accuracy, exactSeconds: exactSeconds))
        }
        if !exactOnly, sweep.isDefault { noteMissingSetting(k: largest, of: database.info) }
        try StandardOutput.print(json ? JSONDocument(rows).text(.indented) : printableLines(accuracyText(rows)))
    }
}
