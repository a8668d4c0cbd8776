import Foundation
import TestSupport
import Testing

@testable import FileSystem
@testable import SegmentFile

private func report(_ uuid: SegmentUUID, in place: Place, checkingBlocks: Bool = true) throws -> SegmentReport {
    try SegmentReport(in: place.directory, fileName: uuid.segmentFileName, checkingBlocks: checkingBlocks)
}

@Test func `a report of a sound file lists its sections`() throws {
    let place = try Place()
    let uuid = try writeSegment(in: place)
    let found = try report(uuid, in: place)
    #expect(found.problems.isEmpty)
    #expect(found.sections.map(\.name) == ["parameters", "codes", "reorder-vectors", "norms", "block-checksums"])
    #expect(found.sections.allSatisfy { $0.checksum == "ok" })
    #expect(try report(uuid, in: place, checkingBlocks: false).sections[1].checksum == "not checked")
}

@Test func `a report goes on behind a damaged section`() throws {
    let place = try Place()
    let uuid = try writeSegment(in: place)
    let sections = try report(uuid, in: place).sections
    try change(uuid, in: place) { data in
        data[sections[0].offset] ^= 1
        data[sections[1].offset + 70_000] ^= 1
    }
    let found = try report(uuid, in: place)
    #expect(found.sections.map(\.checksum) == ["damaged", "damaged at block 1", "ok", "ok", "ok"])
    #expect(found.problems.count == 2)
}

@Test func `a report of a file without a header says what is wrong with it`() throws {
    let place = try Place()
    let uuid = try writeSegment(in: place)
    try change(uuid, in: place) { $0[200] ^= 1 }
    let damaged = try report(uuid, in: place)
    #expect(damaged.header == nil && damaged.sections.isEmpty && damaged.problems.count == 1)
    try place.cutOff(uuid.segmentFileName, at: 100)
    let short = try report(uuid, in: place)
    #expect(short.byteCount == 100 && short.header == nil && short.problems[0].contains("has 100 bytes"))
}

@Test func `there is no report of what cannot be opened or is no file`() throws {
    let place = try Place()
    #expect(throws: SegmentError.self) { try report(SegmentUUID.random(), in: place) }
    let uuid = SegmentUUID.random()
    try place.directory.createDirectory(uuid.segmentFileName)
    do {
        _ = try report(uuid, in: place)
        Issue.record("a directory was looked at")
    } catch let error as SegmentError { #expect(error.systemCode == EINVAL) }
}
