import Foundation
import TestSupport
import Testing
import VectorKernels

import FileSystem
@testable import SegmentFile
@testable import VecDB

@Suite struct TruncationTests {
    private static func database(_ place: TemporaryDirectory) throws -> (database: VectorDatabase, segment: String) {
        VectorDatabase.guardAgainstTruncation()
        var build = BuildOptions()
        (build.index, build.metric) = (.treeAH, .l2)
        try VectorDatabase.build(
            at: place.file("a.vecdb"),
            from: .memory(vectors: clusteredVectors(count: 4000, dimensions: 24, seed: 2), dimensions: 24),
            options: build)
        let database = try VectorDatabase.open(place.file("a.vecdb"))
        _ = try database.search([Float](repeating: 1, count: 24))
        let names = try FileManager.default.contentsOfDirectory(atPath: place.file("a.vecdb"))
        let name = try #require(names.first { $0.hasSuffix(".vseg") })
        return (database, place.file("a.vecdb/" + name))
    }

    /// Where the file is cut off, as a share of it; page borders and places between them.
    @Test(arguments: [0.0, 0.1, 0.37, 0.5, 0.93, 0.9999])
    func `a segment that is cut off under its readers is an error and no signal`(_ share: Double) throws {
        let place = try TemporaryDirectory()
        let (database, segment) = try Self.database(place)
        let size = try Data(contentsOf: URL(fileURLWithPath: segment)).count
        try cutOff(segment, at: Int(Double(size) * share))
        let query = (0..<24).map { Float($0) }
        for options in [SearchOptions(), SearchOptions(leavesToSearch: 1), SearchOptions(exact: true)] {
            #expect { try database.search(query, options: options) } throws: { Self.saysChanged($0) }
            #expect { try database.searchBatch(query + query, options: options) } throws: { Self.saysChanged($0) }
        }
        #expect { try database.ordinals(id: "7") } throws: { Self.saysChanged($0) }
        #expect { try database.topKAccuracy(query, labels: ["7"], options: SearchOptions()) } throws: {
            Self.saysChanged($0)
        }
        // Given its length back, it still is not what was opened.
        try cutOff(segment, at: size)
        #expect { try database.search(query) } throws: { Self.saysChanged($0) }
    }

    @Test func `a segment that is written to under its readers is an error`() throws {
        let place = try TemporaryDirectory()
        let (database, segment) = try Self.database(place)
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: segment))
        try handle.seek(toOffset: 20_000)
        try handle.write(contentsOf: Data([1, 2, 3]))
        try handle.close()
        #expect { try database.search((0..<24).map { Float($0) }) } throws: { Self.saysChanged($0) }
    }

    @Test func `a segment that is removed under its readers stays readable`() throws {
        let place = try TemporaryDirectory()
        let (database, segment) = try Self.database(place)
        let query = (0..<24).map { Float($0) }
        let before = try database.search(query)
        try FileManager.default.removeItem(atPath: segment)
        #expect(try database.search(query) == before)
    }

    @Test func `what lies beyond the new end of a guarded mapping reads as zeros`() throws {
        TruncationGuard.install()
        let place = try TemporaryDirectory()
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        try Data(repeating: 7, count: 5 * page).write(to: URL(fileURLWithPath: place.file("f")))
        let map = try MappedFile(
            try Directory(opening: place.path).open("f"), byteCount: 5 * page)
        #expect(map.isGuarded)
        try cutOff(place.file("f"), at: 2 * page)
        #expect(!map.hasFaulted)
        let (isZeroBeyond, isZeroBefore) = (map.bytes.isZero(2 * page..<5 * page), map.bytes.isZero(0..<1))
        #expect(isZeroBeyond && !isZeroBefore)
        #expect(map.hasFaulted)
    }

    /// Gives a file another length, as another process might.
    private func cutOff(_ path: String, at byteCount: Int) throws {
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.truncate(atOffset: UInt64(byteCount))
        try handle.close()
    }

    private static func saysChanged(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        return error.code == .corrupt && error.message.contains("somebody changed a file that must never change")
    }
}
