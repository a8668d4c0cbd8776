import CVectorKernels
import Testing

@testable import VectorKernels

@Suite struct HalfTests {
    @Test func `every half reads as the number that it is`() {
        for bits in 0...UInt16.max {
            let expected = Float(Float16(bitPattern: bits))
            let found = Float(f16Bits: bits)
            #expect(found.bitPattern == expected.bitPattern || (found.isNaN && expected.isNaN), "\(bits)")
        }
    }

    @Test func `floats at, beside and between all halves round as the standard says`() {
        // Between neighbouring halves lie the ties; one step to each side decides the other way.
        var wrong: [UInt32] = []
        func check(_ bits: UInt32) {
            let value = Float(bitPattern: bits)
            if !value.isNaN && value.f16Bits != Float16(value).bitPattern { wrong.append(bits) }
        }
        for half in 0..<0x7C00 as Range<UInt16> {
            let value = Float(Float16(bitPattern: half)).bitPattern
            // The next half, or where it would be if the exponent went on.
            let next = half == 0x7BFF ? Float(65536).bitPattern : Float(Float16(bitPattern: half + 1)).bitPattern
            let tie = ((Float(bitPattern: value) + Float(bitPattern: next)) / 2).bitPattern
            for bits in [value, value + 1, tie - 1, tie, tie + 1, next - 1] {
                check(bits)
                check(bits | 0x8000_0000)
            }
        }
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<20_000 { check(UInt32(truncatingIfNeeded: generator.next())) }
        #expect(wrong.isEmpty, "\(wrong.prefix(5))")
        #expect(Float.infinity.f16Bits == 0x7C00 && (-Float.infinity).f16Bits == 0xFC00)
        #expect(Float.nan.f16Bits == 0x7E00 && Float(f16Bits: Float.nan.f16Bits).isNaN)
    }
}

@Suite struct Bfloat16Tests {
    @Test(
        arguments: [
            (Float(1), 0x3F80), (-2, 0xC000), (0, 0), (-0.0, 0x8000), (.infinity, 0x7F80), (-.infinity, 0xFF80),
            (Float(bitPattern: 0x3F80_8000), 0x3F80), (Float(bitPattern: 0x3F81_8000), 0x3F82),
            (Float(bitPattern: 0x3F80_8001), 0x3F81), (Float(bitPattern: 0x3F80_7FFF), 0x3F80),
            (.greatestFiniteMagnitude, 0x7F7F), (-.greatestFiniteMagnitude, 0xFF7F),
            (Float(bitPattern: 0x7F7F_8000), 0x7F7F), (.leastNonzeroMagnitude, 0), (Float(bitPattern: 0x0000_8001), 1),
        ] as [(Float, UInt16)])
    func `values round to nearest, ties to even, and stay finite`(value: Float, bits: UInt16) {
        #expect(value.bfloat16Bits == bits)
    }

    @Test func `NaN stays NaN, whatever its bits`() {
        for bits in [0x7F80_0001, 0x7FC0_0000, 0x7FFF_FFFF, 0xFF80_0001, 0xFFFF_FFFF] as [UInt32] {
            #expect(Float(bfloat16Bits: Float(bitPattern: bits).bfloat16Bits).isNaN)
        }
    }

    @Test func `a bfloat16 comes back as it was`() {
        for bits in 0...UInt16.max where !Float(bfloat16Bits: bits).isNaN {
            #expect(Float(bfloat16Bits: bits).bfloat16Bits == bits)
        }
    }
}

@Suite struct ChecksumTests {
    /// RFC 3720, appendix B.4, and the check value of the usual catalogues of checksums.
    static let vectors: [(bytes: [UInt8], crc: UInt32)] = [
        ([], 0),
        (Array("123456789".utf8), 0xE306_9283),
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        (Array(0..<32), 0x46DD_794E),
        (Array((0..<32).reversed()), 0x113F_DB5C),
        (
            [0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0]
                + [0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0], 0xD996_3A56
        ),
    ]

    private func checksum(_ bytes: [UInt8], _ range: Range<Int>? = nil, continuing crc: UInt32 = 0) -> UInt32 {
        crc32c(bytes.span.extracting(range ?? bytes.indices), continuing: crc)
    }
    // The call gets an array with its own count.
    private func portableChecksum(_ bytes: [UInt8]) -> UInt32 { unsafe vk_crc32c_portable(0, bytes, bytes.count) }

    @Test(arguments: vectors) func `published vectors come out`(bytes: [UInt8], crc: UInt32) {
        #expect(checksum(bytes) == crc)
        #expect(portableChecksum(bytes) == crc)
    }

    @Test func `the instruction and the table agree at every length, address and cut`() {
        var generator = SeededGenerator(seed: 2)
        let bytes = generator.bytes(120_000)
        // Around the sizes at which the fast path starts and its stretches end.
        let lengths = Array(0...70) + [3071, 3072, 4096, 24_575, 24_576, 24_577, 27_648, 30_719, 65_536, 100_003]
        for (place, length) in lengths.enumerated() {
            let part = Array(bytes[place % 13..<place % 13 + length])
            let expected = portableChecksum(part)
            #expect(checksum(part) == expected, "\(length) bytes")
            let odd = checksum(bytes, place % 13..<place % 13 + length)
            #expect(odd == expected, "\(length) bytes at an odd address")
            let cut = length == 0 ? 0 : generator.uniform(below: length)
            let first = checksum(part, 0..<cut)
            let whole = checksum(part, cut..<length, continuing: first)
            #expect(whole == expected, "\(length) bytes, cut at \(cut)")
        }
    }

    @Test func `one flipped bit changes the checksum`() {
        var bytes = [UInt8](repeating: 0x5A, count: 40_000)
        let before = checksum(bytes)
        for place in [0, 1023, 1024, 2048, 3071, 3072, 24_575, 39_999] {
            bytes[place] ^= 0x10
            #expect(checksum(bytes) != before, "byte \(place)")
            bytes[place] ^= 0x10
        }
    }
}
