import VecDB

extension JSONDocument {
    /// What a build made and used. `build.schema.json`.
    ///
    /// - Parameter peakMemoryBytes: the most memory that the building process was seen to use, where somebody looked.
    public init(_ summary: BuildSummary, peakMemoryBytes: Int? = nil) {
        self.init(of: summary.json(peakMemoryBytes: peakMemoryBytes))
    }
}

extension BuildSummary {
    func json(peakMemoryBytes: Int?) -> JSONNode {
        .object([
            "database": database,
            "generation": generation,
            "rows": rows,
            "dimensions": dimensions,
            "metric": metric.rawValue,
            "index": index.rawValue,
            "leaves": leaves,
            "projected_dimensions": projectedDimensions,
            "dimensions_per_block": dimensionsPerBlock,
            "projection": projection,
            "reorder_storage": reorderStorage.rawValue,
            "queries": queries,
            "duplicates_dropped": duplicatesDropped,
            "bytes": bytes,
            "seconds": seconds,
            "total_seconds": totalSeconds,
            "peak_memory_bytes": peakMemoryBytes,
            "defaults": defaults,
            "settings": settings,
            "notes": notes,
            "segment_uuid": segmentUUID,
        ])
    }
}

extension BuildSummary.PartSize: JSONShape {
    var json: JSONNode { .object(["name": name, "bytes": bytes]) }
}

extension BuildSummary.PhaseTime: JSONShape {
    var json: JSONNode { .object(["phase": phase.rawValue, "seconds": seconds]) }
}
