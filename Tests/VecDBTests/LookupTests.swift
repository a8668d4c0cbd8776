import Foundation
import TestSupport
import Testing
import TreeAH
import VectorKernels

@testable import VecDB

@Suite struct LookupTests {
    /// A database of `vectors`, all of `dimensions`; gone with `place`.
    private func database(
        in place: TemporaryDirectory, _ vectors: [Float], dimensions: Int, ids: [String]? = nil,
        options: BuildOptions = BuildOptions()
    ) throws -> VectorDatabase {
        try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: dimensions, ids: ids),
            options: options)
        return try VectorDatabase.open(place.file("a.vecdb"))
    }

    /// What a database gives back of the vectors that it was built from.
    private func stored(_ vectors: [Float], of database: VectorDatabase) throws -> [Float] {
        let info = database.info
        var given = vectors
        if info.metric == .cosine { VecDB.normaliseRows(&given, dimensions: info.dimensions) }
        let element = RowElement.allCases.first { $0.storage == info.reorderStorage }
        return RowStorage(element: try #require(element), dimensions: info.dimensions).roundTripped(given)
    }

    private func row(_ row: Int, of vectors: [Float], _ dimensions: Int) -> [Float] {
        Array(vectors[row * dimensions..<(row + 1) * dimensions])
    }

    @Test(arguments: Metric.allCases, [ReorderStorage.f32, .bf16, .int8])
    func `vectors come back as they are stored, in the order that was asked for`(
        _ metric: Metric, _ storage: ReorderStorage
    ) throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let vectors = clusteredVectors(count: 300, dimensions: 12, seed: 5)
        var options = BuildOptions()
        (options.metric, options.index, options.leaves) = (metric, .treeAH, 6)
        options.reorderStorage = storage
        let database = try database(in: place, vectors, dimensions: 12, options: options)
        #expect(database.count == 300)
        let stored = try stored(vectors, of: database)
        let ordinals: [UInt64] = [299, 0, 17, 17, 150]
        let expected = ordinals.flatMap { row(Int($0), of: stored, 12) }
        #expect(try database.vectors(ordinals: ordinals) == expected)
        #expect(try database.vectors(ordinals: (0..<300).map { UInt64($0) }) == stored)
        #expect(try database.vectors(ordinals: []).isEmpty)
        #expect(try database.vector(id: "17") == row(17, of: stored, 12))
    }

    @Test func `an unknown id has no vector, an unknown ordinal is an error that names it`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(in: place, [1, 2, 3, 4], dimensions: 2, ids: ["", "é"])
        #expect(try database.contains(id: "") && database.contains(id: "é"))
        // The same letter in other bytes.
        #expect(try !database.contains(id: "e\u{301}") && database.vector(id: "e\u{301}") == nil)
        #expect(try database.vector(id: "é") == [3, 4])
        let error = #expect(throws: DatabaseError.self) { try database.vectors(ordinals: [1, 2]) }
        #expect(error?.code == .notFound && error?.message == "no candidate has the ordinal 2")
        #expect(throws: DatabaseError.self) { try database.vectors(ordinals: [.max]) }
    }

    @Test func `of several candidates with an id the first one's vector comes back`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        var options = BuildOptions()
        options.duplicateIDs = .allow
        let database = try database(
            in: place, [1, 2, 3, 4, 5, 6], dimensions: 2, ids: ["a", "b", "b"], options: options)
        #expect(try database.vector(id: "b") == [3, 4])
        #expect(database.count == 3)
    }

    @Test(arguments: Metric.allCases, [ReorderStorage.f32, .bf16])
    func `vectors are found wherever they lie, in segments or pending`(
        _ metric: Metric, _ storage: ReorderStorage
    ) throws {
        let divided = try Divided(metric, ends: [300, 310, 870], models: [0, nil, 0], storage: storage)
        defer { withExtendedLifetime(divided) {} }
        let stored = try stored(divided.vectors, of: divided.whole)
        let ordinals: [UInt64] = [899, 305, 0, 870, 305, 869, 299, 300, 309, 310]
        let expected = ordinals.flatMap { row(Int($0), of: stored, Divided.dimensions) }
        #expect(try divided.snapshot.vectors(of: ordinals) == expected)
        #expect(throws: DatabaseError.self) { try divided.snapshot.vectors(of: [0, 900]) }
    }

    @Test func `vectors of a file that was changed are not handed out`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(in: place, [1, 2, 3, 4], dimensions: 2)
        #expect(try database.vector(id: "1") == [3, 4])
        let name = try #require(
            try FileManager.default.contentsOfDirectory(atPath: database.path).first { $0.hasSuffix(".vseg") })
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: database.path + "/" + name)
        for body in [
            { _ = try database.vector(id: "1") }, { _ = try database.vectors(ordinals: [1]) },
            { _ = try database.contains(id: "1") },
        ] {
            let error = #expect(throws: DatabaseError.self) { try body() }
            #expect(error?.code == .corrupt)
        }
    }
}
