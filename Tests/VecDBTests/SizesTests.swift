import TestSupport
import Testing

@testable import VecDB

/// Every way of storing and projecting vectors, over dimensions from one to thousands.
@Test(arguments: [1, 3, 32, 128, 784, 1_536, 4_096], Metric.allCases)
func `vectors of any dimension are found among a few rows`(_ dimensions: Int, _ metric: Metric) throws {
    let place = try TemporaryDirectory()
    let vectors = clusteredVectors(count: 100, dimensions: dimensions, seed: UInt64(dimensions))
    for index in [IndexKind.exact, .treeAH] {
        var options = BuildOptions()
        options.metric = metric
        options.index = index
        // Principal axes of thousands of dimensions take a test built without optimisation too long.
        if dimensions > 784 { options.projection = .random }
        let path = place.file("\(index).vecdb")
        try VectorDatabase.build(at: path, from: .memory(vectors: vectors, dimensions: dimensions), options: options)
        let database = try VectorDatabase.open(path)
        for row in [0, 41, 99] {
            let query = Array(vectors[row * dimensions..<(row + 1) * dimensions])
            let exact = try database.search(query, options: SearchOptions(k: 10, exact: true))
            let all = SearchOptions(k: 10, leavesToSearch: 100, reorder: 100)
            #expect(try database.search(query, options: all) == exact)
            #expect(exact.count == 10)
            // Under dot a longer vector may be nearer than the vector itself, and in one dimension all directions are two.
            if metric == .l2 || (metric == .cosine && dimensions > 1) { #expect(exact[0].ordinal == UInt64(row)) }
        }
        #expect(try VectorDatabase.verify(path, deep: true).isIntact)
    }
}
