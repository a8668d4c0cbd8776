import Foundation
import TestSupport

@testable import FileSystem
@testable import SegmentFile
import VectorKernels

/// Changes the bytes of a segment's file.
func change(_ uuid: SegmentUUID, in place: Place, _ body: (inout [UInt8]) -> Void) throws {
    let url = URL(fileURLWithPath: place.file(uuid.segmentFileName))
    var data = [UInt8](try Data(contentsOf: url))
    body(&data)
    try Data(data).write(to: url)
}

/// Makes the header's checksum right again, so that only the rules protect.
func sealHeader(_ data: inout [UInt8]) {
    store(checksum(data[..<4092]), in: &data, at: 4092)
}

/// Makes the section table's checksum right again, and the header's.
func sealTable(_ data: inout [UInt8]) {
    store(checksum(data[4096..<4096 + 64 * Int(data[112])]), in: &data, at: 116)
    sealHeader(&data)
}

private func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 { crc32c(Array(bytes).span) }

private func store(_ number: UInt32, in data: inout [UInt8], at offset: Int) {
    for byte in 0..<4 { data[offset + byte] = UInt8(truncatingIfNeeded: number >> UInt32(8 * byte)) }
}

let parameters = (0..<128).map { UInt8(truncatingIfNeeded: $0) }
let codes = (0..<150_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
let rows = (0..<300).map { Float($0) }

func writeSegment(in place: Place) throws -> SegmentUUID {
    let uuid = SegmentUUID.random()
    let identity = SegmentIdentity(
        databaseUUID: .random(), segmentUUID: uuid, features: .init(), rowCount: 300, firstOrdinal: 5, ordinalSpan: 301,
        dimensions: 7, metricCode: 2)
    let writer = try SegmentWriter(
        in: place.directory, identity: identity,
        sections: [
            SectionPlan(.parameters, .structured, byteCount: 128),
            SectionPlan(.codes, .structured, stride: 10, checksumShift: 16, byteCount: codes.count),
            SectionPlan(.reorderVectors, .float32, stride: 4, checksumShift: 12, byteCount: 1200),
            SectionPlan(.norms, .float32, stride: 4, checksumShift: 12, byteCount: 0),
        ])
    try writer.append(parameters, to: .parameters)
    // Interleaved, in pieces that do not fit the checksum blocks.
    for start in stride(from: 0, to: codes.count, by: 10_007) {
        try writer.append(Array(codes[start..<min(codes.count, start + 10_007)]), to: .codes)
        if start == 0 { try writer.append(Array(rows[..<100]), to: .reorderVectors) }
    }
    try writer.append(Array(rows[100...]), to: .reorderVectors)
    _ = try writer.finish()
    return uuid
}
