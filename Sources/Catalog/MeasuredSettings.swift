import FileSystem

/// Search parameters for several k, as they were measured on one segment.
public struct MeasuredSettings: Sendable, Equatable {
    /// For any other segment the settings mean nothing.
    public var segmentUUID: SegmentUUID
    /// By ascending k, one for each.
    public var settings: [SearchDefaultSettings]

    /// More are refused: nobody measures so many, and a reader parses all of them.
    public static let limit = 64

    public init(segmentUUID: SegmentUUID, settings: [SearchDefaultSettings]) {
        self.segmentUUID = segmentUUID
        self.settings = settings
    }

    /// The value of the setting, as `Formats/catalog.md` says: the uuid, then a line for each k.
    var text: String {
        let lines = settings.map { setting in
            [
                String(setting.k), String(setting.leavesToSearch), String(setting.reorder), "\(setting.recall)",
                String(setting.sampleQueries), setting.sampleSource, setting.meanMicroseconds.map { "\($0)" } ?? "-",
            ].joined(separator: " ")
        }
        return (["\(segmentUUID)"] + lines).joined(separator: "\n")
    }

    /// Reads ``text`` back; `nil` where it has another form.
    init?(text: String) {
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard let first = lines.first, let uuid = SegmentUUID(hexadecimal: String(Substring(first))),
            lines.count <= 1 + Self.limit
        else { return nil }
        var settings: [SearchDefaultSettings] = []
        for line in lines.dropFirst() {
            let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
                .map { String(Substring($0)) }
            guard fields.count == 7, let k: Int = storedNumber(fields[0]), let leaves: Int = storedNumber(fields[1]),
                let reorder: Int = storedNumber(fields[2]), let recall: Double = storedNumber(fields[3]),
                let queries: Int = storedNumber(fields[4])
            else { return nil }
            let time: Double? = storedNumber(fields[6])
            guard time != nil || fields[6] == "-" else { return nil }
            settings.append(
                SearchDefaultSettings(
                    leavesToSearch: leaves, reorder: reorder, k: k, recall: recall, meanMicroseconds: time,
                    sampleQueries: queries, sampleSource: fields[5]))
        }
        self.init(segmentUUID: uuid, settings: settings)
    }

    /// Reads a catalog's setting. For another segment than the live ones it means nothing, whatever it holds.
    ///
    /// - Throws: `corrupt` or `unsupportedVersion` where the text is that of a live segment.
    init?(text: String, liveSegments: [SegmentUUID], file: CatalogFile) throws(CatalogError) {
        let key = SettingKey.measured.rawValue
        let settings = Self(text: text)
        let firstLine = text.utf8.prefix { $0 != UInt8(ascii: "\n") }
        guard liveSegments.contains(where: { firstLine.elementsEqual("\($0)".utf8) }) else {
            guard let settings, settings.problem == nil else { return nil }
            self = settings
            return
        }
        guard let settings else { throw file.damaged("setting '\(key)' is not of the form that it has") }
        let sources = SearchDefaultSettings.sampleSources
        let unknown = settings.settings.map(\.sampleSource).first { !sources.contains($0) }
        var others = settings
        for index in others.settings.indices where unknown != nil { others.settings[index].sampleSource = sources[0] }
        if let problem = others.problem { throw file.damaged("setting '\(key)': \(problem)") }
        if let unknown { throw file.unsupported("setting '\(key)' has the sample source \(quoted(unknown))") }
        self = settings
    }

    /// Why no catalog can hold these settings.
    var problem: String? {
        if settings.count > Self.limit {
            return "at most \(Self.limit) k have settings, found \(settings.count)"
        }
        if zip(settings, settings.dropFirst()).contains(where: { $0.k >= $1.k }) {
            return "settings must be in the order of their k, one for each"
        }
        return settings.lazy.compactMap(\.problem).first
    }
}

extension SearchDefaultSettings {
    static let sampleSources = ["queries", "given", "candidates"]

    /// Why no catalog can hold this setting.
    var problem: String? {
        if leavesToSearch < 0 || reorder < 0 || k < 1 || sampleQueries < 0 {
            return "default search parameters must not be negative, and k at least 1"
        }
        if !(0...1).contains(recall) { return "a recall must be 0 to 1, found \(recall)" }
        if let time = meanMicroseconds, !time.isFinite || time < 0 {
            return "a time must be 0 or more microseconds, found \(time)"
        }
        if !Self.sampleSources.contains(sampleSource) {
            return "the sample source must be queries, given or candidates, found \(quoted(sampleSource))"
        }
        return nil
    }
}
