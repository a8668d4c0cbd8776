import TestSupport
import Testing

@testable import VecDB

@Suite struct TopKAccuracyTests {
    /// Scores of the query (1, 0) are the first components: a 5, b 4, c 4, d 3, a 1.
    private static func database(_ place: TemporaryDirectory, metric: Metric = .dot) throws -> VectorDatabase {
        var build = BuildOptions()
        (build.metric, build.duplicateIDs) = (metric, .allow)
        try VectorDatabase.build(
            at: place.file("a.vecdb"),
            from: .memory(
                vectors: [5, 0, 4, 1, 4, 2, 3, 0, 1, 0], dimensions: 2, ids: ["a", "b", "c", "d", "a"]), options: build)
        return try VectorDatabase.open(place.file("a.vecdb"))
    }

    @Test func `labels are counted by id and by score`() throws {
        let database = try Self.database(try TemporaryDirectory())
        let accuracy = try database.topKAccuracy(
            [1, 0, 1, 0, 1, 0, 1, 0], labels: ["a", "c", "d", "unknown"], counts: [3, 1, 2],
            options: SearchOptions(exact: true))
        #expect(accuracy.counts == [1, 2, 3])
        // By id: a at 1, c at 3 (b, which ties, comes first), d at 4.
        #expect(accuracy.byID == [0.25, 0.25, 0.5])
        // By score: one hit is better than c.
        #expect(accuracy.byScore == [0.25, 0.5, 0.5])
        #expect(accuracy.unknownLabels == 1)
    }

    @Test func `smaller distances are better`() throws {
        let database = try Self.database(try TemporaryDirectory(), metric: .l2)
        // From (4, 1.5): b and c tie at .25, d is at 3.25 and the first a at 3.25.
        let accuracy = try database.topKAccuracy(
            [4, 1.5, 4, 1.5], labels: ["c", "d"], counts: [1, 2, 3, 4], options: SearchOptions(exact: true))
        #expect(accuracy.byID == [0, 0.5, 0.5, 1])
        #expect(accuracy.byScore == [0.5, 0.5, 1, 1])
    }

    @Test func `labels and queries must agree`() throws {
        let database = try Self.database(try TemporaryDirectory())
        for (queries, labels): ([Float], [String]) in [([], []), ([1, 0], []), ([1, 0], ["a", "b"]), ([1], ["a"])] {
            #expect(throws: DatabaseError.self) {
                try database.topKAccuracy(queries, labels: labels, options: SearchOptions())
            }
        }
        #expect(throws: DatabaseError.self) {
            try database.topKAccuracy([1, 0], labels: ["a"], counts: [0], options: SearchOptions())
        }
    }
}
