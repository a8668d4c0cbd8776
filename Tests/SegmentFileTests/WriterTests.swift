import Foundation
import TestSupport
import Testing

import FileSystem
@testable import SegmentFile

private func writer(in place: Place, uuid: SegmentUUID = .random(), byteCount: Int = 128) throws -> SegmentWriter {
    try SegmentWriter(
        in: place.directory,
        identity: SegmentIdentity(
            databaseUUID: .random(), segmentUUID: uuid, features: .init(), rowCount: 0, firstOrdinal: 0,
            ordinalSpan: 0, dimensions: 1, metricCode: 1),
        sections: [SectionPlan(.parameters, .structured, byteCount: byteCount)])
}

/// Lets the process's descriptor of the file at `path` lead to another file, on which calls can fail.
private func redirect(_ path: String, to other: String) throws {
    let numbers = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
    let number = try #require(
        numbers.first { (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path })
    let target = try FileHandle(forUpdating: URL(fileURLWithPath: other))
    #expect(dup2(target.fileDescriptor, number) == number)
}

@Test func `a segment whose name is taken is not written`() throws {
    let place = try Place()
    let uuid = try writeSegment(in: place)
    #expect(throws: SegmentError.self) { try writer(in: place, uuid: uuid) }
    #expect(try SegmentReader(in: place.directory, uuid: uuid).header.rowCount == 300)
}

@Test(arguments: [Int.max, 1 << 61])
func `a segment that no disk can hold is refused and leaves nothing`(byteCount: Int) throws {
    let place = try Place()
    #expect(throws: SegmentError.self) { try writer(in: place, byteCount: byteCount) }
    #expect(try place.directory.names().isEmpty)
}

@Test func `a write that fails before the end says so, and leaves no file`() throws {
    let place = try Place()
    let byteCount = 4 << 20
    do {
        let writer = try writer(in: place, byteCount: byteCount)
        try redirect(place.file(writer.fileName), to: "/dev/full")
        try writer.append([UInt8](repeating: 1, count: byteCount), to: .parameters)
        Issue.record("\(byteCount) bytes were written to a disk that is full")
    } catch let error as SegmentError { #expect(error.systemCode == ENOSPC) }
    #expect(try place.directory.names().isEmpty)
}

@Test func `a write that fails, and a sync that fails, leave no file`() throws {
    for (other, code) in [("/dev/full", ENOSPC), ("/dev/null", EINVAL)] {
        let place = try Place()
        do {
            let writer = try writer(in: place)
            try redirect(place.file(writer.fileName), to: other)
            try writer.append(parameters, to: .parameters)
            _ = try writer.finish()
            Issue.record("a segment was finished that is on no disk")
        } catch let error as SegmentError { #expect(error.systemCode == code) }
        #expect(try place.directory.names().isEmpty)
    }
}
