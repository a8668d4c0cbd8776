import VecDB
import VecDBJSON

/// Measured settings, for people.
func evaluationText(_ rows: [EvaluationRow], k: Int) -> String {
    let isCold = rows.contains { $0.readBytes != nil }
    var columns: [TableOutput.Column] = [
        .right("leaves"), .right("reorder"), .right("recall@\(k)"), .right("mean_us"), .right("p50_us"),
        .right("p99_us"), .right("qps"),
    ]
    if isCold { columns += [.right("read"), .right("major faults")] }
    var table = TableOutput(columns)
    for row in rows {
        var cells = [
            row.leavesToSearch.map(grouped) ?? "all", row.reorder.map(grouped) ?? "all", fixed(row.recall, 4),
            fixed(row.meanUs, 1), row.p50Us.map { fixed($0, 1) } ?? "–", row.p99Us.map { fixed($0, 1) } ?? "–",
            fixed(row.qps, 0),
        ]
        if isCold {
            cells += [
                row.readBytes.map { byteSize(Int($0)) } ?? "–", row.majorFaults.map { fixed($0, 1) } ?? "–",
            ]
        }
        table.add(cells)
    }
    return trimmingFinalNewline(table.rendered())
}

/// Accuracies, for people: two lines for each setting.
func accuracyText(_ rows: [AccuracyRow]) -> String {
    let counts = rows.first?.accuracy.counts ?? []
    var table = TableOutput(
        [.right("leaves"), .right("reorder"), .left("counted")] + counts.map { .right("top-\($0)") }
            + [.right("us/query"), .right("faster")])
    for row in rows {
        let leaves = row.leavesToSearch.map(grouped) ?? "all"
        let reorder = row.reorder.map(grouped) ?? "all"
        table.add(
            [leaves, reorder, "by id"] + row.accuracy.byID.map { fixed($0, 4) }
                + [
                    fixed(1e6 * row.accuracy.seconds / Double(row.labels), 1),
                    "\(fixed(row.timesFasterThanExact, 1)) ×",
                ])
        table.add(["", "", "by score"] + row.accuracy.byScore.map { fixed($0, 4) } + ["", ""])
    }
    return trimmingFinalNewline(table.rendered())
}
