import Foundation
import TestSupport
import Testing
import VectorKernels

@testable import VecDB

struct Case: Sendable, CustomTestStringConvertible {
    let metric: Metric
    let dimensions: Int
    let storage: ReorderStorage
    let projection: ProjectionChoice

    var testDescription: String { "\(metric), \(dimensions) dimensions, \(storage), \(projection)" }

    static let all: [Case] = Metric.allCases.flatMap { metric in
        [
            Case(metric: metric, dimensions: 1, storage: .f32, projection: .none),
            Case(metric: metric, dimensions: 3, storage: .bf16, projection: .none),
            Case(metric: metric, dimensions: 17, storage: .int8, projection: .random),
            Case(metric: metric, dimensions: 33, storage: .f32, projection: .principalAxes(9)),
            Case(metric: metric, dimensions: 370, storage: .f32, projection: .random),  // a structured rotation
        ]
    }
}

/// All leaves searched and every candidate reordered leaves nothing to chance: recall must be 1, to the bit.
@Test(arguments: Case.all)
func `a search of everything is brute force`(_ sample: Case) throws {
    let place = try TemporaryDirectory()
    let rows = sample.dimensions > 100 ? 300 : 700
    let vectors = clusteredVectors(count: rows, dimensions: sample.dimensions, seed: 11)
    var options = BuildOptions()
    options.metric = sample.metric
    options.index = .treeAH
    options.projection = sample.projection
    options.reorderStorage = sample.storage
    options.leaves = 19
    try VectorDatabase.build(
        at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: sample.dimensions), options: options)
    let database = try VectorDatabase.open(place.file("a.vecdb"))
    for query in stride(from: 0, to: rows, by: 37) {
        let vector = Array(vectors[query * sample.dimensions..<(query + 1) * sample.dimensions]).map { $0 * 0.9 + 0.01 }
        let exact = try database.search(vector, options: SearchOptions(k: 25, exact: true))
        let full = try database.search(vector, options: SearchOptions(k: 25, leavesToSearch: 19, reorder: rows))
        #expect(exact == full, "query \(query)")
        #expect(exact.count == 25)
    }
    #expect(try VectorDatabase.verify(place.file("a.vecdb"), deep: true).damage.isEmpty)
}

@Test(arguments: Metric.allCases, [IndexKind.exact, .treeAH])
func `exact search finds what the definition says`(_ metric: Metric, _ index: IndexKind) throws {
    let place = try TemporaryDirectory()
    // Small integers with many equal scores: ties must go by ordinal whatever the order of rows in the segment.
    var generator = SeededGenerator(seed: 5)
    let dimensions = 5
    let vectors = (0..<400 * dimensions).map { _ in Float(generator.uniform(below: 5)) - 2 + 0.25 }
    var options = BuildOptions()
    options.metric = metric
    options.index = index
    try VectorDatabase.build(
        at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: dimensions), options: options)
    let database = try VectorDatabase.open(place.file("a.vecdb"))
    for _ in 0..<20 {
        let query = (0..<dimensions).map { _ in Float(generator.uniform(below: 5)) - 2 + 0.25 }
        let hits = try database.search(query, options: SearchOptions(k: 30, exact: true))
        guard metric == .cosine else {
            #expect(hits.map(\.ordinal) == bruteForce(query, in: vectors, metric: metric, k: 30))
            continue
        }
        // Cosine rounds, so that rows which tie by definition may come in another order: each rank has its score.
        let scores = scoresByDefinition(query, in: vectors, metric: metric)
        #expect(hits.count == 30 && Set(hits.map(\.ordinal)).count == 30)
        for (hit, expected) in zip(hits, scores.sorted(by: >)) {
            #expect(abs(Double(hit.score) - expected) < 1e-6)
            #expect(abs(scores[Int(hit.ordinal)] - expected) < 1e-6)
        }
        for (hit, next) in zip(hits, hits.dropFirst()) {
            #expect(hit.score > next.score || (hit.score == next.score && hit.ordinal < next.ordinal))
        }
    }
}

@Test(arguments: Metric.allCases)
func `the same input, options and seed give the same bytes at any thread count`(_ metric: Metric) throws {
    let place = try TemporaryDirectory()
    let vectors = clusteredVectors(count: 3000, dimensions: 12, seed: 3)
    var images: [Data] = []
    for threads in [1, 2, 4] {
        var options = BuildOptions()
        options.metric = metric
        options.index = .treeAH
        options.seed = 99
        options.threads = threads
        options.projection = .random
        try VectorDatabase.build(
            at: place.file("\(threads).vecdb"), from: .memory(vectors: vectors, dimensions: 12), options: options)
        images.append(try segmentBytes(of: place.file("\(threads).vecdb")))
    }
    #expect(images[0].count > 8192)
    #expect(images[0] == images[1])
    #expect(images[0] == images[2])
}

/// Vectors of very different lengths in few leaves: most blocks are bounded below the best rows and left out.
@Test func `blocks that cannot hold a hit are left out, and nothing else`() throws {
    let place = try TemporaryDirectory()
    let (rows, dimensions) = (3000, 12)
    var vectors = clusteredVectors(count: rows, dimensions: dimensions, seed: 4)
    for row in stride(from: 0, to: rows, by: 50) {
        for column in 0..<dimensions { vectors[row * dimensions + column] *= 6 }
    }
    var options = BuildOptions()
    options.index = .treeAH
    options.leaves = 6
    try VectorDatabase.build(
        at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: dimensions), options: options)
    let database = try VectorDatabase.open(place.file("a.vecdb"))
    var (found, scanned) = (0, 0)
    let excluded = [0, 50, 100, 1500].map(String.init)
    for query in 0..<40 {
        let vector = Array(vectors[query * 7 * dimensions..<(query * 7 + 1) * dimensions])
        for excludedIDs in [[], excluded] {
            let exact = try database.search(
                vector, options: SearchOptions(k: 10, exact: true, excludedIDs: excludedIDs))
            var search = SearchOptions(k: 10, leavesToSearch: 6, reorder: 60, excludedIDs: excludedIDs)
            let (hits, statistics) = try database.explain(vector, options: search)
            found += Set(exact.map(\.ordinal)).intersection(hits.map(\.ordinal)).count
            scanned += statistics.codesScanned
            #expect(try database.searchBatch(vector + vector, options: search) == [hits, hits])
            // What keeps every estimate scans every block.
            search.reorder = rows
            let (all, whole) = try database.explain(vector, options: search)
            #expect(all == exact && whole.codesScanned == rows)
        }
    }
    #expect(found >= 40 * 2 * 10 * 99 / 100)
    #expect(scanned < 40 * 2 * rows / 2)
    // More hits than first blocks have rows.
    let many = SearchOptions(k: 250, leavesToSearch: 6, reorder: 300)
    let everything = SearchOptions(k: 250, exact: true)
    let query = Array(vectors[..<dimensions])
    let common = Set(try database.search(query, options: many).map(\.ordinal))
        .intersection(try database.search(query, options: everything).map(\.ordinal))
    #expect(common.count >= 225)
}

@Test func `a batch answers bit for bit what single searches answer, and so does a reopened database`() throws {
    let place = try TemporaryDirectory()
    let vectors = clusteredVectors(count: 2500, dimensions: 24, seed: 8)
    var options = BuildOptions()
    options.index = .treeAH
    try VectorDatabase.build(
        at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: 24), options: options)
    let database = try VectorDatabase.open(place.file("a.vecdb"))
    let queries = Array(vectors[..<(64 * 24)])
    let search = SearchOptions(k: 7, leavesToSearch: 5, reorder: 20)
    let single = try (0..<64).map { try database.search(Array(queries[$0 * 24..<($0 + 1) * 24]), options: search) }
    #expect(try database.searchBatch(queries, options: search, threads: 3) == single)
    let again = try VectorDatabase.open(place.file("a.vecdb"), mode: .readOnly)
    #expect(try again.searchBatch(queries, options: search, threads: 1) == single)
}

@Test(arguments: [IndexKind.exact, .treeAH])
func `excluded ids never come back, and k others do as long as there are k`(_ index: IndexKind) throws {
    let place = try TemporaryDirectory()
    let vectors = clusteredVectors(count: 500, dimensions: 6, seed: 21)
    var options = BuildOptions()
    options.index = index
    try VectorDatabase.build(
        at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: 6), options: options)
    let database = try VectorDatabase.open(place.file("a.vecdb"))
    let query = Array(vectors[..<6])
    let ranking = try database.search(query, options: SearchOptions(k: 500, exact: true)).compactMap(\.id)
    #expect(ranking.count == 500)
    for excludedCount in [1, 100, 489, 495, 500] {
        let excluded = Array(ranking[..<excludedCount])
        let hits = try database.search(
            query, options: SearchOptions(k: 10, leavesToSearch: 1, reorder: 10, excludedIDs: excluded + ["unknown"]))
        let found = hits.compactMap(\.id)
        #expect(found.count == min(10, 500 - excludedCount) && Set(found).count == found.count)
        #expect(Set(found).isSubset(of: ranking[excludedCount...]))
        let exact = try database.search(query, options: SearchOptions(k: 10, exact: true, excludedIDs: excluded))
        #expect(exact.compactMap(\.id) == Array(ranking[excludedCount...].prefix(10)))
    }
}
