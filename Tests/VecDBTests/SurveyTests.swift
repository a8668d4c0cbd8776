import TestSupport
import Testing
import TreeAH
import VectorKernels

@testable import VecDB

/// Choosing settings: what is measured with, what it says, and what it costs.
@Suite struct SurveyTests {
    private func tree(
        _ vectors: [Float], dimensions: Int, metric: Metric = .dot, in place: TemporaryDirectory,
        change: (inout BuildOptions) -> Void = { _ in }
    ) throws -> VectorDatabase {
        var options = BuildOptions()
        (options.metric, options.index) = (metric, .treeAH)
        change(&options)
        try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: dimensions), options: options)
        return try VectorDatabase.open(place.file("a.vecdb"))
    }

    @Test func `fault 14: zero rows under dot do not make the stored settings brute force`() throws {
        let (rows, dimensions) = (6_000, 16)
        var vectors = clusteredVectors(count: rows, dimensions: dimensions, seed: 12, clusters: 40)
        for row in stride(from: 0, to: rows, by: 10) {
            for column in 0..<dimensions { vectors[row * dimensions + column] = 0 }
        }
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try tree(vectors, dimensions: dimensions, in: place)
        let defaults = try #require(database.info.defaults)
        #expect(defaults.leavesToSearch < database.info.leaves / 2 && defaults.reorder < 200)
        var queries: [Float] = []
        for row in stride(from: 1, to: 1_000, by: 20) {
            queries += vectors[row * dimensions..<(row + 1) * dimensions]
        }
        let truth = try database.searchBatch(queries, options: SearchOptions(exact: true)).map { $0.map(\.ordinal) }
        #expect(try database.evaluate(queries, truth: truth, options: EvaluationOptions(passes: 1)).recall >= 0.94)
    }

    /// Candidates stand in for queries; real ones are no zeros, and no twins of what they look for.
    @Test(arguments: [Metric.dot, .cosine, .l2], [10, 50, 90])
    func `fault 14: zero and repeated rows leave settings that real queries reach the target with`(
        _ metric: Metric, _ percent: Int
    ) throws {
        let (rows, dimensions, queryCount) = (2_000, 16, 200)
        let all = clusteredVectors(count: rows + queryCount, dimensions: dimensions, seed: 17, clusters: 20)
        let queries = Array(all[(rows * dimensions)...])
        for repeats in metric == .cosine ? [true] : [false, true] {
            var vectors = Array(all[..<(rows * dimensions)])
            for row in 1..<rows where row * 37 % 100 < percent {
                for column in 0..<dimensions { vectors[row * dimensions + column] = repeats ? vectors[column] : 0 }
            }
            let place = try TemporaryDirectory()
            defer { withExtendedLifetime(place) {} }
            let database = try tree(vectors, dimensions: dimensions, metric: metric, in: place)
            let defaults = try #require(database.info.defaults)
            #expect(defaults.sampleQueries >= 100, "\(defaults)")
            #expect(database.setting(forK: 10).map { $0.reorder <= 200 } ?? true, "\(defaults)")
            let truth = try database.searchBatch(queries, options: SearchOptions(exact: true)).map { $0.map(\.ordinal) }
            let found = try database.evaluate(queries, truth: truth, options: EvaluationOptions(passes: 1)).recall
            #expect(found >= 0.94, "\(repeats ? "repeated" : "zero"): \(found) with \(defaults)")
        }
    }

    /// The twin of a stored candidate is found by any search: settings for one hit measured with it would miss what real
    /// queries look for.
    @Test(arguments: [Metric.dot, .cosine, .l2])
    func `fault 14: where every row is there twice, real queries reach the target with one hit as well`(
        _ metric: Metric
    ) throws {
        let (rows, dimensions, queryCount) = (10_000, 16, 200)
        let all = clusteredVectors(count: rows + queryCount, dimensions: dimensions, seed: 18, clusters: 20)
        let (once, queries) = (all[..<(rows * dimensions)], Array(all[(rows * dimensions)...]))
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try tree(Array(once + once), dimensions: dimensions, metric: metric, in: place)
        for k in [1, 10] {
            let truth = try database.searchBatch(queries, options: SearchOptions(k: k, exact: true))
                .map { $0.map(\.ordinal) }
            let found = try database.evaluate(
                queries, truth: truth, options: EvaluationOptions(search: SearchOptions(k: k), passes: 1)
            ).recall
            #expect(found >= 0.94, "k = \(k): \(found)")
        }
    }

    @Test func `fault 14: no zero vector, and no vector twice, is a probe`() {
        let vectors: [[Float]] = [[0, -0], [1, 2], [1, 2], [0, 0], [2, 1], [1, 2], [3, 3]]
        func places(_ wanted: Int) -> [Int] { probePlaces(wanted, of: vectors.count) { vectors[$0] } }
        #expect(places(10) == [1, 4, 6])
        #expect(places(2) == [1, 4])
        #expect(probePlaces(3, of: 30) { [Float($0 + 1)] } == [0, 10, 20])
        #expect(probePlaces(3, of: 30) { _ in [Float(0)] } == [])
    }

    @Test func `fault 14: where products vanish, searches are brute force and the build says so`() throws {
        let (rows, dimensions) = (3_000, 8)
        let vectors = clusteredVectors(count: rows, dimensions: dimensions, seed: 13).map { $0 * 1e-25 }
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        var options = BuildOptions()
        options.index = .treeAH
        let summary = try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: dimensions), options: options)
        #expect(summary.notes.count == 1 && summary.notes[0].contains("vanish"))
        let database = try VectorDatabase.open(place.file("a.vecdb"))
        // Queries of a length of their own, as real ones are.
        let queries = Array(clusteredVectors(count: 20, dimensions: dimensions, seed: 14))
        for k in [1, 10, 100] {
            let truth = try database.searchBatch(queries, options: SearchOptions(k: k, exact: true))
                .map { $0.map(\.ordinal) }
            let found = try database.evaluate(
                queries, truth: truth, options: EvaluationOptions(search: SearchOptions(k: k), passes: 1))
            #expect(found.recall >= 0.94, "k = \(k)")
        }
    }

    @Test func `fault 14: tiny queries find what the same queries of usual length find`() throws {
        let (rows, dimensions) = (6_000, 16)
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try tree(
            clusteredVectors(count: rows, dimensions: dimensions, seed: 15, clusters: 40), dimensions: dimensions,
            in: place)
        let queries = clusteredVectors(count: 50, dimensions: dimensions, seed: 16, clusters: 40)
        let search = SearchOptions(k: 10, leavesToSearch: database.info.leaves, reorder: 100)
        func recall(_ queries: [Float]) throws -> Double {
            let truth = try database.searchBatch(queries, options: SearchOptions(exact: true)).map { $0.map(\.ordinal) }
            return try database.evaluate(
                queries, truth: truth, options: EvaluationOptions(search: search, passes: 1)
            ).recall
        }
        // A power of two: nothing else is rounded otherwise.
        let tiny = Float(sign: .plus, exponent: -80, significand: 1)
        let usual = try recall(queries)
        #expect(usual >= 0.9)
        #expect(try recall(queries.map { $0 * tiny }) >= usual)
    }

    @Test func `fault 14: hits that tie with the last true one count, and no others`() throws {
        // Ordinals 1 to 4 are equally near.
        let vectors: [Float] = [4, 3, 3, 3, 3, 1].flatMap { [$0, 0] }
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        try VectorDatabase.build(at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: 2))
        let database = try VectorDatabase.open(place.file("a.vecdb"))
        func recall(_ truth: [UInt64]) throws -> Double {
            try database.recall(
                of: try database.search([1, 0], options: SearchOptions(k: truth.count)), query: [1, 0], truth: truth)
        }
        #expect(try recall([0, 3, 4]) == 1)
        #expect(try recall([0, 1, 2, 3, 4, 5]) == 1)
        let far = [(5, 1), (1, 3)].map { Hit(ordinal: $0.0, score: $0.1, id: nil, metadata: nil) }
        #expect(try database.recall(of: far, query: [1, 0], truth: [0, 3]) == 0.5)
        #expect(try database.recall(of: far, query: [1, 0], truth: []) == 1)
    }

    /// The survey counts what searches would find without searching: both must agree.
    @Test(arguments: AwkwardRows.allCases, [Metric.dot, .l2])
    func `fault 22: what the survey says of a setting is what searches with it find`(
        _ rows: AwkwardRows, _ metric: Metric
    ) throws {
        for soar in [false, true] where !soar || rows == .differentLengths {
            let place = try TemporaryDirectory()
            defer { withExtendedLifetime(place) {} }
            let database = try tree(
                rows.vectors, dimensions: AwkwardRows.dimensions, metric: metric, in: place
            ) { $0.secondAssignments = soar }
            let segment = database.snapshot.segments.mapped[0]
            let counts = [1, 10, 100]
            let chosen = evenlySpaced(40, of: AwkwardRows.count)
            let probes = try segment.withTruth(
                chosen.map { row in
                    Probe(query: try segment.vectors(ofRows: row..<row + 1), row: UInt32(row))
                }, counts: counts, threads: 2
            ) { _ in }
            let finder = try #require(
                try SettingFinder(
                    segment: segment, probes: probes, counts: counts, targetRecall: 0.9, isSample: false, threads: 2
                ) { _ in })
            for (place, k) in counts.enumerated() {
                guard let found = finder.find(place).first else { continue }
                var (met, wanted) = (0, 0)
                for probe in probes where probe.hits[place] > 0 {
                    var (scratch, trace) = (SearchScratch(), SearchTrace(isOn: false))
                    try SegmentList([segment]).search(
                        probe.query.span,
                        plan: SearchPlan(k: k, leavesToSearch: found.leavesToSearch, reorder: found.reorder),
                        filter: SnapshotFilter([probe.filter]), scratch: &scratch, trace: &trace)
                    let rows = try Set(scratch.hits.hits.map { try segment.row(ofOrdinal: $0.ordinal) })
                    let hits = probe.wanted.count { $0.counts >> UInt64(place) & 1 == 1 && rows.contains($0.row) }
                    met += min(hits, probe.hits[place])
                    wanted += probe.hits[place]
                }
                let searched = Double(met) / Double(wanted)
                #expect(abs(found.recall - searched) <= 0.005, "k = \(k), soar \(soar): \(found) and \(searched)")
            }
        }
    }

    @Test func `fault 22: choosing is a phase of its own, whose work is counted and shown`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let vectors = clusteredVectors(count: 3_000, dimensions: 8, seed: 15)
        var options = BuildOptions()
        options.index = .treeAH
        nonisolated(unsafe) var seen: [(phase: BuildPhase, completed: Int, total: Int)] = []
        let summary = try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: 8), options: options
        ) { progress in
            unsafe seen.append((progress.phase, progress.completed, progress.total))
        }
        let phases = unsafe seen.map(\.phase)
        let tune = try #require(phases.firstIndex(of: .tune))
        #expect(phases[tune...].allSatisfy { $0 == .tune || $0 == .sync })
        let last = try #require(unsafe seen.last { $0.phase == .tune })
        #expect(last.completed == last.total && last.total == 2 * 256)
        #expect(summary.seconds.map(\.phase).contains(.tune))
    }

    @Test func `fault 22: probes are bounded by the floats that brute force multiplies`() {
        #expect(ProbeBudget.build.probeCount(rows: 2_000, dimensions: 16_384) == 256)
        #expect(ProbeBudget.build.probeCount(rows: 10_000_000, dimensions: 128) == 37)
        #expect(ProbeBudget.build.probeCount(rows: 1 << 31, dimensions: 65_535) == 16)
        #expect(ProbeBudget.build.probeCount(rows: 0, dimensions: 1) == 256)
    }
}
