import VectorKernels

enum Checksum {
    /// CRC-32C.
    static func of(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        // Proof: bytes have no padding between them.
        unsafe crc32c(bytes.span.bytes)
    }
}

/// Finds the four bytes that give some others the checksum that they had.
struct ChecksumForger {
    /// Where the four bytes are.
    private let place: Int
    /// For each bit of the checksum the bits at `place` that change it alone.
    private let solutions: [UInt32]

    /// - Parameter byteCount: bytes that the checksum covers.
    init(place: Int, byteCount: Int) {
        self.place = place
        let empty = [UInt8](repeating: 0, count: byteCount)
        let base = Checksum.of(empty[...])
        // What each bit at `place` does to the checksum, beside that bit: brought to the identity matrix.
        var rows: [(effect: UInt32, cause: UInt32)] = (0..<32).map { bit in
            var page = empty
            page[place + bit / 8] = 1 << UInt8(bit % 8)
            return (Checksum.of(page[...]) ^ base, 1 << UInt32(bit))
        }
        for bit in 0..<32 {
            guard let pivot = rows[bit...].firstIndex(where: { $0.effect >> UInt32(bit) & 1 == 1 }) else {
                preconditionFailure("a CRC-32 tells 32 bits in a row apart")
            }
            rows.swapAt(bit, pivot)
            for other in rows.indices where other != bit && rows[other].effect >> UInt32(bit) & 1 == 1 {
                rows[other].effect ^= rows[bit].effect
                rows[other].cause ^= rows[bit].cause
            }
        }
        solutions = rows.map(\.cause)
    }

    /// Changes the four bytes so that all of `bytes` have the checksum `wanted`.
    func forge(_ bytes: inout ArraySlice<UInt8>, wanted: UInt32) {
        let difference = Checksum.of(bytes) ^ wanted
        var change: UInt32 = 0
        for bit in 0..<32 where difference >> UInt32(bit) & 1 == 1 { change ^= solutions[bit] }
        for byte in 0..<4 {
            bytes[bytes.startIndex + place + byte] ^= UInt8(truncatingIfNeeded: change >> UInt32(8 * byte))
        }
    }
}
