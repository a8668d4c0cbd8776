import VecDB

/// One setting of a search, and what was measured of it.
public struct EvaluationRow: Sendable {
    /// The knobs that were used; `nil` where every vector was compared.
    public var leavesToSearch: Int?
    public var reorder: Int?
    /// The share of the true k nearest that was found, averaged over the queries.
    public var recall: Double
    /// Microseconds a query: the mean, and percentiles of single queries, which a batch has not.
    public var meanUs: Double
    public var p50Us: Double?
    public var p99Us: Double?
    /// Queries in a second, all threads together.
    public var qps: Double
    /// Of searches in a file that had no page in memory: bytes read from the disk and pages waited for, a query. `nil`
    /// for others.
    public var readBytes: Double?
    public var majorFaults: Double?

    /// - Parameter setting: the search, with the knobs that it used.
    public init(_ setting: SearchOptions, _ result: Evaluation) {
        self.init(
            setting, recall: result.recall, meanUs: result.meanMicroseconds, p50Us: result.p50Microseconds,
            p99Us: result.p99Microseconds, qps: result.queriesPerSecond)
    }

    public init(_ setting: SearchOptions, recall: Double, meanUs: Double, p50Us: Double?, p99Us: Double?, qps: Double) {
        (leavesToSearch, reorder) = (setting.leavesToSearch, setting.reorder)
        (self.recall, self.qps) = (recall, qps)
        (self.meanUs, self.p50Us, self.p99Us) = (meanUs, p50Us, p99Us)
    }
}

/// One setting of a search, and how often it found what users chose.
public struct AccuracyRow: Sendable {
    /// The knobs that were used; `nil` where every vector was compared.
    public var leavesToSearch: Int?
    public var reorder: Int?
    /// Queries with a label.
    public var labels: Int
    public var accuracy: TopKAccuracy
    /// The time of brute force divided by this one.
    public var timesFasterThanExact: Double

    /// - Parameters:
    ///   - setting: the search, with the knobs that it used.
    ///   - exactSeconds: what brute force took for the same queries.
    public init(_ setting: SearchOptions, labels: Int, _ accuracy: TopKAccuracy, exactSeconds: Double) {
        (leavesToSearch, reorder) = (setting.leavesToSearch, setting.reorder)
        (self.labels, self.accuracy) = (labels, accuracy)
        timesFasterThanExact = exactSeconds / accuracy.seconds
    }
}

/// What opening a database took, and the first search in it.
public struct OpeningReport: Sendable {
    public var openUs: Double
    public var firstAnswerUs: Double
    /// Memory of the process that is in RAM, mapped files included, before and after; 0 where the system does not tell.
    public var residentBeforeBytes: Int
    public var residentAfterBytes: Int

    public init(openUs: Double, firstAnswerUs: Double, residentBeforeBytes: Int, residentAfterBytes: Int) {
        (self.openUs, self.firstAnswerUs) = (openUs, firstAnswerUs)
        (self.residentBeforeBytes, self.residentAfterBytes) = (residentBeforeBytes, residentAfterBytes)
    }
}

extension JSONDocument {
    /// A row for each setting; knobs and percentiles are `null` where a row has none. `eval.schema.json`.
    public init(_ rows: [EvaluationRow]) { self.init(of: rows) }

    /// A row for each setting; knobs are `null` for brute force. `eval-labels.schema.json`.
    public init(_ rows: [AccuracyRow]) { self.init(of: rows) }

    /// `eval-open.schema.json`.
    public init(_ report: OpeningReport) { self.init(of: report) }
}

extension EvaluationRow: JSONShape {
    var json: JSONNode {
        .object([
            "leaves_to_search": orNull(leavesToSearch),
            "reorder": orNull(reorder),
            "recall": recall,
            "mean_us": meanUs,
            "p50_us": orNull(p50Us),
            "p99_us": orNull(p99Us),
            "qps": qps,
            "read_bytes": readBytes,
            "major_faults": majorFaults,
        ])
    }
}

extension AccuracyRow: JSONShape {
    var json: JSONNode {
        .object([
            "leaves_to_search": orNull(leavesToSearch),
            "reorder": orNull(reorder),
            "labels": labels,
            "unknown_labels": accuracy.unknownLabels,
            "top_k": accuracy.counts,
            "accuracy_by_id": accuracy.byID,
            "accuracy_by_score": accuracy.byScore,
            "seconds": accuracy.seconds,
            "times_faster_than_exact": timesFasterThanExact,
        ])
    }
}

extension OpeningReport: JSONShape {
    var json: JSONNode {
        .object([
            "open_us": openUs,
            "first_answer_us": firstAnswerUs,
            "resident_before_bytes": residentBeforeBytes,
            "resident_after_bytes": residentAfterBytes,
        ])
    }
}
