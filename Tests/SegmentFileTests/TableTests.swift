import Foundation
import TestSupport
import Testing

import FileSystem
@testable import SegmentFile

private let largest: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]

/// Changes one entry of a good table and makes the checksums right again, so that only the rules protect.
@Test(
    arguments: [
        (0, 0, [0, 0], "kind 0"), (4, 3, [1], "not 16 bytes of u32"), (4, 32, [2], "of u32 with stride 4"),
        (0, 4, [11], "checksum shift 11"), (0, 4, [25], "checksum shift 25"), (0, 5, [1], "reserved bytes"),
        (0, 63, [1], "reserved bytes"), (0, 15, [0x80], "impossible extents"), (0, 16, [1], "impossible extents"),
        (1, 32, [7], "impossible extents"), (1, 0, [1], "occurs twice"), (0, 8, [0, 0x30], "does not follow"),
        (0, 16, largest + largest, "needs 9223372036854775807 bytes"),
        (0, 16, [0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0], "needs 1048576 bytes"),
        (1, 44, [1], "block checksums at 1, not at 0"), (1, 40, [1], "block checksums at 0"),
        (0, 44, [1], "names block checksums and has none"), (4, 0, [17], "missing, not the last"),
    ] as [(Int, Int, [UInt8], String)])
func `a section table that breaks a rule is refused though its checksum is right`(
    entry: Int, offset: Int, bytes: [UInt8], says: String
) throws {
    let place = try Place()
    let uuid = try writeSegment(in: place)
    try change(uuid, in: place) { data in
        let start = 4096 + 64 * entry + offset
        data.replaceSubrange(start..<start + bytes.count, with: bytes)
        sealTable(&data)
    }
    do {
        _ = try SegmentReader(in: place.directory, uuid: uuid)
        Issue.record("the table was believed")
    } catch {
        #expect(error.code == .damaged)
        #expect(error.description.contains(says))
    }
}

@Test(arguments: [(2, UInt8(1), "codec 1"), (3, 9, "element type 9")])
func `fault 26: a form that a later version may define is unsupported, unless its section is passed over`(
    offset: Int, value: UInt8, says: String
) throws {
    for isKnown in [true, false] {
        let place = try Place()
        let uuid = try writeSegment(in: place)
        try change(uuid, in: place) { data in
            let entry = 4096 + 64 * 3
            data[entry + offset] = value
            if !isKnown { data[entry] = 99 }
            // Under a codec of its own the logical size may be any, and no stride divides the stored one.
            if !isKnown, offset == 2 { (data[entry + 24], data[entry + 32]) = (7, 5) }
            sealTable(&data)
        }
        do {
            let reader = try SegmentReader(in: place.directory, uuid: uuid)
            #expect(!isKnown && reader.entry(.norms) == nil)
            let report = try SegmentReport(in: place.directory, fileName: uuid.segmentFileName, checkingBlocks: true)
            #expect(report.problems.isEmpty)
        } catch {
            #expect(isKnown && error.code == .unsupportedVersion)
            #expect(error.description.contains(says) && error.description.contains("use a newer vecdb"))
        }
    }
}

@Test func `fault 26: sections may stand in any order before their checksums`() throws {
    let place = try Place()
    let uuid = SegmentUUID.random()
    let identity = SegmentIdentity(
        databaseUUID: .random(), segmentUUID: uuid, features: .init(), rowCount: 3, firstOrdinal: 0, ordinalSpan: 3,
        dimensions: 1, metricCode: 1)
    let writer = try SegmentWriter(
        in: place.directory, identity: identity,
        sections: [
            SectionPlan(.reorderVectors, .float32, stride: 4, checksumShift: 12, byteCount: 12),
            SectionPlan(.origin, .float32, stride: 4, byteCount: 4),
            SectionPlan(.codes, .structured, checksumShift: 16, byteCount: 8),
            SectionPlan(.parameters, .structured, byteCount: 4),
        ])
    try writer.append([Float(1), 2, 3], to: .reorderVectors)
    try writer.append([Float(9)], to: .origin)
    try writer.append([UInt64(7)], to: .codes)
    try writer.append([UInt32(5)], to: .parameters)
    _ = try writer.finish()
    let reader = try SegmentReader(in: place.directory, uuid: uuid)
    #expect(reader.entries.compactMap(\.kind) == [.reorderVectors, .origin, .codes, .parameters, .blockChecksums])
    #expect(try reader.verifyAll().isEmpty)
    try reader.ensureIntact(.reorderVectors, 0..<12)
    #expect(reader.bytes(of: .parameters).uint32(0) == 5)
}

@Test func `a table has nothing behind it, and its sections reach to the end of the file`() throws {
    for (zeroes, says) in [(false, "behind its section table"), (true, "its sections end at")] {
        let place = try Place()
        let uuid = try writeSegment(in: place)
        try change(uuid, in: place) { data in
            // Two entries are left: the parameters and the codes.
            data[112] = 2
            if zeroes { data.replaceSubrange(4096 + 128..<8192, with: [UInt8](repeating: 0, count: 4096 - 128)) }
            sealTable(&data)
        }
        let report = try SegmentReport(in: place.directory, fileName: uuid.segmentFileName, checkingBlocks: true)
        #expect(report.problems.count == 1 && report.problems[0].contains(says))
        #expect(report.header?.rowCount == 300 && report.sections.isEmpty)
    }
}

@Test func `a section of an unknown kind is passed over`() throws {
    let place = try Place()
    let uuid = try writeSegment(in: place)
    try change(uuid, in: place) { data in
        data[4096 + 64 * 3] = 99
        sealTable(&data)
    }
    let reader = try SegmentReader(in: place.directory, uuid: uuid)
    #expect(reader.entries[3].kind == nil && reader.entries[3].name == "kind 99")
    #expect(reader.entry(.norms) == nil)
    #expect(try reader.verifyAll().isEmpty)
}

@Test func `every kind of section has a name of its own`() {
    #expect(Set(SectionKind.allCases.map(\.name)).count == SectionKind.allCases.count)
}

@Test func `rounding up to a multiple tells when it would overflow`() {
    #expect(roundedUp(8193, to: 4096) == 12_288)
    #expect(roundedUp(.max - 4094, to: 4096) == nil)
}
