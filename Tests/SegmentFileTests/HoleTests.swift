import Foundation
import TestSupport
import Testing

import FileSystem
@testable import SegmentFile
import VectorKernels

/// A segment with one more section, a hole of `byteCount` bytes, before the last one.
///
/// - Parameters:
///   - element: the section's element type.
///   - crc: the section's checksum, wrong by default.
private func writeSegmentWithHole(
    _ byteCount: Int, kind: UInt16, element: ElementType = .structured, crc: UInt32 = 1, in place: Place
) throws -> SegmentUUID {
    let uuid = try writeSegment(in: place)
    let entries = try SegmentReader(in: place.directory, uuid: uuid, pinning: false).entries
    let checksums = entries[entries.count - 1]
    let before = entries[entries.count - 2]
    let hole = try #require(roundedUp(before.offset + before.byteCount, to: 4096))
    let last = try #require(roundedUp(hole + byteCount, to: 4096))
    var content: [UInt8] = []
    try change(uuid, in: place) { data in
        func store(_ number: Int, _ count: Int, at offset: Int) {
            for byte in 0..<count { data[offset + byte] = UInt8(truncatingIfNeeded: number >> (8 * byte)) }
        }
        content = Array(data[checksums.range])
        data.removeSubrange(hole...)
        let place = 4096 + 64 * (entries.count - 1)
        data.replaceSubrange(place + 64..<place + 128, with: data[place..<place + 64])
        store(last, 8, at: place + 64 + 8)
        data.replaceSubrange(place..<place + 64, with: [UInt8](repeating: 0, count: 64))
        store(Int(kind), 2, at: place)
        store(hole, 8, at: place + 8)
        store(byteCount, 8, at: place + 16)
        store(byteCount, 8, at: place + 24)
        store(Int(element.rawValue), 1, at: place + 3)
        store(Int(crc), 4, at: place + 40)
        store(entries.count + 1, 4, at: 112)
        store(last + 4096, 8, at: 72)
        sealTable(&data)
    }
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: place.file(uuid.segmentFileName)))
    try file.seek(toOffset: UInt64(last))
    try file.write(contentsOf: Data(content))
    try file.truncate(atOffset: UInt64(last + 4096))
    try file.close()
    return uuid
}

@Test func `fault 12: a section that nobody knows is not read when a segment is opened`() throws {
    let place = try Place()
    let uuid = try writeSegmentWithHole(8 << 30, kind: 99, in: place)
    let began = ContinuousClock.now
    let reader = try SegmentReader(in: place.directory, uuid: uuid)
    try reader.verifyDeferred()
    let report = try SegmentReport(in: place.directory, fileName: uuid.segmentFileName, checkingBlocks: true)
    // Some twenty seconds less than it takes to read them.
    #expect(ContinuousClock.now - began < .seconds(5))
    #expect(reader.entries.contains { $0.kind == nil && $0.byteCount == 8 << 30 })
    #expect(report.problems.isEmpty && report.sections.contains { $0.checksum == "not checked" })
}

/// The largest share of memory that this process has had resident, in bytes.
private func largestResidentSize() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try #require(Int(line.split(separator: " ")[1])) << 10
}

@Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/status")))
func `fault 12: a report of a segment reads a large section some megabytes at a time`() throws {
    let place = try Place()
    let uuid = try writeSegmentWithHole(3 << 30, kind: SectionKind.origin.rawValue, in: place)
    let before = try largestResidentSize()
    let report = try SegmentReport(in: place.directory, fileName: uuid.segmentFileName, checkingBlocks: true)
    #expect(report.sections.contains { $0.name == "origin" && $0.checksum == "damaged" })
    // Other tests run in this process at the same time.
    #expect(try largestResidentSize() - before < 1 << 30)
}

@Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/status")))
func `fault 12: floats of a large section that is intact are looked at some megabytes at a time`() throws {
    let place = try Place()
    // Zeros are finite.
    let step = [UInt8](repeating: 0, count: 16 << 20)
    let crc = (0..<64).reduce(UInt32(0)) { crc, _ in crc32c(step.span, continuing: crc) }
    let uuid = try writeSegmentWithHole(
        1 << 30, kind: SectionKind.origin.rawValue, element: .float32, crc: crc, in: place)
    let before = try largestResidentSize()
    let report = try SegmentReport(in: place.directory, fileName: uuid.segmentFileName, checkingBlocks: true)
    #expect(report.sections.contains { $0.name == "origin" && $0.checksum == "ok" })
    try SegmentReader(in: place.directory, uuid: uuid).verifyDeferred()
    #expect(try largestResidentSize() - before < 600 << 20)
}

@Test func `fault 12: a float that is not finite is found behind the first megabytes`() throws {
    let place = try Place()
    let size = 40 << 20
    var bytes = [UInt8](repeating: 0, count: size)
    let row = (33 << 20) / 4
    bytes.replaceSubrange(4 * row..<4 * row + 4, with: [0, 0, 0x80, 0x7F])
    let uuid = try writeSegmentWithHole(
        size, kind: SectionKind.origin.rawValue, element: .float32, crc: crc32c(bytes.span), in: place)
    var offset = 0
    do {
        // As a hole it has another checksum.
        let report = try SegmentReport(in: place.directory, fileName: uuid.segmentFileName, checkingBlocks: true)
        let section = try #require(report.sections.first { $0.name == "origin" })
        #expect(section.checksum == "damaged")
        offset = section.offset
    }
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: place.file(uuid.segmentFileName)))
    try file.seek(toOffset: UInt64(offset + 4 * row))
    try file.write(contentsOf: Data(bytes[4 * row..<4 * row + 4]))
    try file.close()
    #expect { try SegmentReader(in: place.directory, uuid: uuid) } throws: {
        "\($0)".contains("row \(row) holds a value that is not finite")
    }
}

@Test func `fault 12: verify reads what opening does not, some megabytes at a time`() throws {
    let place = try Place()
    let uuid = try writeSegmentWithHole(200 << 20, kind: 99, in: place)
    let reader = try SegmentReader(in: place.directory, uuid: uuid)
    let damages = try reader.verifyAll()
    #expect(damages.count == 1 && damages[0].section == "kind 99", "\(damages)")
}

@Test func `fault 12: a large section without block checksums is read when its size has been found to be right`() throws
{
    let place = try Place()
    let uuid = try writeSegmentWithHole(65 << 20, kind: SectionKind.origin.rawValue, in: place)
    let reader = try SegmentReader(in: place.directory, uuid: uuid)
    #expect { try reader.verifyDeferred() } throws: { ($0 as? SegmentError)?.section == "origin" }
    // A small one is read at once.
    let small = try writeSegmentWithHole(63 << 20, kind: SectionKind.origin.rawValue, in: place)
    #expect { try SegmentReader(in: place.directory, uuid: small) } throws: {
        ($0 as? SegmentError)?.section == "origin"
    }
}
