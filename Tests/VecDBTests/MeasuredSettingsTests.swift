import Catalog
import TestSupport
import Testing
import VectorKernels

@testable import VecDB

/// Settings are measured for several k, belong to one segment, and serve the k between.
@Suite struct MeasuredSettingsTests {
    private static let dimensions = 16
    private static let vectors = clusteredVectors(count: 4_000, dimensions: dimensions, seed: 31, clusters: 60)

    private func database(
        _ place: TemporaryDirectory, metric: Metric = .dot, change: (inout BuildOptions) -> Void = { _ in }
    ) throws -> VectorDatabase {
        var options = BuildOptions()
        (options.metric, options.index) = (metric, .treeAH)
        change(&options)
        try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: Self.vectors, dimensions: Self.dimensions),
            options: options)
        return try VectorDatabase.open(place.file("a.vecdb"))
    }

    /// Recall of searches without knobs, ties included, over other queries than those that chose the settings.
    private func recall(_ k: Int, of database: VectorDatabase) throws -> Double {
        var generator = SeededGenerator(seed: 77)
        let queries = Self.vectors.prefix(60 * Self.dimensions).map { $0 + 0.2 * generator.approximateGaussian() }
        let truth = try database.searchBatch(queries, options: SearchOptions(k: k, exact: true))
            .map { $0.map(\.ordinal) }
        return try database.evaluate(
            queries, truth: truth, options: EvaluationOptions(search: SearchOptions(k: k), passes: 1)
        ).recall
    }

    @Test(arguments: Metric.allCases)
    func `fault 15: searches for more hits reach the recall that those for ten reach`(_ metric: Metric) throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(place, metric: metric)
        #expect(database.info.settings.map(\.k) == [1, 10, 100, 1_000])
        #expect(database.info.settings[1] == database.info.defaults)
        for k in [1, 10, 50, 100, 200, 1_000, 1_500] {
            let recall = try recall(k, of: database)
            #expect(recall >= 0.94, "k = \(k): \(recall)")
        }
    }

    @Test func `fault 15: a search uses the smallest stored k not below its own, above the largest in proportion`() {
        func setting(_ k: Int, _ leaves: Int, _ reorder: Int) -> SearchDefaults {
            SearchDefaults(
                leavesToSearch: leaves, reorder: reorder, k: k, recall: 0.95, sampleQueries: 9, sampleSource: "given")
        }
        func knobs(_ settings: StoredSettings, _ k: Int) -> [Int]? {
            settings.setting(forK: k).map { [$0.leavesToSearch, $0.reorder] }
        }
        let stored = StoredSettings(
            defaults: setting(10, 3, 20), measured: [setting(1, 1, 2), setting(10, 4, 40), setting(100, 9, 130)])
        #expect(knobs(stored, 1) == [1, 2])
        // What an older version has tuned counts for its own k.
        #expect(knobs(stored, 2) == [3, 20] && knobs(stored, 10) == [3, 20])
        #expect(knobs(stored, 11) == [9, 130] && knobs(stored, 100) == [9, 130])
        #expect(knobs(stored, 101) == [10, 132] && knobs(stored, 1_000) == [90, 1_300])
        #expect(knobs(StoredSettings(defaults: nil, measured: [setting(2, .max, .max)]), .max) == [.max, .max])
        #expect(knobs(StoredSettings(defaults: setting(10, 3, 20), measured: nil), 10) == nil)
    }

    @Test func `fault 15: settings that were measured on another segment are ignored`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(place)
        let own = try #require(database.setting(forK: 100))
        let session = try WriterSession(
            opening: database.path, in: try openDatabaseDirectory(database.path), purpose: "test", timeoutSeconds: 10,
            allowsNetworkFileSystem: false, isCancelled: { false })
        var settings = database.snapshot.catalog.settings
        settings.measured?.segmentUUID = .random()
        _ = try session.commit { catalog, obstacle throws(CatalogError) in
            try catalog.change(settings, expecting: 1, obstacle: obstacle)
        }
        #expect(try database.refresh())
        #expect(database.info.settings.isEmpty)
        // As in a database of an older version: the default serves every k.
        let defaults = try #require(database.info.defaults)
        let shown = try #require(database.setting(forK: 100))
        #expect(shown.leavesToSearch == defaults.leavesToSearch && shown.reorder == defaults.reorder)
        #expect(own.reorder > shown.reorder)
        #expect(try VectorDatabase.inspect(database.path).settings.isEmpty)
    }

    @Test func `fault 15: a build and a tuning add settings for other k`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(place) { $0.measuredCounts = [40] }
        #expect(database.info.settings.map(\.k) == [1, 10, 40, 100, 1_000])
        let tuning = try VectorDatabase.tune(database.path, options: TuneOptions(k: 300, targetRecall: 0.9))
        #expect(tuning.isReached && tuning.best.k == 300 && tuning.settings == [tuning.best])
        let defaults = database.info.defaults
        #expect(try database.refresh())
        #expect(database.info.settings.map(\.k) == [1, 10, 40, 100, 300, 1_000])
        #expect(database.info.settings[4] == tuning.best && database.info.defaults == defaults)
        let inspection = try VectorDatabase.inspect(database.path)
        #expect(inspection.settings == database.info.settings && inspection.defaults == defaults)
        for counts in [[0], [1 << 20], Array(1...80)] {
            #expect {
                try self.database(place) { ($0.measuredCounts, $0.overwrite) = (counts, true) }
            } throws: { ($0 as? DatabaseError)?.code == .invalidArgument }
        }
    }

    @Test func `fault 15: searches that name a knob, and batches, do as they did`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(place)
        let defaults = try #require(database.info.defaults)
        let queries = Array(Self.vectors.prefix(20 * Self.dimensions))
        for options in [SearchOptions(k: 100, leavesToSearch: 5), SearchOptions(k: 100, reorder: 200)] {
            var both = options
            both.leavesToSearch = options.leavesToSearch ?? defaults.leavesToSearch
            both.reorder = options.reorder ?? defaults.reorder
            #expect(
                try database.searchBatch(queries, options: options) == database.searchBatch(queries, options: both))
        }
        for k in [1, 100, 700, 3_000] {
            let options = SearchOptions(k: k)
            let single = try (0..<20).map { query in
                try database.search(
                    Array(queries[query * Self.dimensions..<(query + 1) * Self.dimensions]), options: options)
            }
            #expect(try database.searchBatch(queries, options: options, threads: 2) == single)
        }
    }
}
