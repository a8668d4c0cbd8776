import Foundation
import Testing

@testable import Catalog

@Test func `the test checksum is CRC-32C`() throws {
    #expect(try CatalogFile(path: "", checksum: crc32c).checksum(of: Array("123456789".utf8)) == 0xE306_9283)
}

@Test func `a new catalog has generation 0, its uuid and settings, and no segments`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch, fullSettings)
    let snapshot = try openReader(scratch).snapshot()
    #expect(snapshot.generation == 0)
    #expect(snapshot.databaseUUID == databaseUUID)
    #expect(snapshot.settings == fullSettings)
    #expect(snapshot.segments.isEmpty)
    #expect(try writer.contents() == snapshot.contents)
}

@Test func `the file says what it is`() throws {
    let scratch = try Scratch()
    try makeWriter(scratch).close()
    #expect(try scratch.query("PRAGMA application_id") == 0x7665_6364)
    #expect(try scratch.query("PRAGMA user_version") == 1)
    #expect(try scratch.query("PRAGMA page_size") == 4096)
    #expect(try scratch.query("PRAGMA auto_vacuum") == 0)
    #expect(try scratch.query("PRAGMA journal_mode") == "delete")
}

@Test func `everything published is found after reopening`() throws {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    let snapshot = try openReader(scratch).snapshot()
    #expect(snapshot.generation == 1)
    let segment = try #require(snapshot.segments.first)
    #expect(segment.uuid == segmentUUID(1))
    #expect(segment.fileName == "segment-" + String(repeating: "01", count: 16) + ".vseg")
    #expect(segment.record == record(3))
    #expect(segment.ids == .stored && segment.documentCount == 3 && segment.queryCount == 3)
    #expect(segment.born == 1 && segment.died == nil)
    #expect(try snapshot.ids(forOrdinals: [2, 0, 9, 1]) == ["Amélie", "Fargo (1996)", nil, ""])
    #expect(try snapshot.ordinals(forID: "") == [1])
    #expect(try snapshot.ordinals(forID: "nobody").isEmpty)
    #expect(try snapshot.document(ordinal: 2) == metadataRow(2, "Amélie", 2001).document)
    #expect(try snapshot.document(ordinal: 3) == nil)
    #expect(try snapshot.columns(of: segment).map(\.sqlName) == ["title", "year"])
    #expect(try snapshot.metadata(in: segment, after: 0, limit: 1) == [metadataRow(1, "Nothing", 0)])
}

@Test func `ids are compared byte by byte`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    // The same letter, composed and decomposed: equal to Swift, two ids to the catalog.
    try staging.stageIDs(["\u{E9}", "e\u{301}"], firstOrdinal: 0)
    #expect(try staging.duplicateIDs() == nil)
    _ = try writer.publish(staging, record(2), expecting: 0, replacing: .all)
    let snapshot = try openReader(scratch).snapshot()
    #expect(try snapshot.ordinals(forID: "\u{E9}") == [0])
    #expect(try snapshot.ordinals(forID: "e\u{301}") == [1])
}

@Test func `of queries with one id the first answers`() throws {
    let scratch = try Scratch()
    _ = try makeSmallDatabase(scratch)
    let snapshot = try openReader(scratch).snapshot()
    #expect(snapshot.queryCount == 3)
    #expect(try snapshot.queryVector(id: "42") == [1, -2.5])
    #expect(try snapshot.queryVector(id: "44") == nil)
    #expect(try snapshot.queries(in: snapshot.segments[0], from: 1, limit: 9).map(\.id) == ["43", "42"])
}

@Test func `implicit ids are the canonical decimals of the ordinals there are`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    _ = try writer.publish(staging, record(3, firstOrdinal: 9), expecting: 0, replacing: .all)
    let snapshot = try openReader(scratch).snapshot()
    let segment = try #require(snapshot.segments.first)
    #expect(segment.ids == .implicit)
    #expect(try snapshot.ids(forOrdinals: [8, 9, 11, 12, .max]) == [nil, "9", "11", nil, nil])
    for wrong in ["8", "12", "+9", "09", " 9", "9\0", "", "-9", "99999999999999999999"] {
        #expect(try snapshot.ordinals(forID: wrong).isEmpty, "\(wrong)")
    }
    #expect(try snapshot.ordinals(forID: "10") == [10])
    #expect(try snapshot.ids(in: segment, after: nil, limit: 2).map(\.ordinal) == [9, 10])
    #expect(try snapshot.ids(in: segment, after: 10, limit: 2).map(\.id) == ["11"])
    #expect(try snapshot.ids(in: segment, after: .max, limit: 2).isEmpty)
}

@Test func `nothing staged is seen before it is published`() throws {
    let scratch = try Scratch()
    let writer = try makeSmallDatabase(scratch)
    let reader = try openReader(scratch)
    let old = try reader.snapshot()
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(2))
    try staging.stageIDs(["new"], firstOrdinal: 0)
    #expect(try reader.currentGeneration() == 1)
    #expect(try reader.snapshot().contents.segments == old.segments)
    #expect(try reader.snapshot().ordinals(forID: "new").isEmpty)
    #expect(try writer.publish(staging, record(1), expecting: 1, replacing: .all) == 2)
    #expect(try reader.currentGeneration() == 2)
    // The old snapshot keeps its rows, the new one has the others.
    #expect(try old.ordinals(forID: "Amélie") == [2])
    #expect(try old.ordinals(forID: "new").isEmpty)
    let new = try reader.snapshot()
    #expect(try new.ordinals(forID: "new") == [0])
    #expect(try new.ordinals(forID: "Amélie").isEmpty)
    #expect(new.contents.deadSegments.map(\.died) == [2])
}

@Test func `a snapshot whose rows were removed says so`() throws {
    let scratch = try Scratch()
    let writer = try makeSmallDatabase(scratch)
    let reader = try openReader(scratch)
    let old = try reader.snapshot()
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(2))
    _ = try writer.publish(staging, record(1), expecting: 1, replacing: .all)
    try writer.removeGarbage(try writer.contents().deadSegments.map(\.key))
    #expect(try writer.contents().deadSegments.isEmpty)
    #expect(code { _ = try old.ids(forOrdinals: [0]) } == .snapshotGone)
    #expect(code { _ = try old.document(ordinal: 0) } == .snapshotGone)
    #expect(code { _ = try old.queryVector(id: "42") } == .snapshotGone)
    #expect(code { _ = try old.columns(of: old.segments[0]) } == .snapshotGone)
    #expect(code { _ = try old.metadata(in: old.segments[0], after: nil, limit: 1) } == .snapshotGone)
    #expect(try scratch.query("SELECT count(*) FROM sqlite_schema WHERE name GLOB '*_1*'") == 0)
}

@Test func `a live segment is not garbage`() throws {
    let scratch = try Scratch()
    let writer = try makeSmallDatabase(scratch)
    #expect(code { try writer.removeGarbage([SegmentKey(rawValue: 1)]) } == .invalidArgument)
    #expect(try openReader(scratch).snapshot().ordinals(forID: "Amélie") == [2])
    try writer.discardStaging(SegmentKey(rawValue: 1))
    #expect(try openReader(scratch).snapshot().ordinals(forID: "Amélie") == [2])
}

@Test func `what a crash staged is an orphan, and its key is not used again`() throws {
    let scratch = try Scratch()
    do {
        let writer = try makeSmallDatabase(scratch)
        let staging = try writer.beginStaging(segmentUUID: segmentUUID(2))
        try staging.stageIDs(["half"], firstOrdinal: 0)
        try writer.close()
    }
    let writer = try CatalogWriter.open(scratch.path, checksum: crc32c)
    let orphans = try writer.contents().stagedSegments
    #expect(orphans.map(\.uuid) == [segmentUUID(2)])
    for orphan in orphans { try writer.discardStaging(orphan.key) }
    #expect(try writer.contents().stagedSegments.isEmpty)
    #expect(try scratch.query("SELECT count(*) FROM sqlite_schema WHERE name GLOB '*_2*'") == 0)
    #expect(try writer.beginStaging(segmentUUID: segmentUUID(3)).key > orphans[0].key)
}

@Test func `publishing on another generation is a conflict and changes nothing`() throws {
    let scratch = try Scratch()
    let writer = try makeSmallDatabase(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(2))
    for wrong in [0, 2, UInt64(Int64.max) - 1] {
        #expect(code { _ = try writer.publish(staging, record(1), expecting: wrong, replacing: .all) } == .conflict)
    }
    #expect(code { _ = try writer.publish(staging, record(1), expecting: .max, replacing: .all) } == .invalidArgument)
    #expect(try writer.contents().generation == 1)
    #expect(try writer.contents().segments.map(\.uuid) == [segmentUUID(1)])
    #expect(try writer.publish(staging, record(1), expecting: 1, replacing: .all) == 2)
    #expect(code { _ = try writer.publish(staging, record(1), expecting: 2, replacing: .nothing) } == .invalidArgument)
}

@Test func `a record that does not fit what is staged is refused`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    try staging.stageIDs(["a", "b"], firstOrdinal: 0)
    #expect(code { _ = try writer.publish(staging, record(3), expecting: 0, replacing: .all) } == .invalidArgument)
    try staging.stageQueries([CatalogQuery(id: "q", vector: [1, 2, 3])])
    #expect(code { _ = try writer.publish(staging, record(2), expecting: 0, replacing: .all) } == .invalidArgument)
    #expect(try writer.currentGeneration() == 0)
    #expect(try writer.publish(staging, record(2), expecting: 0, replacing: .all, settings: fullSettings) == 1)
}

@Test func `settings change alone as a generation of their own`() throws {
    let scratch = try Scratch()
    let writer = try makeSmallDatabase(scratch)
    var settings = plainSettings
    settings.searchDefaults = fullSettings.searchDefaults
    #expect(try writer.change(settings, expecting: 1) == 2)
    #expect(try openReader(scratch).snapshot().settings == settings)
    #expect(try writer.change(plainSettings, expecting: 2) == 3)
    let snapshot = try openReader(scratch).snapshot()
    #expect(snapshot.settings == plainSettings && snapshot.segments.count == 1)
    settings.dimensions = 3  // The stored queries have two.
    #expect(code { _ = try writer.change(settings, expecting: 3) } == .invalidArgument)
}

@Test(arguments: [
    CatalogSettings(metric: "manhattan", dimensions: 2, nextOrdinal: 0),
    CatalogSettings(metric: "dot", dimensions: 0, nextOrdinal: 0),
    CatalogSettings(metric: "dot", dimensions: 65_536, nextOrdinal: 0),
    CatalogSettings(metric: "dot", dimensions: 2, nextOrdinal: .max),
    CatalogSettings(
        metric: "dot", dimensions: 2, nextOrdinal: 0,
        searchDefaults: SearchDefaultSettings(
            leavesToSearch: 1, reorder: 1, k: 10, recall: .nan, sampleQueries: 1, sampleSource: "queries")),
    CatalogSettings(
        metric: "dot", dimensions: 2, nextOrdinal: 0,
        searchDefaults: SearchDefaultSettings(
            leavesToSearch: -1, reorder: 1, k: 10, recall: 1, sampleQueries: 1, sampleSource: "queries")),
    CatalogSettings(
        metric: "dot", dimensions: 2, nextOrdinal: 0,
        searchDefaults: SearchDefaultSettings(
            leavesToSearch: 1, reorder: 1, k: 10, recall: 1, meanMicroseconds: -1, sampleQueries: 1,
            sampleSource: "queries")),
    CatalogSettings(
        metric: "dot", dimensions: 2, nextOrdinal: 0,
        searchDefaults: SearchDefaultSettings(
            leavesToSearch: 1, reorder: 1, k: 10, recall: 1, sampleQueries: 1, sampleSource: "guess")),
])
func `settings that make no sense are refused`(settings: CatalogSettings) throws {
    let scratch = try Scratch()
    #expect(code { _ = try makeWriter(scratch, settings) } == .invalidArgument)
    #expect(!FileManager.default.fileExists(atPath: scratch.path))
}

@Test func `many threads read at once`() async throws {
    let scratch = try Scratch()
    _ = try makeSmallDatabase(scratch)
    let reader = try openReader(scratch)
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<16 {
            group.addTask {
                for _ in 0..<50 {
                    let snapshot = try reader.snapshot()
                    #expect(try snapshot.ordinals(forID: "Amélie") == [2])
                    #expect(try snapshot.document(ordinal: 0) != nil)
                }
            }
        }
        try await group.waitForAll()
    }
}
