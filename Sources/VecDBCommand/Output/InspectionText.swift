import VecDB

/// An inspection, for people.
func inspectionText(_ inspection: DatabaseInspection) -> String {
    var lines: [String] = []
    let heading = headingParts(inspection)
    if !heading.isEmpty { lines.append(heading.joined(separator: " · ")) }
    if inspection.recoveryPending {
        lines.append("recovery pending: the next query, verify or build completes or undoes an interrupted change")
    }
    for segment in inspection.segments {
        lines.append(
            "\(printable(segment.file)) · \(segment.rows.map { counted($0, "row") } ?? "unreadable header") · \(grouped(segment.bytes)) bytes"
        )
        var table = TableOutput([
            .left("section"), .right("offset"), .right("bytes"), .left("type"), .left("checksum"),
        ])
        for section in segment.sections {
            table.add([
                section.name, String(section.offset), grouped(section.bytes), section.elementType, section.checksum,
            ])
        }
        lines.append(trimmingFinalNewline(table.rendered()))
    }
    if let bytes = inspection.catalogBytes { lines.append("catalog.sqlite · \(grouped(bytes)) bytes") }
    if let sizes = inspection.leafSizes {
        lines.append(
            "leaves: min \(grouped(sizes.min)) · p50 \(grouped(sizes.p50)) · max \(grouped(sizes.max)) · "
                + "imbalance \(fixed(sizes.imbalance, 2))" + (sizes.empty > 0 ? " · \(grouped(sizes.empty)) empty" : "")
        )
    }
    if inspection.index == .treeAH, let projection = inspection.projection,
        let projectedDimensions = inspection.projectedDimensions, let dimensionsPerBlock = inspection.dimensionsPerBlock
    {
        lines.append(
            codeText(
                projection: projection, projectedDimensions: projectedDimensions, dimensionsPerBlock: dimensionsPerBlock
            ))
    }
    if let storage = inspection.reorderStorage { lines.append("reorder vectors: \(storage.rawValue)") }
    if let queries = inspection.queries, queries > 0 { lines.append("stored queries: \(grouped(queries))") }
    if !inspection.metadataColumns.isEmpty {
        let columns = inspection.metadataColumns.map { "\(printable($0.name)) (\($0.type))" }
        lines.append("metadata: " + columns.joined(separator: ", "))
    }
    let settings = settingsText(inspection.settings, defaults: inspection.defaults)
    if !settings.isEmpty { lines.append(settings) }
    lines += inspection.problems.map { "problem: \(printable($0))" }
    lines += inspection.unsupported.map { "unsupported: \(printable($0))" }
    return lines.joined(separator: "\n")
}

/// What of `generation 1 · format 1.0 · dot · 1,683,682 rows × 32 · tree-AH 1,000 leaves` is known.
private func headingParts(_ inspection: DatabaseInspection) -> [String] {
    var parts: [String] = []
    if let generation = inspection.generation { parts.append("generation \(generation)") }
    if let version = inspection.formatVersion { parts.append("format \(version)") }
    if let metric = inspection.metric { parts.append(metric.rawValue) }
    if let rows = inspection.rows {
        parts.append(counted(rows, "row") + (inspection.dimensions.map { " × \($0)" } ?? ""))
    } else if let dimensions = inspection.dimensions {
        parts.append(counted(dimensions, "dimension"))
    }
    if let index = inspection.index { parts.append(indexText(index, leaves: inspection.leaves ?? 0)) }
    return parts
}
