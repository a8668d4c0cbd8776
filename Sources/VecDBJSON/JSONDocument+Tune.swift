import VecDB

extension JSONDocument {
    /// What tuning found. `tune.schema.json`.
    public init(_ tuning: Tuning) { self.init(of: tuning) }
}

extension Tuning: JSONShape {
    var json: JSONNode {
        .object([
            "target_recall": targetRecall,
            "is_reached": isReached,
            "best": best,
            "others": others,
            "settings": settings,
            "exact_mean_us": exactMeanUs,
            "advice": advice,
            "generation": generation,
        ])
    }
}

/// `search-defaults.schema.json`.
extension SearchDefaults: JSONShape {
    var json: JSONNode {
        .object([
            "leaves_to_search": leavesToSearch,
            "reorder": reorder,
            "k": k,
            "recall": recall,
            "mean_us": meanUs,
            "sample_queries": sampleQueries,
            "sample_source": sampleSource,
        ])
    }
}
