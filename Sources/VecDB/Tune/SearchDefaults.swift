import Catalog
import FileSystem
import SegmentFile

/// Search parameters that are used when a query names none, and how they were judged.
public struct SearchDefaults: Sendable, Equatable {
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
}

/// Refuses k that settings cannot be stored for, or whose measuring would take too much memory.
func checkMeasuredCounts(_ counts: [Int]) throws(DatabaseError) {
    if let bad = counts.first(where: { !(1...largestMeasuredCount ~= $0) }) {
        throw DatabaseError(
            .invalidArgument,
            "settings are measured for k from 1 to \(largestMeasuredCount), not for \(bad); a search for "
                + "more hits takes those of the largest k in proportion"
        ).with(found: "\(bad)", limit: largestMeasuredCount)
    }
    guard Set(counts).count <= MeasuredSettings.limit else {
        throw DatabaseError(
            .invalidArgument,
            "a database stores settings for at most \(MeasuredSettings.limit) k, not for \(Set(counts).count); leave out some"
        ).with(found: "\(Set(counts).count)", limit: MeasuredSettings.limit)
    }
}

private let largestMeasuredCount = 65_536

/// The k to measure for a segment of so many rows: the standard ones that it has so many rows for, 10 in any case, and
/// others that were asked for.
func measuredCounts(rows: Int, others: [Int]) -> [Int] {
    Set(TuneOptions.standardCounts.filter { $0 <= rows || $0 == 10 } + others.map { max(1, min($0, rows)) }).sorted()
}

/// What a build stores: for each k the least work that finds the wanted share of the true nearest, or brute force.
struct ChosenSettings {
    /// By ascending k; 10 is among them.
    let byK: [SearchDefaults]

    var defaults: SearchDefaults? { byK.first { $0.k == 10 } }

    /// - Parameters:
    ///   - queries: the export's own, as given; when there are none, part of the sample stands in for them.
    ///   - sample: of the stored rows, normalised for cosine.
    ///   - report: gets units of work done and to do; throws to stop.
    init(
        for segment: IndexSegment, queries: [[Float]], sample: TrainingSample, counts: [Int], targetRecall: Double,
        threads: Int, report: (Int, Int) throws -> Void
    ) throws {
        let wanted = ProbeBudget.build.probeCount(rows: segment.rowCount, dimensions: segment.dimensions)
        let chosen =
            queries.isEmpty
            ? probePlaces(wanted, of: sample.count) { sample.row($0) } : evenlySpaced(wanted, of: queries.count)
        let given =
            queries.isEmpty
            ? try segment.probes(ofCandidates: chosen.map { sample.ordinals[$0] }) { sample.row(chosen[$0]) }
            : segment.probes(of: chosen.map { queries[$0] })
        // Both halves of the work go through all probes.
        let probes = try segment.withTruth(given, counts: counts, threads: threads) { try report($0, 2 * given.count) }
        let finder = try SettingFinder(
            segment: segment, probes: probes, counts: counts, targetRecall: targetRecall, isSample: true,
            threads: threads
        ) { try report(given.count + $0, 2 * given.count) }
        byK = counts.indices.compactMap { place in
            // A k that no probe tells about has no setting; but 10 must.
            guard counts[place] == 10 || finder?.isMeasured(place) == true else { return nil }
            let best = finder?.find(place).first
            // Where estimates tell too little of such vectors, what is asked for takes all exact scores.
            return SearchDefaults(
                leavesToSearch: best?.leavesToSearch ?? segment.parameters.tree?.leafCount ?? 1,
                reorder: best?.reorder ?? segment.rowCount, k: counts[place], recall: best?.recall ?? 1,
                sampleQueries: finder?.probeCount(place) ?? 0, sampleSource: queries.isEmpty ? "candidates" : "queries")
        }
    }
}

/// Indices below `count`, at most `wanted` of them and evenly spread.
func evenlySpaced(_ wanted: Int, of count: Int) -> [Int] {
    let chosen = min(wanted, count)
    return (0..<chosen).map { $0 * count / chosen }
}

extension StoredSettings {
    init(_ settings: CatalogSettings, of segment: IndexSegment) {
        let measured = settings.measured.flatMap {
            $0.segmentUUID == segment.reader.header.segmentUUID ? $0.settings : nil
        }
        self.init(
            defaults: settings.searchDefaults.map(SearchDefaults.init), measured: measured?.map(SearchDefaults.init))
    }
}

extension CatalogSettings {
    /// Takes over what was measured on a segment. The keys `default_…` hold the setting for ten hits, which is all that
    /// older versions look for.
    mutating func store(_ byK: [SearchDefaults], of segment: SegmentUUID) {
        if let defaults = byK.first(where: { $0.k == 10 }) { searchDefaults = defaults.settings }
        measured = byK.isEmpty ? nil : MeasuredSettings(segmentUUID: segment, settings: byK.map(\.settings))
    }
}
