import Synchronization
import TestSupport
import Testing
import TreeAH

@testable import VecDB

/// Ways to ask the same queries of a database: each answers all of them, or throws.
enum Asking: CaseIterable, Sendable {
    case search, explain, explainBatch, batchOnOneThread, batchOnTwoThreads

    func answers(_ database: VectorDatabase, _ queries: [Float], _ options: SearchOptions) throws -> [[Hit]] {
        let dimensions = database.info.dimensions
        let single = stride(from: 0, to: queries.count, by: dimensions).map { Array(queries[$0..<$0 + dimensions]) }
        switch self {
        case .search: return try single.map { try database.search($0, options: options) }
        case .explain: return try single.map { try database.explain($0, options: options).hits }
        case .explainBatch: return try database.explainBatch(queries, options: options).map(\.hits)
        case .batchOnOneThread: return try database.searchBatch(queries, options: options, threads: 1)
        case .batchOnTwoThreads: return try database.searchBatch(queries, options: options, threads: 2)
        }
    }
}

private struct LimitedDatabase {
    static let (rows, dimensions, queryCount) = (600, 8, 5)

    let place: TemporaryDirectory
    let database: VectorDatabase
    let input: BuildInput
    let queries = clusteredVectors(count: queryCount, dimensions: dimensions, seed: 8)

    init(rows: Int = rows) throws {
        place = try TemporaryDirectory()
        var options = BuildOptions()
        (options.metric, options.index, options.leaves, options.trainingIterations) = (.l2, .treeAH, 20, 2)
        input = .memory(
            vectors: clusteredVectors(count: rows, dimensions: Self.dimensions, seed: 7),
            dimensions: Self.dimensions, ids: (0..<rows).map { "id \($0)" })
        try VectorDatabase.build(at: place.file("a.vecdb"), from: input, options: options)
        database = try VectorDatabase.open(place.file("a.vecdb"))
    }

    /// Searches that go each way: by the tree, over all rows, and over the few that are left.
    static let ways = [
        SearchOptions(k: 5, leavesToSearch: 6, reorder: 50), SearchOptions(k: 5, exact: true),
        SearchOptions(k: 5, excludedIDs: (0..<rows - 40).map { "id \($0)" }),
    ]
}

/// How often a search asked whether it should stop.
private final class Questions: Sendable {
    private let asked = Atomic(0)
    var count: Int { asked.load(ordering: .relaxed) }

    /// Raised by the question of this number.
    func cancellation(at number: Int) -> Cancellation {
        Cancellation { self.asked.wrappingAdd(1, ordering: .relaxed).newValue >= number }
    }
}

@Suite struct SearchLimitsTests {
    @Test(arguments: Asking.allCases)
    func `a deadline that has passed is an error, one that has not changes nothing`(_ asking: Asking) throws {
        let limited = try LimitedDatabase()
        defer { withExtendedLifetime(limited) {} }
        for var options in LimitedDatabase.ways {
            let answers = try asking.answers(limited.database, limited.queries, options)
            options.deadline = .now + .seconds(3600)
            #expect(try asking.answers(limited.database, limited.queries, options) == answers)
            options.deadline = .now
            let error = #expect(throws: DatabaseError.self) {
                try asking.answers(limited.database, limited.queries, options)
            }
            #expect(error?.code == .deadlinePassed)
        }
    }

    @Test(arguments: Asking.allCases)
    func `a search that is cancelled at any moment throws, or answers in full`(_ asking: Asking) throws {
        let limited = try LimitedDatabase()
        defer { withExtendedLifetime(limited) {} }
        for var options in LimitedDatabase.ways {
            let answers = try asking.answers(limited.database, limited.queries, options)
            let all = Questions()
            options.cancellation = all.cancellation(at: .max)
            #expect(try asking.answers(limited.database, limited.queries, options) == answers)
            #expect(all.count > LimitedDatabase.queryCount)
            for number in 1...all.count {
                options.cancellation = Questions().cancellation(at: number)
                let error = #expect(throws: DatabaseError.self) {
                    try asking.answers(limited.database, limited.queries, options)
                }
                #expect(error?.code == .cancelled, "question \(number) of \(all.count)")
            }
        }
    }

    @Test func `a scan of all rows stops between blocks of them`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let rows = 9_000
        try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: (0..<rows).map { Float($0) }, dimensions: 1))
        let database = try VectorDatabase.open(place.file("a.vecdb"))
        let (alone, together) = (Questions(), Questions())
        _ = try database.search([1], options: SearchOptions(cancellation: alone.cancellation(at: .max)))
        _ = try database.searchBatch(
            [1, 2], options: SearchOptions(cancellation: together.cancellation(at: .max)), threads: 1)
        #expect(alone.count > rows / 4096 && together.count > 2 + rows / ExactScan.chunkRowCount)
    }

    @Test func `what searches on behalf of others stops too`() throws {
        let limited = try LimitedDatabase()
        defer { withExtendedLifetime(limited) {} }
        let (database, queries) = (limited.database, limited.queries)
        let streaming = try StreamingSearch(limited.input, metric: .l2)
        let truth = try streaming.search(queries).map { $0.map(\.ordinal) }
        let labels = truth.map { "id \($0[0])" }
        for code in [DatabaseError.Code.deadlinePassed, .cancelled] {
            var options = SearchOptions()
            if code == .cancelled { options.cancellation = Cancellation { true } } else { options.deadline = .now }
            let calls: [() throws -> Void] = [
                { _ = try streaming.search(queries, options: options) },
                { _ = try database.evaluate(queries, truth: truth, options: EvaluationOptions(search: options)) },
                { _ = try database.topKAccuracy(queries, labels: labels, options: options) },
            ]
            for call in calls {
                let error = #expect(throws: DatabaseError.self) { try call() }
                #expect(error?.code == code)
            }
        }
    }

    @Test(arguments: [1, 2])
    func `a search of files that is cancelled at any moment throws, or answers in full`(_ threads: Int) throws {
        let limited = try LimitedDatabase()
        defer { withExtendedLifetime(limited) {} }
        let streaming = try StreamingSearch(limited.input, metric: .l2)
        var options = SearchOptions(k: 5, excludedIDs: ["id 7"])
        let answers = try streaming.search(limited.queries, options: options)
        let all = Questions()
        options.cancellation = all.cancellation(at: .max)
        #expect(try streaming.search(limited.queries, options: options, threads: threads) == answers)
        // At the beginning, for the ids that are excluded, for the rows, and for the ids of hits.
        #expect(all.count >= 4)
        for number in 1...all.count {
            options.cancellation = Questions().cancellation(at: number)
            let error = #expect(throws: DatabaseError.self) {
                try streaming.search(limited.queries, options: options, threads: threads)
            }
            #expect(error?.code == .cancelled, "question \(number) of \(all.count)")
        }
    }

    @Test func `limits cut groups of queries that take long, and no answer depends on that`() throws {
        let limited = try LimitedDatabase(rows: 3_000)
        defer { withExtendedLifetime(limited) {} }
        let queries = clusteredVectors(count: 1_000, dimensions: LimitedDatabase.dimensions, seed: 9)
        var options = SearchOptions(k: 5, leavesToSearch: 19, reorder: 3_000)
        let (answers, all) = (try limited.database.searchBatch(queries, options: options, threads: 1), Questions())
        options.cancellation = all.cancellation(at: .max)
        #expect(try limited.database.searchBatch(queries, options: options, threads: 1) == answers)
        // At the beginning, twice for each query, and twice for each of more than two groups, as there are without limits.
        #expect(all.count > 1 + 2 * 1_000 + 2 * 2)
        #expect(SearchLimits.groupSize(1 << 40) == 1 && SearchLimits.groupSize(16_000_000) == 10)
    }

    @Test(arguments: Metric.allCases)
    func `a search of several segments and of pending rows stops at any moment`(_ metric: Metric) throws {
        let divided = try Divided(metric, ends: [300, 310, 870], models: [0, nil, 1])
        defer { withExtendedLifetime(divided) {} }
        for way in [SearchPlan.Way.tree, .exact, .direct] {
            let plan = SearchPlan(k: 5, leavesToSearch: 3, reorder: 40, way: way)
            let query = divided.queries[0]
            func hits(_ limits: SearchLimits) throws -> [HitCollector.Hit] {
                var (scratch, trace) = (SearchScratch(), SearchTrace(isOn: false, limits: limits))
                try divided.snapshot.segments.search(
                    query.span, plan: plan, filter: .all, scratch: &scratch, trace: &trace)
                return scratch.hits.hits
            }
            let (answer, all) = (try hits(.none), Questions())
            #expect(try hits(SearchLimits(SearchOptions(cancellation: all.cancellation(at: .max)))) == answer)
            // Each part for itself.
            #expect(all.count >= 4)
            for number in 1...all.count {
                let limits = SearchLimits(SearchOptions(cancellation: Questions().cancellation(at: number)))
                #expect(throws: DatabaseError.self) { try hits(limits) }
            }
        }
    }

    @Test func `a question that was answered with yes is not asked again`() {
        let questions = Questions()
        let cancellation = questions.cancellation(at: 3)
        #expect((0..<6).map { _ in cancellation.isCancelled } == [false, false, true, true, true, true])
        #expect(questions.count == 3)
        let other = Cancellation()
        #expect(!other.isCancelled)
        other.cancel()
        #expect(other.isCancelled)
    }

    @Test func `a task that is cancelled stops its search`() async throws {
        let limited = try LimitedDatabase()
        defer { withExtendedLifetime(limited) {} }
        let (database, queries) = (limited.database, limited.queries)
        let task = Task {
            try await Cancellation.ofTask { cancellation in
                // Until somebody cancels the task.
                while true {
                    _ = try database.searchBatch(
                        queries, options: SearchOptions(cancellation: cancellation), threads: 2)
                    await Task.yield()
                }
            }
        }
        task.cancel()
        let error = await #expect(throws: DatabaseError.self) { try await task.value }
        #expect(error?.code == .cancelled)
        // One that is not answers as always.
        let hits = try await Cancellation.ofTask { cancellation in
            try database.searchBatch(queries, options: SearchOptions(cancellation: cancellation))
        }
        #expect(try hits == database.searchBatch(queries))
    }
}
