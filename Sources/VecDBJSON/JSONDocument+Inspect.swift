import VecDB

extension JSONDocument {
    /// What a database holds; of a damaged one what could be read. `inspect.schema.json`.
    public init(_ inspection: DatabaseInspection) { self.init(of: inspection) }

    /// What was checked of a database, and what is damaged. `verify.schema.json`.
    public init(_ report: VerificationReport) { self.init(of: report) }
}

extension DatabaseInspection: JSONShape {
    var json: JSONNode {
        .object([
            "database": database,
            "generation": generation,
            "format_version": formatVersion,
            "recovery_pending": recoveryPending,
            "metric": metric?.rawValue,
            "dimensions": dimensions,
            "rows": rows,
            "index": index?.rawValue,
            "leaves": leaves,
            "projected_dimensions": projectedDimensions,
            "dimensions_per_block": dimensionsPerBlock,
            "projection": projection,
            "reorder_storage": reorderStorage?.rawValue,
            "defaults": defaults,
            "settings": settings,
            "queries": queries,
            "metadata_columns": metadataColumns,
            "catalog_bytes": catalogBytes,
            "segments": segments,
            "leaf_sizes": leafSizes,
            "problems": problems,
            "unsupported": unsupported,
        ])
    }
}

extension DatabaseInspection.Column: JSONShape {
    var json: JSONNode { .object(["name": name, "type": type]) }
}

extension DatabaseInspection.Segment: JSONShape {
    var json: JSONNode {
        .object(["file": file, "uuid": uuid, "bytes": bytes, "rows": rows, "sections": sections])
    }
}

extension DatabaseInspection.Segment.Section: JSONShape {
    var json: JSONNode {
        .object([
            "name": name, "offset": offset, "bytes": bytes, "element_type": elementType, "checksum": checksum,
        ])
    }
}

extension DatabaseInspection.LeafSizes: JSONShape {
    var json: JSONNode {
        .object(["min": min, "p50": p50, "max": max, "mean": mean, "imbalance": imbalance, "empty": empty])
    }
}

extension VerificationReport: JSONShape {
    var json: JSONNode {
        .object(["database": database, "deep": deep, "checks": checks, "damage": damage, "notes": notes])
    }
}

extension VerificationReport.Check: JSONShape {
    var json: JSONNode { .object(["name": name, "seconds": seconds, "detail": detail]) }
}
