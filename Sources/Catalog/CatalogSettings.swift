import FileSystem

/// What the catalog knows about the database as a whole.
public struct CatalogSettings: Sendable, Equatable {
    /// `dot`, `cosine` or `l2`.
    public var metric: String
    /// 1 … 65,535.
    public var dimensions: Int
    /// The ordinal of the next added candidate.
    public var nextOrdinal: UInt64
    /// Search parameters for queries that name none.
    public var searchDefaults: SearchDefaultSettings?
    /// Search parameters for several k, and the segment that they hold for.
    public var measured: MeasuredSettings?

    public init(
        metric: String, dimensions: Int, nextOrdinal: UInt64, searchDefaults: SearchDefaultSettings? = nil,
        measured: MeasuredSettings? = nil
    ) {
        self.metric = metric
        self.dimensions = dimensions
        self.nextOrdinal = nextOrdinal
        self.searchDefaults = searchDefaults
        self.measured = measured
    }
}

/// Default search parameters and how they were judged.
public struct SearchDefaultSettings: Sendable, Equatable {
    public var leavesToSearch: Int
    public var reorder: Int
    /// The k that the recall counts.
    public var k: Int
    /// Share of the true k nearest that were found: 0 … 1.
    public var recall: Double
    /// What a search cost on average, if that was measured.
    public var meanMicroseconds: Double?
    /// How many queries measured it.
    public var sampleQueries: Int
    /// `queries`, `given` or `candidates`.
    public var sampleSource: String

    public init(
        leavesToSearch: Int, reorder: Int, k: Int, recall: Double, meanMicroseconds: Double? = nil, sampleQueries: Int,
        sampleSource: String
    ) {
        self.leavesToSearch = leavesToSearch
        self.reorder = reorder
        self.k = k
        self.recall = recall
        self.meanMicroseconds = meanMicroseconds
        self.sampleQueries = sampleQueries
        self.sampleSource = sampleSource
    }
}

/// The keys of the table `setting`, as `Formats/catalog.md` lists them.
enum SettingKey: String, CaseIterable {
    case databaseUUID = "database_uuid"
    case nextSegmentKey = "next_segment_key"
    case metric
    case dimensions
    case nextOrdinal = "next_ordinal"
    case leavesToSearch = "default_leaves_to_search"
    case reorder = "default_reorder"
    case k = "default_k"
    case recall = "default_recall"
    case meanMicroseconds = "default_mean_us"
    case sampleQueries = "default_sample_queries"
    case sampleSource = "default_sample_source"
    case measured = "search_settings"
    case transaction

    static let searchDefaults: [SettingKey] = [
        .leavesToSearch, .reorder, .k, .recall, .meanMicroseconds, .sampleQueries, .sampleSource,
    ]
}

extension CatalogSettings {
    static let metrics = ["dot", "cosine", "l2"]

    /// Why no catalog can hold these settings.
    var problem: String? {
        if !Self.metrics.contains(metric) {
            return "the metric must be dot, cosine or l2, found \(quoted(metric))"
        }
        if !(1...65_535).contains(dimensions) {
            return "dimensions must be 1 to 65,535, found \(grouped(dimensions))"
        }
        if nextOrdinal > UInt64(Int64.max) { return "ordinals end at 2^63 - 1, found \(grouped(nextOrdinal))" }
        return searchDefaults?.problem ?? measured?.problem
    }

    /// The rows to store; keys that are absent must not be stored.
    var rows: [SettingKey: String] {
        var rows: [SettingKey: String] = [
            .metric: metric, .dimensions: String(dimensions), .nextOrdinal: String(nextOrdinal),
        ]
        if let defaults = searchDefaults {
            rows[.leavesToSearch] = String(defaults.leavesToSearch)
            rows[.reorder] = String(defaults.reorder)
            rows[.k] = String(defaults.k)
            rows[.recall] = "\(defaults.recall)"
            rows[.meanMicroseconds] = defaults.meanMicroseconds.map { "\($0)" }
            rows[.sampleQueries] = String(defaults.sampleQueries)
            rows[.sampleSource] = defaults.sampleSource
        }
        rows[.measured] = measured?.text
        return rows
    }

    /// Reads settings back.
    ///
    /// - Parameter liveSegments: uuids of the segments that settings may be measured on.
    /// - Throws: `corrupt` when one is missing or out of range.
    init(rows: [String: String], liveSegments: [SegmentUUID], file: CatalogFile) throws(CatalogError) {
        func text(_ key: SettingKey) throws(CatalogError) -> String {
            guard let value = rows[key.rawValue] else {
                throw file.damaged("setting '\(key.rawValue)' is missing")
            }
            return value
        }
        func number<Value: LosslessStringConvertible>(_ key: SettingKey) throws(CatalogError) -> Value {
            let text = try text(key)
            guard let value: Value = storedNumber(text) else {
                throw file.damaged(
                    "setting '\(key.rawValue)' should be a number without sign and leading zeros, found \(quoted(text))"
                )
            }
            return value
        }
        let stored = SettingKey.searchDefaults.filter { rows[$0.rawValue] != nil }
        self.init(metric: try text(.metric), dimensions: try number(.dimensions), nextOrdinal: try number(.nextOrdinal))
        if !stored.isEmpty {
            searchDefaults = SearchDefaultSettings(
                leavesToSearch: try number(.leavesToSearch), reorder: try number(.reorder),
                k: try number(.k), recall: try number(.recall),
                meanMicroseconds: rows[SettingKey.meanMicroseconds.rawValue] == nil
                    ? nil : try number(.meanMicroseconds), sampleQueries: try number(.sampleQueries),
                sampleSource: try text(.sampleSource))
        }
        if let text = rows[SettingKey.measured.rawValue] {
            measured = try MeasuredSettings(text: text, liveSegments: liveSegments, file: file)
        }
        guard Self.metrics.contains(metric) else {
            throw file.unsupported("setting 'metric' is \(quoted(metric))")
        }
        if let source = searchDefaults?.sampleSource, !SearchDefaultSettings.sampleSources.contains(source) {
            throw file.unsupported("setting 'default_sample_source' is \(quoted(source))")
        }
        if let problem { throw file.damaged(problem) }
    }
}
