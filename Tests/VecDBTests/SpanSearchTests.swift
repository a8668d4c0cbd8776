import TestSupport
import Testing

@testable import VecDB

@Suite struct SpanSearchTests {
    private static let (rows, dimensions, queries) = (500, 12, 40)
    /// Queries with something before and behind them.
    private static let vectors = clusteredVectors(count: queries + 2, dimensions: dimensions, seed: 31)

    private func query(_ number: Int) -> Range<Int> {
        (number + 1) * Self.dimensions..<(number + 2) * Self.dimensions
    }

    private func database(_ metric: Metric, in place: TemporaryDirectory) throws -> VectorDatabase {
        var options = BuildOptions()
        (options.metric, options.index, options.leaves) = (metric, .treeAH, 9)
        let vectors = clusteredVectors(count: Self.rows, dimensions: Self.dimensions, seed: 32)
        try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: Self.dimensions), options: options)
        return try VectorDatabase.open(place.file("a.vecdb"))
    }

    @Test(arguments: Metric.allCases, [false, true])
    func `queries are answered alike wherever they lie`(_ metric: Metric, _ exact: Bool) throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(metric, in: place)
        let options = SearchOptions(k: 7, exact: exact)
        let alone = try (0..<Self.queries).map { try database.search(Array(Self.vectors[query($0)]), options: options) }
        // Part of what somebody else holds.
        let held = ContiguousArray(Self.vectors)
        let queries = held.span.extracting(Self.dimensions..<(Self.queries + 1) * Self.dimensions)
        #expect(try database.searchBatch(queries, options: options, threads: 2) == alone)
        #expect(try database.explainBatch(queries, options: options).map(\.hits) == alone)
        for number in 0..<Self.queries {
            #expect(try database.search(held.span.extracting(query(number)), options: options) == alone[number])
            #expect(try database.explain(held.span.extracting(query(number)), options: options).hits == alone[number])
        }
        #expect(held.elementsEqual(Self.vectors))
    }

    @Test(arguments: Metric.allCases)
    func `queries of a batch that go different ways are answered as each alone`(_ metric: Metric) throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(metric, in: place)
        // Of every third query few rows are left, and those of others vary in number: groups do not lie together.
        var excluded: [Int: [String]] = [:]
        for number in stride(from: 0, to: Self.queries, by: 3) { excluded[number] = (0..<490).map(String.init) }
        for number in stride(from: 1, to: Self.queries, by: 5) { excluded[number] = (0..<60).map(String.init) }
        let queries = Array(Self.vectors[Self.dimensions..<(Self.queries + 1) * Self.dimensions])
        for threads in [1, 2] {
            let answers = try database.searchBatch(queries.span, excludedIDs: excluded, threads: threads)
            for number in 0..<Self.queries {
                let options = SearchOptions(excludedIDs: excluded[number] ?? [])
                let alone = try database.search(Self.vectors.span.extracting(query(number)), options: options)
                #expect(answers[number] == alone, "query \(number)")
            }
        }
    }

    @Test func `a search of files takes queries where they lie`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let vectors = clusteredVectors(count: Self.rows, dimensions: Self.dimensions, seed: 32)
        let input = BuildInput.memory(vectors: vectors, dimensions: Self.dimensions)
        for metric in Metric.allCases {
            let search = try StreamingSearch(input, metric: metric)
            let all = try search.search(Self.vectors)
            let found = try search.search(Self.vectors.span.extracting(query(3)))
            #expect(found == [all[4]])
        }
    }
}
