import Foundation
import TestSupport
import Testing

@testable import FileSystem
@testable import SegmentFile

/// The error of opening a segment; `nil` when there is none.
private func openError(_ uuid: SegmentUUID, in place: Place) -> SegmentError? {
    do throws(SegmentError) {
        _ = try SegmentReader(in: place.directory, uuid: uuid)
        return nil
    } catch { return error }
}

@Test func `what is no segment file is refused by what it is`() throws {
    let place = try Place()
    let uuid = SegmentUUID.random()
    let path = place.file(uuid.segmentFileName)
    #expect(openError(uuid, in: place)?.code == .notFound)
    try place.directory.createDirectory(uuid.segmentFileName)
    #expect(openError(uuid, in: place)?.code == .notASegment)
    try place.directory.removeDirectory(uuid.segmentFileName)
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "elsewhere")
    #expect(openError(uuid, in: place)?.systemCode == ELOOP)
    try place.directory.remove(uuid.segmentFileName)
    try Data(count: 8191).write(to: URL(fileURLWithPath: path))
    #expect(openError(uuid, in: place)?.description.contains("8191 bytes") == true)
    try Data(count: 8192).write(to: URL(fileURLWithPath: path))
    #expect(openError(uuid, in: place)?.description.contains("magic number") == true)
}

@Test func `a segment under another's name is refused`() throws {
    let place = try Place()
    let (uuid, other) = (try writeSegment(in: place), SegmentUUID.random())
    try place.directory.rename(uuid.segmentFileName, toFreeName: other.segmentFileName)
    #expect(openError(other, in: place)?.code == .mismatch)
}

@Test func `a segment that a writer has locked is being removed`() throws {
    let place = try Place()
    let uuid = try writeSegment(in: place)
    let writer = try place.directory.open(uuid.segmentFileName)
    #expect(try writer.tryLock(exclusive: true))
    #expect(openError(uuid, in: place)?.code == .beingRemoved)
    _ = try SegmentReader(in: place.directory, uuid: uuid, pinning: false)
}

@Test func `a damaged table is refused by its checksum`() throws {
    let place = try Place()
    let uuid = try writeSegment(in: place)
    try change(uuid, in: place) { $0[4096] ^= 1 }
    #expect(openError(uuid, in: place)?.description.contains("the section table is damaged") == true)
}

@Test func `blocks are verified at first touch, and again when pages were dropped`() throws {
    let place = try Place()
    let uuid = try writeSegment(in: place)
    let reader = try SegmentReader(in: place.directory, uuid: uuid)
    reader.prefetch(.codes, 0..<10)
    try reader.ensureIntact(.codes, 0..<10)
    reader.prefetch(.codes, 0..<10)
    let places: [UInt32] = [14_999, 0]
    try reader.ensureIntact(.codes, rows: places.span, stride: 10)
    let start = try #require(reader.entry(.codes)).offset
    try change(uuid, in: place) { $0[start] ^= 1 }
    // Written to the same file, so that the mapping shows it; the blocks at its ends have been seen intact.
    try reader.ensureIntact(.codes, 0..<10)
    try reader.ensureIntact(.codes, rows: places.span, stride: 10)
    reader.dropPages()
    #expect(throws: SegmentError.self) { try reader.ensureIntact(.codes, 0..<10) }
}

@Test func `what is missing, empty or was checked at opening needs no verifying`() throws {
    let place = try Place()
    let reader = try SegmentReader(in: place.directory, uuid: try writeSegment(in: place))
    #expect(reader.bytes(of: .ids).byteCount == 0)
    for kind in [SectionKind.ids, .norms, .parameters] {
        reader.prefetch(kind, 0..<0)
        try reader.ensureIntact(kind, 0..<0)
    }
    try reader.ensureIntact(.parameters, 0..<128)
    let places: [UInt32] = [0]
    try reader.ensureIntact(.parameters, rows: places.span, stride: 128)
}

@Test func `a damaged block throws for the rows in it`() throws {
    let place = try Place()
    let uuid = try writeSegment(in: place)
    let start = try #require(try SegmentReader(in: place.directory, uuid: uuid).entry(.codes)).offset
    try change(uuid, in: place) { $0[start + 140_000] ^= 1 }
    let reader = try SegmentReader(in: place.directory, uuid: uuid)
    let (intact, damaged): ([UInt32], [UInt32]) = ([0], [14_999])
    try reader.ensureIntact(.codes, rows: intact.span, stride: 10)
    do throws(SegmentError) {
        try reader.ensureIntact(.codes, rows: damaged.span, stride: 10)
        Issue.record("a damaged block was believed")
    } catch { #expect(error.description.contains("section 'codes' is damaged at block 2")) }
}

@Test func `padding that is not zero is damage`() throws {
    let place = try Place()
    let uuid = try writeSegment(in: place)
    let entries = try SegmentReader(in: place.directory, uuid: uuid).entries
    try change(uuid, in: place) { data in
        data[entries[1].offset - 1] = 1
        data[data.count - 1] = 1
    }
    let damages = try SegmentReader(in: place.directory, uuid: uuid).verifyAll()
    #expect(damages.map(\.section) == ["codes", nil])
}

@Test func `verifying can be stopped`() throws {
    struct Stopped: Error {}
    let place = try Place()
    let reader = try SegmentReader(in: place.directory, uuid: try writeSegment(in: place))
    #expect(throws: Stopped.self) { try reader.verifyAll { _, _ in throw Stopped() } }
}

private func backdate(_ path: String) throws {
    try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 0)], ofItemAtPath: path)
}

@Test func `bytes that were cut off while they were read are not believed when they are back`() throws {
    TruncationGuard.install()
    let place = try Place()
    let files = try (0..<3).map { _ in
        let uuid = try writeSegment(in: place)
        try backdate(place.file(uuid.segmentFileName))
        return (name: uuid.segmentFileName, reader: try SegmentReader(in: place.directory, uuid: uuid))
    }
    // The one between two others: the guard has to tell whose bytes are missing.
    let (name, reader) = files[1]
    try place.cutOff(name, at: 8192)
    #expect(reader.bytes(of: .codes).byte(100_000) == 0)
    try place.cutOff(name, at: UInt64(reader.header.fileByteCount))
    try backdate(place.file(name))
    do throws(SegmentError) {
        try reader.didRead()
        Issue.record("zeros that nobody wrote were believed")
    } catch { #expect(error.description.contains("could not be read to its end")) }
    try files[0].reader.didRead()
    try files[2].reader.didRead()
}

@Test func `a file that changed after it was opened is not believed`() throws {
    let place = try Place()
    let changes: [(says: String, change: (String) throws -> Void)] = [
        ("has 8192 now", { try place.cutOff($0, at: 8192) }),
        ("was written to", { try backdate(place.file($0)) }),
    ]
    for (says, change) in changes {
        let uuid = try writeSegment(in: place)
        let reader = try SegmentReader(in: place.directory, uuid: uuid)
        try reader.willRead()
        try reader.didRead()
        try change(uuid.segmentFileName)
        do throws(SegmentError) {
            // One of them asks, which one depends on whether the process has a truncation guard.
            try reader.willRead()
            try reader.didRead()
            Issue.record("a changed file was believed")
        } catch {
            #expect(error.code == .changedUnderneath && error.description.contains(says))
        }
    }
}

/// In a process of its own: others may have installed the guard in this one.
@Test func `without a guard a file that changed is not even read`() async {
    await #expect(processExitsWith: .success) {
        let place = try Place()
        let uuid = try writeSegment(in: place)
        let reader = try SegmentReader(in: place.directory, uuid: uuid)
        try reader.willRead()
        try place.cutOff(uuid.segmentFileName, at: 8192)
        do throws(SegmentError) {
            try reader.willRead()
            Issue.record("a file was going to be read that is cut off")
        } catch { #expect(error.code == .changedUnderneath) }
    }
}
