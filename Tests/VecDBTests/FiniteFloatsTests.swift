import Foundation
import SegmentFile
import TestSupport
import Testing

@testable import VecDB

/// Segments whose checksums are right and whose floats nobody writes.
@Suite struct FiniteFloatsTests {
    /// A kind of database, and the section in which a number is overwritten.
    struct Place: Sendable, CustomTestStringConvertible {
        let metric: Metric
        let section: SectionKind
        /// Where the number begins in the section, and its bytes.
        let offset: Int
        var bytes: [UInt8] = floatBytes(.nan)
        var index: IndexKind = .treeAH
        var storage: ReorderStorage = .auto
        var projection: ProjectionChoice = .principalAxes(8)
        /// What a message names.
        var names = ""

        var testDescription: String { "\(section.name) \(metric) \(bytes)" }
    }

    private static let dimensions = 16
    /// Of a block of codes: 4 pairs of subspaces of 8 projected dimensions, then scales, then biases.
    private static let scale = 32 * 2, bias = 32 * 2 + 64

    private static let places: [Place] = [
        Place(metric: .l2, section: .origin, offset: 4, names: "row 1"),
        Place(metric: .l2, section: .codebooks, offset: 8, bytes: floatBytes(-.infinity)),
        Place(metric: .dot, section: .routingCentroids, offset: 64 * 4 + 4, names: "row 1"),
        Place(metric: .cosine, section: .routingCentroids, offset: 64 * 4 + 64, bytes: floatBytes(.infinity)),
        Place(metric: .l2, section: .routingCentroids, offset: 64 * 4 + 128),
        Place(metric: .dot, section: .projection, offset: 64 * 4 + 4),
        Place(metric: .dot, section: .centroids, offset: 20, names: "row 1"),
        Place(metric: .dot, section: .centroids, offset: 20, bytes: floatBytes(-1)),
        Place(metric: .dot, section: .blockRadii, offset: 4, names: "row 1"),
        Place(metric: .l2, section: .codes, offset: scale + 2, bytes: [0, 0x7C], names: "slot 1"),
        Place(metric: .l2, section: .codes, offset: bias + 8, names: "slot 2"),
        Place(metric: .dot, section: .reorderVectors, offset: 3 * 64 + 4, names: "row 3"),
        Place(
            metric: .dot, section: .reorderVectors, offset: 3 * 32 + 2, bytes: [0x80, 0xFF], storage: .bf16,
            names: "row 3"),
        Place(metric: .dot, section: .reorderVectors, offset: 3 * 20, storage: .int8, names: "row 3"),
        Place(metric: .l2, section: .reorderVectors, offset: 70 * 64, index: .exact, names: "row 70"),
        Place(metric: .l2, section: .reorderVectors, offset: 5 * 20, index: .exact, storage: .int8, names: "row 5"),
    ]

    private static func build(_ place: Place, in directory: TemporaryDirectory) throws -> String {
        var options = BuildOptions()
        (options.metric, options.index, options.reorderStorage) = (place.metric, place.index, place.storage)
        (options.leaves, options.projection, options.threads, options.seed) = (4, place.projection, 1, 1)
        let path = directory.file("a.vecdb")
        try VectorDatabase.build(
            at: path,
            from: .memory(
                vectors: clusteredVectors(count: 300, dimensions: dimensions, seed: 7), dimensions: dimensions,
                ids: nil,
                metadata: nil), options: options)
        return path
    }

    /// What every way of searching says, each of which looks at all codes and at all rows.
    private static func errors(of path: String) -> [DatabaseError] {
        let query = [Float](repeating: 0.5, count: dimensions)
        let everything = SearchOptions(k: 5, leavesToSearch: .max, reorder: .max)
        var errors: [DatabaseError] = []
        do throws(DatabaseError) {
            _ = try VectorDatabase.open(path).search(query, options: everything)
        } catch { errors.append(error) }
        do throws(DatabaseError) {
            _ = try VectorDatabase.open(path).searchBatch(query + query, options: everything)
        } catch { errors.append(error) }
        return errors
    }

    @Test(arguments: places)
    func `fault 19: a stored float that is not finite is damage with a name`(place: Place) throws {
        let directory = try TemporaryDirectory()
        let path = try Self.build(place, in: directory)
        #expect(try VectorDatabase.verify(path, deep: true).isIntact)
        try overwrite(place.bytes, of: place.section, at: place.offset, in: path)
        let errors = Self.errors(of: path)
        #expect(errors.count == 2)
        for error in errors {
            #expect(error.code == .corrupt && error.message.contains("'\(place.section.name)'"), "\(error)")
            #expect(place.names.isEmpty || error.message.contains(place.names), "\(error)")
        }
        let damage = try VectorDatabase.verify(path).damage
        #expect(damage.contains { $0.contains("'\(place.section.name)'") }, "\(damage)")
    }

    @Test func `fault 19: a norm that is not finite is damage to verify, as nothing else reads it`() throws {
        let directory = try TemporaryDirectory()
        let path = try Self.build(Place(metric: .cosine, section: .norms, offset: 0), in: directory)
        try overwrite(floatBytes(.nan), of: .norms, at: 4 * 9, in: path)
        #expect(Self.errors(of: path).isEmpty)
        #expect(try VectorDatabase.verify(path).damage.contains { $0.contains("'norms'") && $0.contains("row 9") })
    }

    @Test(arguments: [IndexKind.exact, .treeAH])
    func `fault 19: a finite row that is too long for a score is damage and no answer`(index: IndexKind) throws {
        let directory = try TemporaryDirectory()
        let place = Place(metric: .dot, section: .reorderVectors, offset: 64 * 2, index: index)
        let path = try Self.build(place, in: directory)
        let largest = Float.greatestFiniteMagnitude
        // Lanes of their own: one sum is ∞ and the other −∞.
        try overwrite(floatBytes(largest) + floatBytes(-largest), of: .reorderVectors, at: place.offset, in: path)
        let query = [Float](repeating: 4, count: Self.dimensions)
        for options in [SearchOptions(k: 5, leavesToSearch: .max, reorder: .max), SearchOptions(k: 5, exact: true)] {
            let database = try VectorDatabase.open(path)
            #expect { try database.search(query, options: options) } throws: {
                ($0 as? DatabaseError)?.code == .corrupt && "\($0)".contains("row 2")
            }
            #expect { try database.searchBatch(query + query, options: options) } throws: {
                ($0 as? DatabaseError)?.code == .corrupt && "\($0)".contains("row 2")
            }
        }
        #expect(try VectorDatabase.verify(path, deep: true).damage.contains { $0.contains("row 2") })
    }

    @Test(arguments: [Metric.dot, .l2, .cosine])
    func `fault 19: the longest rows that a build takes are stored as finite floats`(metric: Metric) throws {
        let directory = try TemporaryDirectory()
        // Nearly as long as floats allow, in opposite directions.
        let length = Float(Double(Float.greatestFiniteMagnitude).squareRoot() * 0.49)
        let vectors = clusteredVectors(count: 300, dimensions: 4, seed: 3).map { $0 < 0 ? -length : length }
        var options = BuildOptions()
        (options.metric, options.index, options.leaves, options.threads) = (metric, .treeAH, 4, 1)
        let path = directory.file("a.vecdb")
        try VectorDatabase.build(
            at: path, from: .memory(vectors: vectors, dimensions: 4, ids: nil, metadata: nil), options: options)
        #expect(try VectorDatabase.verify(path, deep: true).damage == [])
        let hits = try VectorDatabase.open(path).search(Array(vectors[0..<4]), options: SearchOptions(k: 300))
        #expect(hits.count == 300 && hits.allSatisfy { !$0.score.isNaN })
    }
}

private func floatBytes(_ value: Float) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(8 * $0)) }
}
