import Foundation
import TestSupport
import Testing
import VectorKernels

@testable import VecDB

/// Tuning, evaluating and stored queries as a program uses them.
@Suite struct TuneTests {
    private static let dimensions = 12
    private static let vectors = clusteredVectors(count: 3_000, dimensions: dimensions, seed: 51, clusters: 40)
    private static let queries = clusteredVectors(count: 80, dimensions: dimensions, seed: 52, clusters: 40)

    /// With `queryCount` of the queries stored, under the ids `user 0`, `user 1`, ….
    private func database(
        queryCount: Int = 0, in place: TemporaryDirectory, change: (inout BuildOptions) -> Void = { _ in }
    ) throws -> VectorDatabase {
        var options = BuildOptions()
        options.index = .treeAH
        change(&options)
        try writeNPY(Self.vectors, dimensions: Self.dimensions, to: place.file("rows.npy"))
        var files = BuildFiles(vectors: [place.file("rows.npy")])
        if queryCount > 0 {
            try writeNPY(
                Array(Self.queries.prefix(queryCount * Self.dimensions)), dimensions: Self.dimensions,
                to: place.file("queries.npy"))
            try (0..<queryCount).map { "user \($0)\n" }.joined()
                .write(toFile: place.file("queries.txt"), atomically: true, encoding: .utf8)
            (files.queryVectors, files.queryIDs) = (place.file("queries.npy"), place.file("queries.txt"))
        }
        try VectorDatabase.build(at: place.file("a.vecdb"), from: .files(files), options: options)
        return try VectorDatabase.open(place.file("a.vecdb"))
    }

    private func truth(_ k: Int, of database: VectorDatabase, _ queries: [Float]) throws -> [[UInt64]] {
        try database.searchBatch(queries, options: SearchOptions(k: k, exact: true)).map { $0.map(\.ordinal) }
    }

    @Test(arguments: [0, 80])
    func `a tuning stores what it found, and searches use it`(_ storedQueries: Int) throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(queryCount: storedQueries, in: place)
        var options = TuneOptions(k: 10, targetRecall: 0.98)
        options.otherCounts = [1, 100]
        let tuning = try VectorDatabase.tune(database.path, options: options)
        #expect(tuning.isReached && tuning.best.recall >= 0.98 && tuning.advice == nil && tuning.generation == 2)
        #expect(tuning.best.sampleSource == (storedQueries > 0 ? "queries" : "candidates"))
        #expect(tuning.best.meanUs != nil && tuning.exactMeanUs > 0)
        #expect(tuning.settings.map(\.k) == [1, 10, 100] && tuning.settings[1] == tuning.best)
        #expect(tuning.others.allSatisfy { $0.meanUs ?? 0 >= tuning.best.meanUs ?? 0 })
        #expect(try database.refresh())
        #expect(database.info.defaults == tuning.best && database.info.generation == 2)
        #expect(database.info.settings.map(\.k) == [1, 10, 100, 1_000])
        let found = try database.evaluate(
            Self.queries, truth: try truth(10, of: database, Self.queries), options: EvaluationOptions(passes: 1))
        // Tuned with these queries, or with candidates, which lie elsewhere.
        #expect(found.recall >= (storedQueries > 0 ? 0.97 : 0.9))
    }

    @Test func `queries and their truth may be given, and nothing need be stored`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(in: place)
        let truth = try truth(10, of: database, Self.queries)
        var options = TuneOptions(targetRecall: 0.9, stores: false)
        let tuning = try VectorDatabase.tune(database.path, queries: Self.queries, truth: truth, options: options)
        #expect(tuning.isReached && tuning.generation == nil && tuning.best.sampleSource == "given")
        #expect(tuning.best.sampleQueries == 80)
        #expect(try !database.refresh())
        // Another truth than the vectors', which no setting can find.
        let wrong = truth.map { $0.map { ($0 + 1_500) % 3_000 } }
        options.stores = true
        let missed = try VectorDatabase.tune(database.path, queries: Self.queries, truth: wrong, options: options)
        #expect(!missed.isReached && missed.settings.isEmpty && missed.generation == nil)
        #expect(missed.advice?.contains("even brute force over the stored f32 vectors") == true)
        #expect(try !database.refresh())
    }

    @Test func `what cannot be tuned or evaluated is refused`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(in: place)
        func code(_ body: () throws -> Void) -> DatabaseError.Code? {
            do { try body() } catch { return (error as? DatabaseError)?.code }
            return nil
        }
        func tune(_ options: TuneOptions, queries: [Float]? = nil, truth: [[UInt64]]? = nil) -> DatabaseError.Code? {
            code { _ = try VectorDatabase.tune(database.path, queries: queries, truth: truth, options: options) }
        }
        #expect(tune(TuneOptions(k: 0)) == .invalidArgument)
        #expect(tune(TuneOptions(k: .max)) == .invalidArgument)
        #expect(tune(TuneOptions(targetRecall: 0)) == .invalidArgument)
        #expect(tune(TuneOptions(targetRecall: .nan)) == .invalidArgument)
        #expect(tune(TuneOptions(), queries: []) == .invalidArgument)
        #expect(tune(TuneOptions(), queries: [1]) == .invalidArgument)
        #expect(tune(TuneOptions(), queries: Array(Self.queries.prefix(12)), truth: []) == .invalidArgument)
        #expect(tune(TuneOptions(), queries: [Float](repeating: .nan, count: 12)) == .invalidArgument)
        #expect(tune(TuneOptions(cancellation: Cancellation { true })) == .cancelled)
        #expect(tune(TuneOptions(threads: -3)) == nil)
        #expect(code { _ = try database.evaluate([], truth: []) } == .invalidArgument)
        #expect(code { _ = try database.evaluate(Self.queries, truth: []) } == .invalidArgument)
        #expect(code { _ = try database.recall(of: [], query: [1], truth: [1]) } == nil)
        #expect(tune(TuneOptions(), queries: [Float](repeating: 0, count: 24)) == .invalidArgument)
    }

    @Test func `evaluations of one setting agree, one at a time, in a batch and on several threads`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(in: place)
        let truth = try truth(10, of: database, Self.queries)
        let search = SearchOptions(leavesToSearch: 4, reorder: 20)
        let recalls = try [(1, false), (3, false), (2, true)].map { threads, batch in
            let found = try database.evaluate(
                Self.queries, truth: truth,
                options: EvaluationOptions(search: search, threads: threads, batch: batch, passes: 1))
            #expect(found.meanMicroseconds > 0 && found.queriesPerSecond > 0 && (found.p99Microseconds == nil) == batch)
            return found.recall
        }
        #expect(Set(recalls).count == 1 && recalls[0] > 0.5)
        let byHand = try truth.indices.reduce(0.0) { sum, query in
            let vector = Array(Self.queries[query * Self.dimensions..<(query + 1) * Self.dimensions])
            return try sum
                + database.recall(of: database.search(vector, options: search), query: vector, truth: truth[query])
        }
        #expect(abs(byHand / Double(truth.count) - recalls[0]) < 1e-12)
    }

    @Test func `stored queries come back in order, part by part`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(queryCount: 7, in: place)
        #expect(database.info.queries == 7)
        let all = try database.storedQueries(from: 0, limit: 100)
        #expect(all.map(\.id) == (0..<7).map { "user \($0)" })
        #expect(all.flatMap(\.vector) == Array(Self.queries.prefix(7 * Self.dimensions)))
        #expect(try database.storedQueries(from: 5, limit: 1).map(\.id) == ["user 5"])
        #expect(try database.storedQueries(from: 7, limit: 5).isEmpty)
        #expect(try database.storedQueries(from: -1, limit: 5).isEmpty)
        #expect(try database.queryVector(id: "user 3") == all[3].vector)
        #expect(try database.queryVector(id: "nobody") == nil)
    }
}
