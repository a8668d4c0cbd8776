import Foundation
import Testing

@testable import Catalog

private func record(rows: UInt64) -> SegmentRecord {
    SegmentRecord(byteCount: 12_288, rowCount: rows, headerChecksum: 7, firstOrdinal: 0)
}

@Test func `staged rows are invisible until they are published`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(9))
    try staging.stageIDs(["a", "", "č"], firstOrdinal: 0)
    let reader = try CatalogReader.open(scratch.path, mode: .readOnly, checksum: crc32c)
    #expect(try reader.snapshot().segments.isEmpty)
    #expect(try reader.snapshot().ordinals(forID: "a").isEmpty)
    let generation = try writer.publish(staging, record(rows: 3), expecting: 0, replacing: .all)
    #expect(generation == 1)
    let snapshot = try reader.snapshot()
    #expect(snapshot.generation == 1)
    #expect(try snapshot.ids(forOrdinals: [2, 0, 1]) == ["č", "a", ""])
    #expect(try snapshot.ordinals(forID: "") == [1])
    #expect(try reader.verify().damage.isEmpty)
}

@Test func `a writer that started from an older generation is told so`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let first = try writer.beginStaging(segmentUUID: segmentUUID(1))
    let second = try writer.beginStaging(segmentUUID: segmentUUID(2))
    _ = try writer.publish(first, record(rows: 0), expecting: 0, replacing: .all)
    #expect {
        _ = try writer.publish(second, record(rows: 0), expecting: 0, replacing: .all)
    } throws: { ($0 as? CatalogError)?.code == .conflict }
    #expect(try writer.currentGeneration() == 1)
}

@Test func `duplicates are found with the first ordinals and the count`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    try staging.stageIDs(["x", "y", "z", "y", "x", "y"], firstOrdinal: 10)
    let duplicates = try #require(try staging.duplicateIDs())
    #expect(duplicates.id == "y")
    #expect(duplicates.ordinals == [11, 13, 15])
    #expect(duplicates.count == 3)
    #expect(try staging.ordinalsToDropKeepingLast() == [10, 11, 13])
}

@Test func `documents come back as they went in, and their columns have names that SQL can use`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    let columns = try staging.beginMetadata([
        CatalogColumn(name: "year", type: .integer), CatalogColumn(name: "Year", type: .integer),
        CatalogColumn(name: "ordinal", type: .text), CatalogColumn(name: "a \"quoted\" name", type: .real),
    ])
    #expect(columns.map(\.sqlName) == ["year", "column_2", "column_3", "a \"quoted\" name"])
    let documents = (0..<3).map {
        Array("{\"year\":\(1990 + $0),\"title\":\"\(String(repeating: "film ", count: $0 * 50))\"}".utf8)
    }
    try staging.stageMetadata(
        documents.enumerated().map { index, document in
            CatalogMetadataRow(
                ordinal: UInt64(index), document: document, values: [.integer(1990), .null, .text("x"), .real(0.5)])
        })
    _ = try writer.publish(staging, record(rows: 3), expecting: 0, replacing: .all)
    let snapshot = try CatalogReader.open(scratch.path, mode: .readOnly, checksum: crc32c).snapshot()
    #expect(try snapshot.documents(forOrdinals: [2, 0, 7]) == [documents[2], documents[0], nil])
}

@Test func `a file of another program is no catalog`() throws {
    let scratch = try Scratch()
    try Data("SQLite format 3\0 but not really".utf8).write(to: URL(fileURLWithPath: scratch.path))
    #expect { _ = try CatalogReader.open(scratch.path, mode: .readOnly, checksum: crc32c) } throws: {
        ($0 as? CatalogError)?.code == .notADatabase
    }
}
