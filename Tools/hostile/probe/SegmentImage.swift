/// A segment file in memory, with what stands where (`Formats/segment.md`).
struct SegmentImage {
    static let pageByteCount = 4096
    private static let entryByteCount = 64
    /// Four bytes of the compatible features: no reader knows a bit of them, and none may mind.
    private static let ignoredBytes = 36
    private static let headerChecksum = 4092

    private struct Entry {
        var place: Int
        var name: String
        var range: Range<Int>
        var checksumShift: Int
        var firstBlockChecksum: Int
    }

    private(set) var bytes: [UInt8]
    private let original: [UInt8]
    private let entries: [Entry]
    private let forger = ChecksumForger(place: ignoredBytes, byteCount: headerChecksum)
    /// Where `bytes` may differ from the original.
    private var changed: [Range<Int>] = []

    /// - Returns: `nil` for a file that is no segment.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 2 * Self.pageByteCount, bytes[1] == UInt8(ascii: "V") else { return nil }
        (self.bytes, original) = (bytes, bytes)
        entries = (0..<Int(bytes.number(at: 112, byteCount: 4))).map { index in
            let place = Self.pageByteCount + index * Self.entryByteCount
            let offset = Int(bytes.number(at: place + 8, byteCount: 8))
            return Entry(
                place: place, name: Self.name(ofKind: Int(bytes.number(at: place, byteCount: 2))),
                range: offset..<offset + Int(bytes.number(at: place + 16, byteCount: 8)),
                checksumShift: Int(bytes[place + 4]),
                firstBlockChecksum: Int(bytes.number(at: place + 44, byteCount: 4)))
        }
    }

    /// Where bytes have a meaning: all but the padding.
    var meaningful: [Range<Int>] { [0..<2 * Self.pageByteCount] + entries.map(\.range) }

    /// What messages about damage of a byte may say, one of them.
    func names(ofByte offset: Int) -> [String] {
        if offset < Self.pageByteCount { return ["header is damaged", "magic number", "has format version"] }
        if offset < 2 * Self.pageByteCount { return ["section table"] }
        guard let entry = entries.first(where: { $0.range.contains(offset) }) else { return ["padding"] }
        return ["section '\(entry.name)'"]
    }

    /// Turns one bit over.
    ///
    /// - Parameter sealing: whether to bring every checksum up to date, that of the header to what it was.
    /// - Returns: what is to be written.
    mutating func flip(bit: Int, sealing: Bool) -> [Range<Int>] {
        change(bit / 8) { $0 ^= 1 << UInt8(bit % 8) }
        if sealing { seal(bit / 8) }
        return changed
    }

    /// Undoes all changes.
    ///
    /// - Returns: what is to be written.
    mutating func restore() -> [Range<Int>] {
        let undone = changed
        for range in undone { bytes.replaceSubrange(range, with: original[range]) }
        changed.removeAll(keepingCapacity: true)
        return undone
    }

    private mutating func change(_ offset: Int, _ body: (inout UInt8) -> Void) {
        body(&bytes[offset])
        changed.append(offset..<offset + 1)
    }

    private mutating func store(_ checksum: UInt32, at offset: Int) {
        for byte in 0..<4 { bytes[offset + byte] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * byte)) }
        changed.append(offset..<offset + 4)
    }

    private mutating func seal(_ offset: Int) {
        if let entry = entries.first(where: { $0.range.contains(offset) }) {
            if entry.checksumShift > 0, let checksums = entries.last {
                let block = (offset - entry.range.lowerBound) >> entry.checksumShift
                let start = entry.range.lowerBound + block << entry.checksumShift
                let end = min(entry.range.upperBound, start + 1 << entry.checksumShift)
                store(
                    Checksum.of(bytes[start..<end]),
                    at: checksums.range.lowerBound + 4 * (entry.firstBlockChecksum + block))
                store(Checksum.of(bytes[checksums.range]), at: checksums.place + 40)
            } else {
                store(Checksum.of(bytes[entry.range]), at: entry.place + 40)
            }
        }
        let table = Self.pageByteCount..<Self.pageByteCount + entries.count * Self.entryByteCount
        store(Checksum.of(bytes[table]), at: 116)
        let wanted = UInt32(original.number(at: Self.headerChecksum, byteCount: 4))
        forger.forge(&bytes, byteCount: Self.headerChecksum, wanted: wanted)
        changed.append(Self.ignoredBytes..<Self.ignoredBytes + 4)
        store(wanted, at: Self.headerChecksum)
    }

    private static func name(ofKind kind: Int) -> String {
        let names = [
            "parameters", "leaves", "routing-centroids", "origin", "centroids", "projection", "codebooks", "codes",
            "reorder-vectors", "ordinals", "rows-by-ordinal", "norms", "id-offsets", "ids", "slot-rows",
            "int8-vectors", "block-radii", "block-checksums", "anisotropy",
        ]
        return names[kind - 1]
    }
}

extension [UInt8] {
    /// A little-endian number.
    func number(at offset: Int, byteCount: Int) -> UInt64 {
        (0..<byteCount).reduce(0) { $0 | UInt64(self[offset + $1]) << UInt64(8 * $1) }
    }
}
