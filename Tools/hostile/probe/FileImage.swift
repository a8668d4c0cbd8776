/// What stands where in a file, as whoever starts this process says: nothing here knows a format.
struct Layout: Codable {
    /// Some bytes, and what messages about damage of them may say, one of it.
    struct Part: Codable {
        var start: Int
        var stop: Int
        var names: [String]
    }

    /// A checksum, and the bytes that it is of.
    struct Stored: Codable {
        var place: Int
        var start: Int
        var stop: Int

        var covered: Range<Int> { start..<stop }
    }

    /// All bytes; the first part that has one counts.
    var parts: [Part]
    /// All but the header's, each before those of bytes that it lies among.
    var checksums: [Stored]
    /// The header's, which must stay what it is: the catalog records it, and so an attack on the segment alone can still pass.
    var header: Stored
    /// Four bytes of the header that readers ignore.
    var ignored: Int
}

/// A file in memory, of which bits are turned over.
struct FileImage {
    private(set) var bytes: [UInt8]
    private let original: [UInt8]
    private let layout: Layout
    private let forger: ChecksumForger
    /// Where `bytes` may differ from the original.
    private var changed: [Range<Int>] = []

    init(_ bytes: [UInt8], layout: Layout) {
        (self.bytes, original) = (bytes, bytes)
        self.layout = layout
        forger = ChecksumForger(place: layout.ignored - layout.header.start, byteCount: layout.header.covered.count)
    }

    /// What messages about damage of a byte may say, one of them.
    func names(ofByte offset: Int) -> [String] {
        layout.parts.first { $0.start..<$0.stop ~= offset }?.names ?? []
    }

    /// Turns one bit over.
    ///
    /// - Parameter sealing: whether to bring every checksum up to date, that of the header to what it was.
    /// - Returns: what is to be written.
    mutating func flip(bit: Int, sealing: Bool) -> [Range<Int>] {
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        changed.append(bit / 8..<bit / 8 + 1)
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

    private mutating func seal(_ changedByte: Int) {
        var offset = changedByte
        for checksum in layout.checksums where checksum.covered.contains(offset) {
            let found = Checksum.of(bytes[checksum.covered])
            for byte in 0..<4 { bytes[checksum.place + byte] = UInt8(truncatingIfNeeded: found >> UInt32(8 * byte)) }
            changed.append(checksum.place..<checksum.place + 4)
            offset = checksum.place
        }
        let header = layout.header
        let kept = header.place..<header.place + 4
        bytes.replaceSubrange(kept, with: original[kept])
        forger.forge(&bytes[header.covered], wanted: Checksum.of(original[header.covered]))
        changed += [kept, layout.ignored..<layout.ignored + 4]
    }
}
