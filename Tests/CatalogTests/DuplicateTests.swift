import Testing

@testable import Catalog

/// What `keep-last` must leave, found without SQL.
private func ordinalsToDrop(_ ids: [String]) -> [UInt64] {
    var last: [[UInt8]: Int] = [:]
    for (ordinal, id) in ids.enumerated() { last[Array(id.utf8)] = ordinal }
    return ids.indices.filter { last[Array(ids[$0].utf8)] != $0 }.map { UInt64($0) }
}

@Test func `the first repeated id is named with its ordinals and the count of all`() throws {
    let scratch = try Scratch()
    let staging = try makeWriter(scratch).beginStaging(segmentUUID: segmentUUID(1))
    // "b" repeats first (at 2), although "a" stands before it.
    try staging.stageIDs(["a", "b", "b", "a", "c", "b"], firstOrdinal: 0)
    #expect(try staging.duplicateIDs() == DuplicateIDs(id: "b", ordinals: [1, 2, 5], count: 3))
}

@Test func `different ids are no duplicates, and no ids are none`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    #expect(try staging.duplicateIDs() == nil)
    #expect(try staging.ordinalsToDropKeepingLast().isEmpty)
    try staging.stageIDs(["a", "A", "", " "], firstOrdinal: 0)
    #expect(try staging.duplicateIDs() == nil)
    #expect(try staging.ordinalsToDropKeepingLast().isEmpty)
}

@Test func `keep-last drops all but the last candidate of every id, with its document`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    let ids = ["a", "b", "b", "a", "c", "b"]
    try staging.stageIDs(ids, firstOrdinal: 0)
    try staging.beginMetadata([CatalogColumn(name: "title", type: .text), CatalogColumn(name: "year", type: .integer)])
    try staging.stageMetadata(ids.indices.map { metadataRow(UInt64($0), ids[$0], Int64($0)) })
    let drop = try staging.ordinalsToDropKeepingLast()
    #expect(drop == [0, 1, 2])
    try staging.delete(ordinals: drop + [99])
    #expect(staging.idCount == 3 && staging.documentCount == 3)
    #expect(try staging.duplicateIDs() == nil)
    _ = try writer.publish(staging, record(3, firstOrdinal: 3), expecting: 0, replacing: .all)
    let reader = try openReader(scratch)
    let snapshot = try reader.snapshot()
    #expect(try snapshot.ordinals(forID: "b") == [5])
    #expect(try snapshot.document(ordinal: 1) == nil)
    #expect(try snapshot.document(ordinal: 5) == metadataRow(5, "b", 5).document)
    #expect(try reader.verify().damage.isEmpty)
}

@Test func `allowed duplicates are found at all their ordinals`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    try staging.stageIDs(["a", "b", "a"], firstOrdinal: 0)
    _ = try writer.publish(staging, record(3), expecting: 0, replacing: .all)
    #expect(try openReader(scratch).snapshot().ordinals(forID: "a") == [0, 2])
}

@Test(arguments: [1, 2, 3] as [UInt64])
func `keep-last agrees with a dictionary`(seed: UInt64) throws {
    var state = seed
    let ids = (0..<2000).map { _ -> String in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return "id \(state >> 33 % 700)"
    }
    let scratch = try Scratch()
    let staging = try makeWriter(scratch).beginStaging(segmentUUID: segmentUUID(1))
    try staging.stageIDs(Array(ids[..<900]), firstOrdinal: 0)
    try staging.stageIDs(Array(ids[900...]), firstOrdinal: 900)
    let expected = ordinalsToDrop(ids)
    #expect(try staging.ordinalsToDropKeepingLast() == expected, "seed \(seed)")
    #expect(try staging.duplicateIDs()?.count == UInt64(expected.count), "seed \(seed)")
}

@Test func `an id that no catalog can hold is refused with its ordinal`() throws {
    let scratch = try Scratch()
    let staging = try makeWriter(scratch).beginStaging(segmentUUID: segmentUUID(1))
    for bad in ["a\0b", String(repeating: "x", count: (1 << 20) + 1)] {
        do {
            try staging.stageIDs(["fine", bad], firstOrdinal: 10)
            Issue.record("a bad id was staged")
        } catch {
            #expect(error.code == .invalidArgument && error.detail.contains("ordinal 11"))
        }
    }
    #expect(staging.idCount == 0)
    #expect(code { try staging.stageIDs(["a"], firstOrdinal: .max) } == .invalidArgument)
    try staging.stageIDs([String(repeating: "x", count: 1 << 20)], firstOrdinal: 0)
}
