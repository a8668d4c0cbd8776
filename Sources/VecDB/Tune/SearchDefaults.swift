import Catalog
import SegmentFile

/// Search parameters that are used when a query names none, and how they were judged.
public struct SearchDefaults: Sendable, Codable, Equatable {
    public var leavesToSearch: Int
    public var reorder: Int
    /// The k that `recall` counts.
    public var k: Int
    /// Share of the true k nearest that were found, over `sampleQueries` queries.
    public var recall: Double
    /// Time of a search with them on the machine that tuned; absent where it was not measured, as by a build.
    public var meanUs: Double?
    public var sampleQueries: Int
    /// `queries` (the stored ones), `given` (those that tuning was handed) or `candidates` (a sample of the stored rows, each
    /// without itself).
    public var sampleSource: String
}

extension SearchDefaults {
    init(_ settings: SearchDefaultSettings) {
        self.init(
            leavesToSearch: max(1, settings.leavesToSearch), reorder: max(1, settings.reorder), k: settings.k,
            recall: settings.recall, meanUs: settings.meanMicroseconds, sampleQueries: settings.sampleQueries,
            sampleSource: settings.sampleSource)
    }

    var settings: SearchDefaultSettings {
        SearchDefaultSettings(
            leavesToSearch: leavesToSearch, reorder: reorder, k: k, recall: recall, meanMicroseconds: meanUs,
            sampleQueries: sampleQueries, sampleSource: sampleSource)
    }

    /// What a build stores: the least work that finds the wanted share of the true ten nearest, or brute force.
    ///
    /// - Parameters:
    ///   - queries: the export's own, as given; when there are none, part of the sample stands in for them.
    ///   - sample: of the stored rows, normalised for cosine.
    static func chosen(
        for segment: IndexSegment, queries: [[Float]], sample: TrainingSample, targetRecall: Double, threads: Int,
        checkCancellation: @escaping () throws -> Void
    ) throws -> SearchDefaults {
        let k = 10
        let chosen = evenlySpaced(
            segment.affordableProbeCount(seconds: 1), of: queries.isEmpty ? sample.count : queries.count)
        let probes =
            queries.isEmpty
            ? try segment.probes(ofCandidates: chosen.map { sample.ordinals[$0] }) { sample.row(chosen[$0]) }
            : segment.probes(of: chosen.map { queries[$0] })
        let finder = SettingFinder(
            segment: segment, probes: try segment.withTruth(probes, k: k, threads: threads), k: k,
            targetRecall: targetRecall, isSample: true, threads: threads, checkCancellation: checkCancellation)
        let best = try finder.find().first
        // Where estimates tell too little of such vectors, what is asked for takes all exact scores.
        return SearchDefaults(
            leavesToSearch: best?.leavesToSearch ?? segment.parameters.tree?.leafCount ?? 1,
            reorder: best?.reorder ?? segment.rowCount, k: k, recall: best?.recall ?? 1, sampleQueries: probes.count,
            sampleSource: queries.isEmpty ? "candidates" : "queries")
    }
}

/// Indices below `count`, at most `wanted` of them and evenly spread.
func evenlySpaced(_ wanted: Int, of count: Int) -> [Int] {
    let chosen = min(wanted, count)
    return (0..<chosen).map { $0 * count / chosen }
}
