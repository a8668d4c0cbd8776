import Foundation
import TestSupport
import Testing

@testable import FileSystem
@testable import SegmentFile

@Test func `what is written is read back`() throws {
    let place = try Place()
    let reader = try SegmentReader(in: place.directory, uuid: try writeSegment(in: place))
    #expect(reader.header.rowCount == 300)
    #expect(reader.header.firstOrdinal == 5)
    #expect(reader.header.ordinalSpan == 301)
    #expect(reader.header.dimensions == 7)
    let bytes = reader.bytes(of: .codes)
    #expect(bytes.byteCount == codes.count)
    #expect((0..<codes.count).allSatisfy { bytes.byte($0) == codes[$0] })
    #expect(reader.bytes(of: .norms).byteCount == 0)
    #expect(reader.entry(.ids) == nil)
    try reader.ensureIntact(.codes, 0..<codes.count)
    #expect(try reader.verifyAll().isEmpty)
    #expect(try place.directory.names().count == 1)
}

/// Sections are written in pieces of 2 MiB or 64 KiB, whatever the pieces are that they come in.
@Test func `large sections that are filled by turns are read back`() throws {
    let place = try Place()
    let uuid = SegmentUUID.random()
    let sizes: [(kind: SectionKind, count: Int)] = [(.codes, 5 << 20), (.reorderVectors, (4 << 20) + 4)]
    let writer = try SegmentWriter(
        in: place.directory,
        identity: SegmentIdentity(
            databaseUUID: .random(), segmentUUID: uuid, features: .init(), rowCount: 1, firstOrdinal: 0,
            ordinalSpan: 1, dimensions: 1, metricCode: 1),
        sections: [SectionPlan(.parameters, .structured, byteCount: 128)]
            + sizes.map { SectionPlan($0.kind, .structured, checksumShift: 16, byteCount: $0.count) })
    func byte(_ place: Int, of kind: SectionKind) -> UInt8 {
        UInt8(truncatingIfNeeded: place &* 31 ^ place >> 9 ^ Int(kind.rawValue))
    }
    try writer.append(parameters, to: .parameters)
    // One byte, a piece longer than either, and pieces that do not divide it.
    var (done, piece) = ([0, 0], 1)
    while zip(done, sizes).contains(where: { $0 < $1.count }) {
        for (index, section) in sizes.enumerated() {
            let end = min(section.count, done[index] + piece)
            try writer.append((done[index]..<end).map { byte($0, of: section.kind) }, to: section.kind)
            done[index] = end
        }
        piece = piece == 1 ? (2 << 20) + 77 : 333_333
    }
    _ = try writer.finish()
    let reader = try SegmentReader(in: place.directory, uuid: uuid)
    for section in sizes {
        let bytes = reader.bytes(of: section.kind)
        #expect(bytes.byteCount == section.count)
        #expect((0..<section.count).allSatisfy { bytes.byte($0) == byte($0, of: section.kind) })
    }
    #expect(try reader.verifyAll().isEmpty)
}

@Test(arguments: [SectionKind.parameters, .codes, .reorderVectors, .blockChecksums])
func `one flipped byte names its section`(kind: SectionKind) throws {
    let place = try Place()
    let uuid = try writeSegment(in: place)
    let entry = try #require(try SegmentReader(in: place.directory, uuid: uuid).entry(kind))
    try change(uuid, in: place) { $0[entry.offset + entry.byteCount / 2] ^= 1 }
    var found: [String] = []
    do {
        let reader = try SegmentReader(in: place.directory, uuid: uuid)
        found = try reader.verifyAll().compactMap(\.section)
        #expect(throws: SegmentError.self) { try reader.ensureIntact(kind, 0..<entry.byteCount) }
    } catch { found = [error as? SegmentError].compactMap { $0?.section } }
    #expect(found == [kind.name])
}

@Test func `a writer that is dropped removes its file`() throws {
    let place = try Place()
    do {
        let writer = try SegmentWriter(
            in: place.directory,
            identity: SegmentIdentity(
                databaseUUID: .random(), segmentUUID: .random(), features: .init(), rowCount: 0, firstOrdinal: 0,
                ordinalSpan: 0, dimensions: 1, metricCode: 1),
            sections: [SectionPlan(.parameters, .structured, byteCount: 128)])
        try writer.append(parameters, to: .parameters)
    }
    #expect(try place.directory.names().isEmpty)
}

/// Changes a header field of a good file and makes its checksum right again, so that only the rules protect.
@Test(arguments: [
    (8, [2, 0], SegmentError.Code.unsupportedVersion), (12, [0, 0], .damaged), (16, [2], .unsupportedVersion),
    (8, [0, 0], .unsupportedVersion),
    (72, [0, 0], .damaged), (80, [0xFF, 0xFF, 0xFF, 0xFF, 1], .damaged), (96, [0, 0], .damaged),
    (104, [0, 0, 0, 0], .damaged),
    (106, [1], .damaged), (108, [0], .unsupportedVersion), (108, [4], .unsupportedVersion), (110, [1], .damaged),
    (112, [0], .damaged),
    (112, [65], .damaged), (120, [1], .damaged), (4000, [1], .damaged),
])
func `a header that breaks a rule is refused though its checksum is right`(
    offset: Int, bytes: [Int], code: SegmentError.Code
) throws {
    let place = try Place()
    let uuid = try writeSegment(in: place)
    try change(uuid, in: place) { data in
        for (place, byte) in bytes.enumerated() { data[offset + place] = UInt8(byte) }
        sealHeader(&data)
    }
    #expect { _ = try SegmentReader(in: place.directory, uuid: uuid) } throws: { ($0 as? SegmentError)?.code == code }
}

@Test func `a writer's lock keeps others out and says who holds it`() throws {
    let place = try Place()
    let holder = "pid \(getpid()) on here, test"
    let lock = try #require(
        try WriterLock.acquire(in: place.directory, timeoutSeconds: 0, holder: holder))
    #expect(try WriterLock.acquire(in: place.directory, timeoutSeconds: 0.01, holder: "other") == nil)
    #expect(WriterLock.holder(in: place.directory) == holder)
    #expect(try !WriterLock.isFree(in: place.directory))
    lock.markCatalog(changing: true)
    let data = try Data(contentsOf: URL(fileURLWithPath: place.path + "/lock"))
    #expect(data.count == 256)
    #expect(data[0] == 1)
    withExtendedLifetime(lock) {}
}

@Test func `a pinned segment cannot be locked for removal`() throws {
    let place = try Place()
    let uuid = try writeSegment(in: place)
    let reader = try SegmentReader(in: place.directory, uuid: uuid)
    #expect(try !place.directory.open(uuid.segmentFileName).tryLock(exclusive: true))
    withExtendedLifetime(reader) {}
}
