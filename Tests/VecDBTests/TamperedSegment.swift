import Foundation
import TestSupport
import Testing

import FileSystem
@testable import SegmentFile
import VectorKernels

/// Overwrites bytes of a section of a database's segment and brings every checksum up to date, that of the header to what it
/// was: the catalog records it.
func overwrite(_ bytes: [UInt8], of kind: SectionKind, at offset: Int, in database: String) throws {
    let directory = try Directory(opening: database)
    let name = try #require(try directory.names().first { SegmentUUID(segmentFileName: $0) != nil })
    let uuid = try #require(SegmentUUID(segmentFileName: name))
    let reader = try SegmentReader(in: directory, uuid: uuid, pinning: false)
    let url = URL(fileURLWithPath: directory.pathOf(name))
    var data = [UInt8](try Data(contentsOf: url))
    let place = try #require(reader.entries.firstIndex { $0.kind == kind })
    let entry = reader.entries[place], checksums = try #require(reader.entries.last)
    precondition(offset >= 0 && offset + bytes.count <= entry.byteCount)
    data.replaceSubrange(entry.offset + offset..<entry.offset + offset + bytes.count, with: bytes)
    if entry.checksumShift == 0 {
        store(crc(data[entry.range]), in: &data, at: 4096 + 64 * place + 40)
    } else {
        let block = offset >> Int(entry.checksumShift)
        let range = entry.blockRange(block)
        store(
            crc(data[entry.offset + range.lowerBound..<entry.offset + range.upperBound]), in: &data,
            at: checksums.offset + 4 * (Int(entry.firstBlockChecksum) + block))
        store(crc(data[checksums.range]), in: &data, at: 4096 + 64 * (reader.entries.count - 1) + 40)
    }
    store(crc(data[4096..<4096 + 64 * reader.entries.count]), in: &data, at: 116)
    forgeHeader(&data, crc: crc(data[0..<4092]) ^ reader.header.headerCRC)
    store(reader.header.headerCRC, in: &data, at: 4092)
    try Data(data).write(to: url)
    #expect(crc(data[0..<4092]) == reader.header.headerCRC)
}

/// Changes four bytes of the header that readers ignore, high bits of the compatible features, so that its checksum changes
/// by `difference`.
private func forgeHeader(_ data: inout [UInt8], crc difference: UInt32) {
    let place = 36
    let zeros = [UInt8](repeating: 0, count: 4092)
    let base = crc(zeros[...])
    // What each bit does to the checksum, beside that bit; reduced until each effect is one bit.
    var rows = (0..<32).map { bit -> (effect: UInt32, cause: UInt32) in
        var page = zeros
        page[place + bit / 8] = 1 << UInt8(bit % 8)
        return (crc(page[...]) ^ base, 1 << UInt32(bit))
    }
    var change: UInt32 = 0
    for bit in 0..<32 {
        guard let pivot = rows[bit...].firstIndex(where: { $0.effect >> UInt32(bit) & 1 == 1 }) else { continue }
        rows.swapAt(bit, pivot)
        for other in rows.indices where other != bit && rows[other].effect >> UInt32(bit) & 1 == 1 {
            rows[other].effect ^= rows[bit].effect
            rows[other].cause ^= rows[bit].cause
        }
    }
    for bit in 0..<32 where difference >> UInt32(bit) & 1 == 1 { change ^= rows[bit].cause }
    for byte in 0..<4 { data[place + byte] ^= UInt8(truncatingIfNeeded: change >> UInt32(8 * byte)) }
}

private func crc(_ bytes: ArraySlice<UInt8>) -> UInt32 { crc32c(Array(bytes).span) }

private func store(_ number: UInt32, in data: inout [UInt8], at offset: Int) {
    for byte in 0..<4 { data[offset + byte] = UInt8(truncatingIfNeeded: number >> UInt32(8 * byte)) }
}
