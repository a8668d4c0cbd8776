import CVectorKernels

extension Float {
    /// The value as IEEE binary16, to nearest and ties to even.
    public var f16Bits: UInt16 { vk_f16_from_f32(self) }

    /// The value of an IEEE binary16.
    public init(f16Bits: UInt16) { self = vk_f32_from_f16(f16Bits) }

    /// The value as bfloat16, to nearest and ties to even; a finite value stays finite, and NaN stays NaN.
    public var bfloat16Bits: UInt16 {
        let bits = bitPattern
        if isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
        let rounded = bits &+ 0x7FFF &+ (bits >> 16 & 1)
        let result = UInt16(truncatingIfNeeded: rounded >> 16)
        return isFinite && result & 0x7FFF >= 0x7F80 ? (result & 0x8000) | 0x7F7F : result
    }

    /// The value of a bfloat16.
    public init(bfloat16Bits: UInt16) { self.init(bitPattern: UInt32(bfloat16Bits) << 16) }
}

/// CRC-32C of `bytes` (RFC 3720), continuing from the CRC of what comes before them.
public func crc32c(_ bytes: RawSpan, continuing crc: UInt32 = 0) -> UInt32 {
    // Proof: pointer and count of one span, for one call.
    unsafe bytes.withUnsafeBytes { unsafe vk_crc32c(crc, $0.baseAddress, $0.count) }
}

/// As for raw bytes.
public func crc32c(_ bytes: Span<UInt8>, continuing crc: UInt32 = 0) -> UInt32 {
    crc32c(bytes.rawBytes, continuing: crc)
}
