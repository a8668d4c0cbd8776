import Testing
import VectorKernels

@Suite struct BytesTests {
    private let bytes = (1...19).map { UInt8($0 * 13) }

    @Test func `numbers are read from their lowest byte on, at any offset`() {
        let raw = bytes.span.rawBytes
        for offset in 0..<12 {
            let word = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
            #expect(raw.uint64(offset) == word)
            #expect(raw.uint32(offset) == UInt32(truncatingIfNeeded: word))
            #expect(raw.uint16(offset) == UInt16(truncatingIfNeeded: word))
            #expect(raw.byte(offset) == UInt8(truncatingIfNeeded: word))
        }
        #expect(raw.array(3..<7) == Array(bytes[3..<7]) && raw.array(5..<5).isEmpty)
    }

    @Test func `a number that reaches beyond the end traps`() async {
        await #expect(processExitsWith: .failure) {
            let bytes = [UInt8](repeating: 0, count: 7)
            _ = bytes.span.rawBytes.uint64(0)
        }
        await #expect(processExitsWith: .failure) {
            let bytes = [UInt8](repeating: 0, count: 7)
            _ = bytes.span.rawBytes.byte(-1)
        }
    }

    @Test func `one bit in a part of zeros is found, and none beside it`() {
        for place in 0..<40 {
            var bytes = [UInt8](repeating: 0, count: 40)
            bytes[place] = 16
            for range in [0..<40, 0..<place, place + 1..<40, place..<place + 1, 3..<29] {
                #expect(bytes.span.rawBytes.isZero(range) == !range.contains(place), "\(place) in \(range)")
            }
        }
    }

    @Test func `numbers lie in memory as their bytes do, and are appended so`() {
        let floats: [Float] = [1, -0, .infinity], words: [UInt32] = [1, .max, 7]
        for place in 0..<3 {
            #expect(floats.span.rawBytes.uint32(4 * place) == floats[place].bitPattern)
            #expect(words.span.rawBytes.uint32(4 * place) == words[place])
        }
        var all: [UInt8] = [9]
        all.append(bytes.span.rawBytes)
        all.append([UInt8]().span.rawBytes)
        #expect(all == [9] + bytes)
        var values: [Float] = [9]
        values.append(floats.span)
        #expect(values.map(\.bitPattern) == ([9] + floats).map(\.bitPattern))
    }
}

@Suite struct FiniteFloatsTests {
    /// Several steps of the loop and what is left of one.
    private static let count = 150

    @Test(arguments: [Float.infinity, -.infinity, .nan, -.nan])
    func `the first float that is not finite is found wherever it is`(value: Float) {
        for place in 0..<Self.count {
            var floats = [Float](repeating: .greatestFiniteMagnitude, count: Self.count)
            #expect(floats.span.rawBytes.firstNonFinite(.float32) == nil && floats.span.firstNaN() == nil)
            floats[place] = value
            if place + 3 < Self.count { floats[place + 3] = .nan }
            #expect(floats.span.rawBytes.firstNonFinite(.float32) == place)
            let expected = value.isNaN ? place : place + 3 < Self.count ? place + 3 : nil
            #expect(floats.span.firstNaN() == expected)
        }
    }

    @Test(arguments: [(StoredFloat.bfloat16, UInt16(0x7F80), UInt16(0x7F7F)), (.float16, 0x7C00, 0x7BFF)])
    func `halves have their exponents at other places`(form: StoredFloat, infinity: UInt16, largest: UInt16) {
        for place in 0..<Self.count {
            var halves = [UInt16](repeating: largest | 0x8000, count: Self.count)
            #expect(halves.span.rawBytes.firstNonFinite(form) == nil)
            halves[place] = infinity | 1
            #expect(halves.span.rawBytes.firstNonFinite(form) == place)
        }
    }

    @Test func `floats begin at any address, and bytes behind the last are not looked at`() {
        var bytes = [UInt8](repeating: 0xFF, count: 9)
        bytes.replaceSubrange(1..<5, with: [0, 0, 0x7F, 0x7F])
        #expect(bytes.span.rawBytes.extracting(1..<8).firstNonFinite(.float32) == nil)
        #expect(bytes.span.rawBytes.extracting(1..<9).firstNonFinite(.float32) == 1)
    }
}

@Suite struct GrowingBitmapTests {
    @Test func `bits stay that were set, and no others, until all are forgotten`() {
        let bitmap = GrowingBitmap(count: 130)
        let bits: [UInt32] = [0, 63, 64, 129], others: [UInt32] = [0, 1]
        for bit in bits {
            #expect(!bitmap.contains(Int(bit)))
            bitmap.insert(Int(bit))
            bitmap.insert(Int(bit))
        }
        #expect((0..<130).filter { bitmap.contains($0) } == bits.map { Int($0) })
        #expect(bitmap.contains(all: bits.span) && !bitmap.contains(all: others.span))
        bitmap.forget()
        #expect((0..<130).allSatisfy { !bitmap.contains($0) })
    }

    @Test func `threads lose no bit of each other's`() {
        let bitmap = GrowingBitmap(count: 64 * 40)
        _ = concurrentMap(count: 8, threads: 8) { thread in
            for bit in stride(from: thread, to: 64 * 40, by: 8) { bitmap.insert(bit) }
        }
        #expect((0..<64 * 40).allSatisfy { bitmap.contains($0) })
    }

    @Test func `a bitmap may have no bits`() {
        GrowingBitmap(count: 0).forget()
    }
}
