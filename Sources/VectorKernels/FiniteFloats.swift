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
        guard let first = rawBytes.firstNonFinite(.float32) else { return nil }
        return (first..<count).first { self[$0].isNaN }
    }
}
