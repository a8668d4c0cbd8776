import TestSupport
import Testing
import VectorKernels

@testable import VecDB

@Suite struct ExactBatchTests {
    @Test(arguments: Metric.allCases, [IndexKind.exact, .treeAH])
    func `an exact batch answers what single exact searches answer`(_ metric: Metric, _ index: IndexKind) throws {
        let place = try TemporaryDirectory()
        // Few distinct values, so that ties are common; more rows than fit one chunk.
        var generator = SeededGenerator(seed: 31)
        let (rows, dimensions, queryCount) = (2100, 7, 150)
        let vectors = (0..<rows * dimensions).map { _ in Float(generator.uniform(below: 5)) - 2 + 0.25 }
        var build = BuildOptions()
        (build.metric, build.index) = (metric, index)
        try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: dimensions), options: build)
        let database = try VectorDatabase.open(place.file("a.vecdb"))
        let queries = (0..<queryCount * dimensions).map { _ in Float(generator.uniform(below: 5)) - 2 + 0.25 }
        let everyone = ["3", "unknown", "2099"]
        let excluded = Dictionary(
            uniqueKeysWithValues: (0..<queryCount / 3).map { query in
                (3 * query, (0..<40 * query).map { _ in "\(generator.uniform(below: rows))" })
            })
        for k in [1, 25, rows + 7] {
            for threads in [1, 3] where k < rows || threads == 3 {
                let count = k < rows ? queryCount : 10
                var options = SearchOptions(k: k, exact: true, excludedIDs: everyone)
                let batch = try database.searchBatch(
                    Array(queries[..<(count * dimensions)]), options: options,
                    excludedIDs: excluded.filter { $0.key < count }, threads: threads)
                #expect(batch.count == count)
                for query in batch.indices {
                    options.excludedIDs = everyone + (excluded[query] ?? [])
                    let vector = Array(queries[query * dimensions..<(query + 1) * dimensions])
                    #expect(try database.search(vector, options: options) == batch[query], "query \(query), k \(k)")
                }
            }
        }
    }

    /// With fewer rows than a tile has, with a whole one, and with a rest behind several.
    @Test(arguments: [ReorderStorage.f32, .bf16, .int8], [1, 63, 64, 333])
    func `batches of all sizes agree with single searches under every storage`(
        _ storage: ReorderStorage, _ rows: Int
    ) throws {
        let place = try TemporaryDirectory()
        let dimensions = 33
        let vectors = clusteredVectors(count: 333, dimensions: dimensions, seed: 4)
        var build = BuildOptions()
        (build.metric, build.index, build.reorderStorage) = (.l2, .exact, storage)
        try VectorDatabase.build(
            at: place.file("a.vecdb"),
            from: .memory(vectors: Array(vectors[..<(rows * dimensions)]), dimensions: dimensions), options: build)
        let database = try VectorDatabase.open(place.file("a.vecdb"))
        let single = try (0..<131).map {
            try database.search(
                Array(vectors[$0 * dimensions..<($0 + 1) * dimensions]), options: SearchOptions(k: 9))
        }
        for count in [0, 1, 2, 5, 64, 65, 131] {
            let queries = Array(vectors[..<(count * dimensions)])
            for threads in [0, 1, 2, 5] {
                #expect(
                    try database.searchBatch(queries, options: SearchOptions(k: 9), threads: threads)
                        == Array(single[..<count]))
            }
        }
    }

    @Test func `a batch names the query that does not fit`() throws {
        let place = try TemporaryDirectory()
        try VectorDatabase.build(
            at: place.file("a.vecdb"),
            from: .memory(vectors: clusteredVectors(count: 50, dimensions: 3, seed: 1), dimensions: 3))
        let database = try VectorDatabase.open(place.file("a.vecdb"))
        #expect(throws: DatabaseError.self) { try database.searchBatch([1, 2, 3, 4, .nan, 6]) }
    }
}
