import VectorKernels

/// How rows become bytes of the section `reorder-vectors`, and what comes back from them (`Formats/segment.md`, section 7).
public struct RowStorage: Sendable {
    public let element: RowElement
    public let dimensions: Int

    public init(element: RowElement, dimensions: Int) {
        self.element = element
        self.dimensions = dimensions
    }

    /// Bytes from one row to the next.
    public var stride: Int { element.stride(dimensions: dimensions) }
    /// Whether what comes back differs from what went in.
    public var isLossy: Bool { element == .bfloat16 || element == .scaledInt8 }

    /// The rows as they are stored.
    ///
    /// - Parameter rows: row-major; for `u8` and `i8` the integers that the input holds.
    public func encode(_ rows: Span<Float>) -> [UInt8] {
        if element == .float32, stride == 4 * dimensions {
            // Proof: any floats are bytes, and these are stored as they lie in memory (little-endian machines only).
            return unsafe rows.withUnsafeBufferPointer { unsafe Array(UnsafeRawBufferPointer($0)) }
        }
        let count = rows.count / dimensions
        var bytes = [UInt8](repeating: 0, count: count * stride)
        var output = bytes.mutableSpan
        for row in 0..<count {
            let values = rows.extracting(row * dimensions..<(row + 1) * dimensions)
            var at = row * stride
            var scale: Float = 0
            if element == .scaledInt8 {
                var largest: Float = 0
                for column in values.indices { largest = max(largest, abs(values[column])) }
                scale = largest / 127
                output.store(scale.bitPattern, at: at)
                at += 4
            }
            for column in values.indices {
                switch element {
                case .float32: output.store(values[column].bitPattern, at: at + 4 * column)
                case .bfloat16:
                    let bits = values[column].bfloat16Bits
                    output[at + 2 * column] = UInt8(truncatingIfNeeded: bits)
                    output[at + 2 * column + 1] = UInt8(truncatingIfNeeded: bits >> 8)
                case .uint8: output[at + column] = UInt8(clamping: Int(values[column]))
                case .int8: output[at + column] = UInt8(bitPattern: Int8(clamping: Int(values[column])))
                case .scaledInt8:
                    let level = scale > 0 ? (values[column] / scale).rounded(.toNearestOrEven) : 0
                    output[at + column] = UInt8(bitPattern: Int8(max(-127, min(127, level))))
                }
            }
        }
        return bytes
    }

    /// What comes back of rows that are stored.
    public func roundTripped(_ rows: [Float]) -> [Float] { unsafe decode(encode(rows.span).span.bytes) }

    /// The vectors that stored rows stand for; what codes are made from.
    public func decode(_ bytes: RawSpan) -> [Float] {
        let count = bytes.byteCount / stride
        var rows = [Float](repeating: 0, count: count * dimensions)
        var output = rows.mutableSpan
        for row in 0..<count { decode(row, of: bytes, to: row, in: &output) }
        return rows
    }

    /// The vectors of some of the rows in `bytes`.
    ///
    /// - Parameters:
    ///   - places: where each goes in `output`, in vectors.
    ///   - output: row-major.
    public func decode(
        _ bytes: RawSpan, rows: Span<UInt32>, to places: Span<Int>, in output: inout MutableSpan<Float>
    ) {
        for index in rows.indices { decode(Int(rows[index]), of: bytes, to: places[index], in: &output) }
    }

    private func decode(_ row: Int, of bytes: RawSpan, to place: Int, in output: inout MutableSpan<Float>) {
        var at = row * stride
        var scale: Float = 1
        if element == .scaledInt8 {
            scale = Float(bitPattern: bytes.word(at))
            at += 4
        }
        for column in 0..<dimensions {
            let value: Float =
                switch element {
                case .float32: Float(bitPattern: bytes.word(at + 4 * column))
                case .bfloat16:
                    Float(
                        bfloat16Bits: UInt16(truncatingIfNeeded: bytes.byte(at + 2 * column)) | UInt16(
                            bytes.byte(at + 2 * column + 1)) << 8)
                case .uint8: Float(bytes.byte(at + column))
                case .int8: Float(Int8(bitPattern: bytes.byte(at + column)))
                case .scaledInt8: scale * Float(Int8(bitPattern: bytes.byte(at + column)))
                }
            output[place * dimensions + column] = value
        }
    }
}

extension MutableSpan<UInt8> {
    fileprivate mutating func store(_ word: UInt32, at offset: Int) {
        for byte in 0..<4 { self[offset + byte] = UInt8(truncatingIfNeeded: word >> UInt32(8 * byte)) }
    }
}

extension RawSpan {
    fileprivate func byte(_ offset: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
    fileprivate func word(_ offset: Int) -> UInt32 {
        unsafe UInt32(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
