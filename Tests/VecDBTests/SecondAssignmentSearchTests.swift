import Foundation
import TestSupport
import Testing
import VectorKernels

@testable import VecDB

/// Databases whose rows are in two partitions each.
@Suite struct SecondAssignmentSearchTests {
    private let rows = 900
    private let dimensions = 12
    private let leaves = 15

    private func options(_ metric: Metric, twice: Bool = true) -> BuildOptions {
        var options = BuildOptions()
        options.metric = metric
        options.index = .treeAH
        options.leaves = leaves
        options.secondAssignments = twice
        return options
    }

    private func vectors(seed: UInt64 = 31) -> [Float] {
        clusteredVectors(count: rows, dimensions: dimensions, seed: seed)
    }

    private func query(_ vectors: [Float], _ row: Int) -> [Float] {
        vectors[row * dimensions..<(row + 1) * dimensions].map { $0 * 0.9 + 0.02 }
    }

    @Test(arguments: Metric.allCases)
    func `a search of everything is brute force, and every hit comes once`(_ metric: Metric) throws {
        let place = try TemporaryDirectory()
        let vectors = vectors()
        let path = place.file("a.vecdb")
        try VectorDatabase.build(
            at: path, from: .memory(vectors: vectors, dimensions: dimensions), options: options(metric))
        let database = try VectorDatabase.open(path)
        for row in stride(from: 0, to: rows, by: 60) {
            for k in [1, 10, 250, rows] {
                let exact = try database.search(query(vectors, row), options: SearchOptions(k: k, exact: true))
                let full = SearchOptions(k: k, leavesToSearch: leaves, reorder: 2 * rows)
                #expect(try database.search(query(vectors, row), options: full) == exact)
                // However little is searched: k different rows, or all there are.
                let narrow = SearchOptions(k: k, leavesToSearch: 1, reorder: 1)
                let hits = try database.search(query(vectors, row), options: narrow)
                #expect(hits.count == k && Set(hits.map(\.ordinal)).count == k)
            }
        }
        let report = try VectorDatabase.verify(path, deep: true)
        #expect(report.isIntact && report.checks.contains { $0.name == "slots" && $0.detail.hasPrefix("1800 slots") })
    }

    @Test(arguments: Metric.allCases)
    func `excluded rows come back through neither of their partitions`(_ metric: Metric) throws {
        let place = try TemporaryDirectory()
        let vectors = vectors()
        try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: dimensions),
            options: options(metric))
        let database = try VectorDatabase.open(place.file("a.vecdb"))
        for row in stride(from: 0, to: rows, by: 90) {
            let query = query(vectors, row)
            let ranking = try database.search(query, options: SearchOptions(k: rows, exact: true)).compactMap(\.id)
            for count in [1, 40, rows - 3] {
                let excluded = Array(ranking[..<count])
                let search = SearchOptions(k: 5, leavesToSearch: leaves, reorder: 2 * rows, excludedIDs: excluded)
                let hits = try database.search(query, options: search)
                #expect(hits.compactMap(\.id) == Array(ranking[count...].prefix(5)))
                #expect(try database.searchBatch(query + query, options: search) == [hits, hits])
            }
        }
    }

    @Test func `two partitions find more in as many leaves`() throws {
        let place = try TemporaryDirectory()
        // No clusters: many rows lie between partitions.
        var generator = SeededGenerator(seed: 77)
        let vectors = (0..<rows * dimensions).map { _ in generator.approximateGaussian() }
        var found: [Int] = []
        for twice in [false, true] {
            let path = place.file("\(twice).vecdb")
            try VectorDatabase.build(
                at: path, from: .memory(vectors: vectors, dimensions: dimensions), options: options(.l2, twice: twice))
            let database = try VectorDatabase.open(path)
            found.append(
                try stride(from: 0, to: rows, by: 9).reduce(0) { sum, row in
                    let query = query(vectors, row)
                    let exact = try database.search(query, options: SearchOptions(exact: true))
                    let hits = try database.search(query, options: SearchOptions(leavesToSearch: 3, reorder: 200))
                    return sum + Set(exact.map(\.ordinal)).intersection(hits.map(\.ordinal)).count
                })
        }
        #expect(found[1] > found[0] + 50, "of 1,000: \(found)")
    }

    @Test func `the same bytes at any thread count, and codes that are chosen otherwise are other bytes`() throws {
        let place = try TemporaryDirectory()
        let vectors = vectors()
        func image(_ name: String, threads: Int, threshold: Double? = nil) throws -> Data {
            var options = options(.dot)
            options.threads = threads
            options.anisotropicThreshold = threshold
            let path = place.file(name)
            try VectorDatabase.build(
                at: path, from: .memory(vectors: vectors, dimensions: dimensions), options: options)
            #expect(try VectorDatabase.verify(path, deep: true).isIntact)
            return try segmentBytes(of: path)
        }
        let one = try image("1.vecdb", threads: 1)
        #expect(try image("3.vecdb", threads: 3) == one)
        let anisotropic = try image("a.vecdb", threads: 1, threshold: 0.7)
        #expect(try image("b.vecdb", threads: 2, threshold: 0.7) == anisotropic)
        #expect(anisotropic != one)
    }

    @Test func `a single partition has no second`() throws {
        let place = try TemporaryDirectory()
        var options = options(.l2)
        options.leaves = 1
        try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: vectors(), dimensions: dimensions), options: options)
        let inspection = try VectorDatabase.inspect(place.file("a.vecdb"))
        #expect(inspection.formatVersion == "1.0")
        #expect(inspection.segments.first?.sections.contains { $0.name == "slot-rows" } == false)
    }

    @Test func `an anisotropic threshold is refused for squared distances and outside of its range`() throws {
        let place = try TemporaryDirectory()
        for (metric, threshold) in [(Metric.l2, 0.2), (.dot, 1), (.cosine, -0.1), (.dot, .nan)] {
            var options = options(metric)
            options.anisotropicThreshold = threshold
            #expect(throws: DatabaseError.self) {
                try VectorDatabase.build(
                    at: place.file("a.vecdb"), from: .memory(vectors: vectors(), dimensions: dimensions),
                    options: options)
            }
            #expect(place.names.isEmpty)
        }
    }
}
