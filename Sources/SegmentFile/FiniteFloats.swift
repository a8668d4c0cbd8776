import CVectorKernels

/// A form in which a segment stores floats. In each of them a value is infinite or NaN when every bit of its exponent is set.
public enum StoredFloat: Sendable {
    case float32
    case bfloat16
    case float16

    var byteCount: Int { self == .float32 ? 4 : 2 }
}

extension RawSpan {
    /// The index of the first float that is infinite or NaN; `nil` when all are finite, as every stored float is.
    ///
    /// Bytes behind the last whole float are not looked at.
    ///
    /// - Complexity: O(bytes), several floats at a time.
    public func firstNonFinite(_ form: StoredFloat) -> Int? {
        let count = byteCount / form.byteCount
        // Proof: pointer and count of one span, for one call; the functions load from any address.
        let index = unsafe withUnsafeBytes { bytes in
            switch form {
            case .float32: unsafe vk_first_non_finite32(bytes.baseAddress, count)
            case .bfloat16: unsafe vk_first_non_finite16(bytes.baseAddress, count, 0x7F80)
            case .float16: unsafe vk_first_non_finite16(bytes.baseAddress, count, 0x7C00)
            }
        }
        return index < count ? index : nil
    }
}

extension Span<Float> {
    /// The index of the first NaN. Infinities are no reason to look twice at more than the floats behind them.
    ///
    /// - Complexity: O(count), several floats at a time where all are finite.
    public func firstNaN() -> Int? {
        // Floats have no padding to expose.
        guard let first = unsafe bytes.firstNonFinite(.float32) else { return nil }
        return (first..<count).first { self[$0].isNaN }
    }
}

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
        return checksumDamage(computed: bytes.crc, stored: stored, place: place)
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
