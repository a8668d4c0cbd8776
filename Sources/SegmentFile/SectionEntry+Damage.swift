import FileSystem
import VectorKernels

extension SectionEntry {
    /// What is wrong with one checksum block of the section: its bytes are not those that were written, or hold floats that
    /// nobody writes. `nil` when nothing is.
    ///
    /// - Parameters:
    ///   - section: the section's bytes.
    ///   - range: the part that the checksum covers.
    ///   - place: where that is, for people: ` at block 3`.
    func damage(in section: RawSpan, _ range: Range<Int>, place: String, stored: UInt32) -> String? {
        let bytes = section.extracting(range)
        return checksumDamage(computed: crc32c(bytes), stored: stored, place: place)
            ?? floatDamage(in: bytes, at: range.lowerBound, place: place)
    }

    func checksumDamage(computed: UInt32, stored: UInt32, place: String = "") -> String? {
        guard computed != stored else { return nil }
        return "is damaged\(place) (stored CRC-32C \(hexadecimal(stored)), computed \(hexadecimal(computed)))"
    }

    /// What is wrong with the floats in a part of the section that begins at byte `start` of it.
    func floatDamage(in bytes: RawSpan, at start: Int, place: String = "") -> String? {
        rowThatIsNotFinite(bytes, at: start).map {
            "is damaged\(place): row \($0) holds a value that is not finite, or a scale below 0"
        }
    }

    /// The row of the first float that is not finite. Only of known kinds is it known where their floats are; those inside
    /// structures are their reader's to check.
    private func rowThatIsNotFinite(_ bytes: RawSpan, at start: Int) -> Int? {
        guard kind != nil else { return nil }
        switch elementType {
        case .float32: return bytes.firstNonFinite(.float32).map { (start + 4 * $0) / max(stride, 4) }
        case .bfloat16: return bytes.firstNonFinite(.bfloat16).map { (start + 2 * $0) / max(stride, 2) }
        case .float16: return bytes.firstNonFinite(.float16).map { (start + 2 * $0) / max(stride, 2) }
        case .scaledInt8:
            // Whether strides fit their kinds is checked later.
            guard stride >= 4, stride % 4 == 0 else { return nil }
            var row = (start + stride - 1) / stride
            while row * stride + 4 <= start + bytes.byteCount {
                let bits = bytes.uint32(row * stride - start)
                if bits & 0x7F80_0000 == 0x7F80_0000 || bits > 0x8000_0000 { return row }
                row += 1
            }
            return nil
        case .structured, .int8, .uint8, .uint32, .uint64, nil: return nil
        }
    }
}
