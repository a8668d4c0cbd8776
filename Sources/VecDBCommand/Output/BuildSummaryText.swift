import VecDB

/// What a build made and used, for people.
func summaryText(_ summary: BuildSummary, peakMemoryBytes: Int?) -> String {
    var lines = [
        "built \(printable(summary.database)): generation \(summary.generation) · \(summary.metric.rawValue) · "
            + "\(counted(summary.rows, "row")) × \(summary.dimensions) · "
            + indexText(summary.index, leaves: summary.leaves)
    ]
    if summary.index == .treeAH {
        lines.append(
            codeText(
                projection: summary.projection, projectedDimensions: summary.projectedDimensions,
                dimensionsPerBlock: summary.dimensionsPerBlock))
    }
    lines.append("reorder vectors: \(summary.reorderStorage.rawValue)")
    if summary.queries > 0 { lines.append("stored queries: \(grouped(summary.queries))") }
    if summary.duplicatesDropped > 0 {
        lines.append("dropped as duplicates: \(counted(summary.duplicatesDropped, "row"))")
    }

    var parts = TableOutput([.left("part"), .right("bytes")])
    for part in summary.bytes { parts.add([part.name, grouped(part.bytes)]) }
    let total = summary.bytes.reduce(0) { $0 + $1.bytes }
    parts.add(["total", grouped(total)])
    var phases = TableOutput([.left("phase"), .right("seconds")])
    for phase in summary.seconds { phases.add([phase.phase.rawValue, fixed(phase.seconds, 3)]) }
    phases.add(["total", fixed(summary.totalSeconds, 3)])
    lines += ["", parts.rendered(), phases.rendered()]
    if let peakMemoryBytes { lines.append("memory: \(byteSize(peakMemoryBytes)) at most, beside mapped files") }
    lines.append(settingsText(summary.settings, defaults: summary.defaults))
    while lines.last?.isEmpty == true { lines.removeLast() }
    return trimmingFinalNewline(lines.joined(separator: "\n"))
}

/// `tree-AH 1,000 leaves`, or `exact`.
func indexText(_ index: IndexKind, leaves: Int) -> String {
    switch index {
    case .treeAH: "tree-AH \(counted(leaves, "leaf", "leaves"))"
    case .exact, .auto: index.rawValue
    }
}

func codeText(projection: String, projectedDimensions: Int, dimensionsPerBlock: Int) -> String {
    "codes: 4 bits for \(counted(dimensionsPerBlock, "dimension")) of \(projectedDimensions) · projection \(projection)"
}

func defaultsText(_ defaults: SearchDefaults) -> String {
    let source =
        switch defaults.sampleSource {
        case "queries": "the stored queries"
        case "given": "the given queries"
        default: "the candidates"
        }
    guard defaults.sampleQueries > 0 else {
        return
            "search defaults: \(settingText(defaults)) · recall@\(defaults.k): nothing could be measured with \(source)"
    }
    let time = defaults.meanUs.map { " in \(fixed($0, 1)) µs" } ?? ""
    return "search defaults: \(settingText(defaults)) · recall@\(defaults.k) \(fixed(defaults.recall, 3))\(time) "
        + "over \(grouped(defaults.sampleQueries)) of \(source)"
}

/// A line for each stored setting; none without any.
func settingsText(_ settings: [SearchDefaults], defaults: SearchDefaults?) -> String {
    (settings.isEmpty ? [defaults].compactMap(\.self) : settings).map(defaultsText).joined(separator: "\n")
}

/// `20 leaves searched, 50 reordered`.
func settingText(_ setting: SearchDefaults) -> String {
    "\(counted(setting.leavesToSearch, "leaf", "leaves")) searched, \(grouped(setting.reorder)) reordered"
}

/// `text` without the newline at its end: `StandardOutput.print` adds one.
func trimmingFinalNewline(_ text: String) -> String {
    text.hasSuffix("\n") ? String(text.dropLast()) : text
}
