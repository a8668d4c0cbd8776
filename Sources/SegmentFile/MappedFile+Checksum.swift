import FileSystem
import VectorKernels

extension MappedFile {
    /// What is wrong with a section without a checksum shift; `nil` when nothing is. Each byte is read once, and of a large
    /// section only some megabytes are in memory at a time.
    func damage(in entry: SectionEntry) -> String? {
        var crc: UInt32 = 0
        var damage: String?
        for start in stride(from: 0, to: entry.byteCount, by: Self.stepByteCount) {
            let part = start..<min(entry.byteCount, start + Self.stepByteCount)
            let place = entry.offset + part.lowerBound..<entry.offset + part.upperBound
            let bytes = bytes.extracting(place)
            crc = crc32c(bytes, continuing: crc)
            damage = damage ?? entry.floatDamage(in: bytes, at: start)
            if entry.byteCount > Self.stepByteCount { dropPages(in: place) }
        }
        return entry.checksumDamage(computed: crc, stored: entry.crc) ?? damage
    }

    /// A multiple of every float's size, and of what scales lie at.
    static let stepByteCount = 16 << 20
}
