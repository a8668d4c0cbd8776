import Synchronization
import TestSupport
import Testing
import TreeAH

@testable import VecDB

/// Long lists of exclusions: resolved once, and exact where few rows are left.
@Suite struct FewRowsLeftTests {
    private static let (rows, dimensions) = (5_000, 16)
    private static let vectors = clusteredVectors(count: rows, dimensions: dimensions, seed: 41, clusters: 50)

    private func database(_ metric: Metric, soar: Bool = false, in place: TemporaryDirectory) throws -> VectorDatabase {
        var options = BuildOptions()
        (options.metric, options.index, options.secondAssignments) = (metric, .treeAH, soar)
        try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: Self.vectors, dimensions: Self.dimensions),
            options: options)
        return try VectorDatabase.open(place.file("a.vecdb"))
    }

    /// Every row but one in `step`.
    private func excluded(allBut step: Int) -> [String] {
        (0..<Self.rows).filter { $0 % step != 3 }.map(String.init)
    }

    private func query(_ number: Int) -> [Float] {
        Array(Self.vectors[number * 7 * Self.dimensions..<(number * 7 + 1) * Self.dimensions])
    }

    @Test(arguments: Metric.allCases)
    func `fault 16: where few rows are left all of them get exact scores`(_ metric: Metric) throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(metric, soar: metric == .dot, in: place)
        let excluded = excluded(allBut: 50)
        for number in 0..<10 {
            let (hits, statistics) = try database.explain(
                query(number), options: SearchOptions(k: 10, excludedIDs: excluded))
            #expect(
                try hits == database.search(query(number), options: SearchOptions(exact: true, excludedIDs: excluded)))
            #expect(statistics.filterStrategy == "direct" && statistics.exact)
            #expect(statistics.codesScanned == 100 && statistics.rowsExcluded == Self.rows - 100)
        }
        // Searches that name their knobs go by the tree.
        let named = SearchOptions(k: 10, leavesToSearch: 2, reorder: 20, excludedIDs: excluded)
        let (hits, statistics) = try database.explain(query(0), options: named)
        #expect(hits.count == 10 && statistics.filterStrategy == "mask" && !statistics.exact)
    }

    @Test(arguments: Metric.allCases)
    func `fault 16: where many are left recall stays what it is without exclusions`(_ metric: Metric) throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(metric, in: place)
        for step in [2, 5, 10] {
            let excluded = excluded(allBut: step)
            var found = 0.0
            for number in 0..<50 {
                let exact = try database.search(
                    query(number), options: SearchOptions(exact: true, excludedIDs: excluded))
                let hits = try database.search(query(number), options: SearchOptions(excludedIDs: excluded))
                found += try database.recall(of: hits, query: query(number), truth: exact.map(\.ordinal))
            }
            // Of clusters of a hundred rows ten are left: the setting for ten times as many hits serves.
            #expect(found / 50 >= 0.9, "one row in \(step)")
        }
    }

    @Test(arguments: [true, false])
    func `fault 16: a batch answers what single searches answer, whatever is left for each`(_ soar: Bool) throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(.l2, soar: soar, in: place)
        let queries = (0..<12).flatMap(query)
        let shared = excluded(allBut: 2).filter { Int($0) ?? 0 < 3_000 }
        let own: [Int: [String]] = [
            1: excluded(allBut: 50), 3: ["5", "5", "no such id"], 4: [], 7: excluded(allBut: 4),
            9: (0..<Self.rows).map(String.init),
            10: excluded(allBut: 50), 99: ["1"],
        ]
        for shared in [[], shared, excluded(allBut: 60)] {
            for k in [1, 10, 200] {
                let batch = try database.searchBatch(
                    queries, options: SearchOptions(k: k, excludedIDs: shared), excludedIDs: own, threads: 2)
                let single = try (0..<12).map { number in
                    try database.search(
                        query(number), options: SearchOptions(k: k, excludedIDs: shared + (own[number] ?? [])))
                }
                #expect(batch == single)
                #expect(batch[9].isEmpty)
            }
        }
    }

    /// Were the list looked up for every query, this would take minutes.
    @Test func `fault 16: a list that a batch shares is looked up once`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(.dot, in: place)
        let queries = (0..<500).flatMap { _ in query(1) }
        let options = SearchOptions(excludedIDs: excluded(allBut: 5))
        let answers = try database.searchBatch(queries, options: options)
        #expect(answers.count == 500 && answers.allSatisfy { $0 == answers[0] })
        #expect(database.snapshot.listLookUps.load(ordering: .relaxed) == 1)
        let explained = try database.explainBatch(queries, options: options)
        #expect(explained.map(\.hits) == answers)
        #expect(database.snapshot.listLookUps.load(ordering: .relaxed) == 2)
    }

    @Test func `fault 16: the ids of all lists of a batch are looked up once, together`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(.dot, in: place)
        let queries = (0..<40).flatMap { _ in query(1) }
        let lists = [excluded(allBut: 5), excluded(allBut: 7)]
        let before = database.snapshot.listLookUps.load(ordering: .relaxed)
        let own = Dictionary(uniqueKeysWithValues: (0..<40).map { ($0, lists[$0 % 2]) })
        let answers = try database.searchBatch(queries, excludedIDs: own)
        #expect(database.snapshot.listLookUps.load(ordering: .relaxed) == before + 1)
        #expect(try database.explainBatch(queries, excludedIDs: own).map(\.hits) == answers)
        for index in 0..<2 {
            #expect(try database.search(query(1), options: SearchOptions(excludedIDs: lists[index])) == answers[index])
        }
    }
}
