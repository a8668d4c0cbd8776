extension RawSpan {
    // Little-endian numbers at any offset; beyond the end they trap.

    @inlinable public func byte(_ offset: Int) -> UInt8 { number(offset) }
    @inlinable public func uint16(_ offset: Int) -> UInt16 { number(offset) }
    @inlinable public func uint32(_ offset: Int) -> UInt32 { number(offset) }
    @inlinable public func uint64(_ offset: Int) -> UInt64 { number(offset) }

    @inlinable func number<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Number {
        precondition(offset >= 0 && offset <= byteCount - MemoryLayout<Number>.size)
        // Proof: the bounds were checked, and every pattern of bits is an integer.
        return Number(littleEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: Number.self))
    }

    /// Some of the bytes.
    @inlinable public func array(_ range: Range<Int>) -> [UInt8] { range.map { byte($0) } }

    /// Whether all bytes of a part are zero; eight at a time, since padding is most of a small file.
    @inlinable public func isZero(_ range: Range<Int>) -> Bool {
        var offset = range.lowerBound
        while range.upperBound - offset >= 8 {
            if uint64(offset) != 0 { return false }
            offset += 8
        }
        return (offset..<range.upperBound).allSatisfy { byte($0) == 0 }
    }
}

extension Span where Element: FixedWidthInteger & BitwiseCopyable {
    /// The numbers as they lie in memory.
    @inlinable public var rawBytes: RawSpan {
        // Proof: integers have no padding.
        @_lifetime(copy self) get { unsafe bytes }
    }
}

extension Span<Float> {
    /// The floats as they lie in memory.
    @inlinable public var rawBytes: RawSpan {
        // Proof: floats have no padding.
        @_lifetime(copy self) get { unsafe bytes }
    }
}

extension [UInt8] {
    /// Appends all of `bytes` at once.
    @inlinable public mutating func append(_ bytes: RawSpan) {
        // Proof: the pointer is used for the length of the call.
        unsafe bytes.withUnsafeBytes { unsafe append(contentsOf: $0) }
    }
}

extension [Float] {
    /// Appends all of `values` at once.
    @inlinable public mutating func append(_ values: Span<Float>) {
        // Proof: the pointer is used for the length of the call.
        unsafe values.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
