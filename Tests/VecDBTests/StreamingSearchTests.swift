import Foundation
import TestSupport
import Testing
import VectorKernels

@testable import VecDB

@Suite struct StreamingSearchTests {
    @Test(arguments: Metric.allCases)
    func `hits are bit for bit those of a database built from the same input`(_ metric: Metric) throws {
        let place = try TemporaryDirectory()
        // Few distinct values, so that ties are common; more rows than a batch of them.
        var generator = SeededGenerator(seed: 17)
        let (rows, dimensions, queryCount) = (2500, 600, 7)
        let vectors = (0..<rows * dimensions).map { _ in Float(generator.uniform(below: 3)) - 0.75 }
        let ids = (0..<rows).map { "row \($0 % 2400)" }
        let input = BuildInput.memory(
            vectors: vectors, dimensions: dimensions, ids: ids, metadata: ids.map { "{\"name\":\"\($0)\"}" })
        var build = BuildOptions()
        (build.metric, build.index, build.duplicateIDs) = (metric, .exact, .allow)
        try VectorDatabase.build(at: place.file("a.vecdb"), from: input, options: build)
        let database = try VectorDatabase.open(place.file("a.vecdb"))
        let streaming = try StreamingSearch(input, metric: metric, duplicateIDs: .allow)
        #expect(streaming.rows == rows && streaming.dimensions == dimensions)

        let queries = (0..<queryCount * dimensions).map { _ in Float(generator.uniform(below: 3)) - 0.75 }
        let excluded = [2: ["row 5", "none"], 6: (0..<2390).map { "row \($0)" }]
        for (k, threads) in [(1, 1), (12, 3), (3000, 2)] {
            let options = SearchOptions(k: k, exact: true, excludedIDs: ["row 1"], includesMetadata: true)
            #expect(
                try streaming.search(queries, options: options, excludedIDs: excluded, threads: threads)
                    == database.searchBatch(queries, options: options, excludedIDs: excluded))
        }
        #expect(try streaming.search([]).isEmpty)
    }

    @Test func `fault 12: documents of hits are in memory as far as they fit`() throws {
        var generator = SeededGenerator(seed: 5)
        let metadata = (0..<300).map { "{\"text\":\"\(String(repeating: "x", count: $0 == 120 ? 900 : $0))\"}" }
        let streaming = try StreamingSearch(
            .memory(vectors: (0..<300).map { Float($0) }, dimensions: 1, metadata: metadata))
        // Some come several times; they are read once for each part, and 120 is more than fits.
        let ordinals = (0..<200).map { _ in UInt64(generator.uniform(below: 300)) } + [120, 121]
        for (limit, passes) in [(1 << 20, 1...1), (10_000, 3...60), (500, 20...203), (0, 100...203)] {
            var documents = StreamedDocuments(streaming, ordinals: ordinals, byteLimit: limit)
            var found: [String?] = []
            while found.count < ordinals.count {
                let count = min(16, ordinals.count - found.count)
                found += try documents.next(count)
                let largest = found.suffix(count).compactMap { $0?.utf8.count }.max() ?? 0
                #expect(documents.heldByteCount <= max(limit, largest))
            }
            #expect(found == ordinals.map { metadata[Int($0)] })
            #expect(passes.contains(documents.passCount), "\(documents.passCount)")
        }
        var none = try StreamingSearch(.memory(vectors: [1, 2], dimensions: 1)).documents(of: [1, 0, 1])
        #expect(try none.next(2) == [nil, nil] && none.next(1) == [nil] && none.next(0).isEmpty)
    }

    @Test func `rows of bytes are scored as bytes`() throws {
        let place = try TemporaryDirectory()
        var generator = SeededGenerator(seed: 4)
        let (rows, dimensions) = (70, 33)
        var header = "{'descr': '|u1', 'fortran_order': False, 'shape': (\(rows), \(dimensions)), }"
        header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
        let file = Data([0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0]) + Data(header.utf8)
        try (file + Data((0..<rows * dimensions).map { _ in UInt8(generator.uniform(below: 256)) }))
            .write(to: URL(fileURLWithPath: place.file("bytes.npy")))
        let input = BuildInput.files(BuildFiles(vectors: [place.file("bytes.npy")]))
        var build = BuildOptions()
        build.metric = .l2
        try VectorDatabase.build(at: place.file("a.vecdb"), from: input, options: build)
        let query = (0..<dimensions).map { _ in 300 * generator.approximateGaussian() }
        #expect(
            try StreamingSearch(input, metric: .l2).search(query)
                == [VectorDatabase.open(place.file("a.vecdb")).search(query)])
    }

    @Test func `what a build refuses is refused`() throws {
        let bad = BuildInput.memory(vectors: [1, 2, .nan, 4], dimensions: 2)
        #expect(throws: DatabaseError.self) { try StreamingSearch(bad) }
        let zero = BuildInput.memory(vectors: [1, 2, 0, 0], dimensions: 2)
        #expect(throws: DatabaseError.self) { try StreamingSearch(zero, metric: .cosine) }
        let search = try StreamingSearch(zero)
        for query: [Float] in [[1], [1, .infinity], [1, 2, 3]] {
            #expect(throws: DatabaseError.self) { try search.search(query) }
        }
        #expect(throws: DatabaseError.self) { try search.search([1, 2], options: SearchOptions(k: 0)) }
    }
}
