import VecDB

/// One setting and what was measured of it.
struct EvaluationRow: Encodable {
    var leavesToSearch: Int?
    var reorder: Int?
    var recall: Double
    var meanUs: Double
    var p50Us: Double?
    var p99Us: Double?
    var qps: Double
    /// Of a cold measurement: bytes read from the disk and pages faulted in for a query, where the system tells.
    var readBytes: Double?
    var majorFaults: Double?

    init(_ setting: SearchOptions, _ result: Evaluation) {
        self.init(
            setting, recall: result.recall, meanUs: result.meanMicroseconds, p50Us: result.p50Microseconds,
            p99Us: result.p99Microseconds, qps: result.queriesPerSecond)
    }

    init(_ setting: SearchOptions, recall: Double, meanUs: Double, p50Us: Double?, p99Us: Double?, qps: Double) {
        (leavesToSearch, reorder) = (setting.leavesToSearch, setting.reorder)
        (self.recall, self.qps) = (recall, qps)
        (self.meanUs, self.p50Us, self.p99Us) = (meanUs, p50Us, p99Us)
    }

    /// The documented keys are always there, `null` where there is nothing to say.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(leavesToSearch, forKey: .leavesToSearch)
        try container.encode(reorder, forKey: .reorder)
        try container.encode(recall, forKey: .recall)
        try container.encode(meanUs, forKey: .meanUs)
        try container.encode(p50Us, forKey: .p50Us)
        try container.encode(p99Us, forKey: .p99Us)
        try container.encode(qps, forKey: .qps)
        try container.encodeIfPresent(readBytes, forKey: .readBytes)
        try container.encodeIfPresent(majorFaults, forKey: .majorFaults)
    }

    private enum CodingKeys: String, CodingKey {
        case leavesToSearch, reorder, recall, qps, readBytes, majorFaults
        case meanUs = "mean_us"
        case p50Us = "p50_us"
        case p99Us = "p99_us"
    }
}

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
