import FileSystem

extension MappedFile {
    /// The CRC-32C of a range; of a large one only some megabytes are in memory at a time.
    func crc(of range: Range<Int>) -> UInt32 {
        var crc: UInt32 = 0
        for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.stepByteCount) {
            let part = start..<min(range.upperBound, start + Self.stepByteCount)
            crc = bytes.extracting(part).crc(continuing: crc)
            if range.count > Self.stepByteCount { dropPages(in: part) }
        }
        return crc
    }

    static let stepByteCount = 16 << 20
}
