import FileSystem

/// The hash of a byte string that arrives in pieces.
///
/// Written here, although libraries have it: the one that was used compiles three hundred files for it, which was half of
/// the time of a first build.
///
/// - Complexity: O(bytes), and 64 bytes of memory beside the state.
/// - SeeAlso: "Secure Hash Standard", FIPS 180-4, sections 4.1.2, 5.1.1, 5.3.3 and 6.2.
struct SHA256 {
    private static let blockByteCount = 64

    /// H, eight words.
    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    /// W, the schedule of the block at hand; kept so that it is allocated once.
    private var schedule = [UInt32](repeating: 0, count: 64)
    /// Bytes of the last block, which is not full yet.
    private var pending: [UInt8] = []
    private var byteCount: UInt64 = 0

    init() { pending.reserveCapacity(Self.blockByteCount) }

    /// Appends `bytes` to what is hashed.
    mutating func update(_ bytes: Span<UInt8>) {
        byteCount += UInt64(bytes.count)
        var next = 0
        if !pending.isEmpty {
            next = min(Self.blockByteCount - pending.count, bytes.count)
            for index in 0..<next { pending.append(bytes[index]) }
            guard pending.count == Self.blockByteCount else { return }
            let block = pending
            compress(&state, &schedule, block.span, at: 0)
            pending.removeAll(keepingCapacity: true)
        }
        while bytes.count - next >= Self.blockByteCount {
            compress(&state, &schedule, bytes, at: next)
            next += Self.blockByteCount
        }
        for index in next..<bytes.count { pending.append(bytes[index]) }
    }

    /// The hash of all that was appended, 64 lowercase hexadecimal digits.
    consuming func hexadecimalDigest() -> String {
        let bitCount = byteCount * 8
        var padding: [UInt8] = [0x80]
        while (pending.count + padding.count) % Self.blockByteCount != 56 { padding.append(0) }
        for shift in stride(from: 56, through: 0, by: -8) {
            padding.append(UInt8(truncatingIfNeeded: bitCount >> shift))
        }
        update(padding.span)
        return state.map(hexadecimal).joined()
    }
}

/// One block of 64 bytes from `start` on into the state.
private func compress(
    _ state: inout [UInt32], _ schedule: inout [UInt32], _ bytes: Span<UInt8>, at start: Int
) {
    var h = state.mutableSpan
    var w = schedule.mutableSpan
    let k = roundConstants.span
    for t in 0..<16 {
        let at = start + 4 * t
        w[t] =
            UInt32(bytes[at]) << 24 | UInt32(bytes[at + 1]) << 16 | UInt32(bytes[at + 2]) << 8 | UInt32(bytes[at + 3])
    }
    for t in 16..<64 {
        let (early, late) = (w[t - 15], w[t - 2])
        let sigma0 = rotatedRight(early, 7) ^ rotatedRight(early, 18) ^ early >> 3
        let sigma1 = rotatedRight(late, 17) ^ rotatedRight(late, 19) ^ late >> 10
        w[t] = sigma1 &+ w[t - 7] &+ sigma0 &+ w[t - 16]
    }
    var (a, b, c, d) = (h[0], h[1], h[2], h[3])
    var (e, f, g, last) = (h[4], h[5], h[6], h[7])
    for t in 0..<64 {
        let sum1 = rotatedRight(e, 6) ^ rotatedRight(e, 11) ^ rotatedRight(e, 25)
        let choice = (e & f) ^ (~e & g)
        let t1 = last &+ sum1 &+ choice &+ k[t] &+ w[t]
        let sum0 = rotatedRight(a, 2) ^ rotatedRight(a, 13) ^ rotatedRight(a, 22)
        let majority = (a & b) ^ (a & c) ^ (b & c)
        (last, g, f, e) = (g, f, e, d &+ t1)
        (d, c, b, a) = (c, b, a, t1 &+ sum0 &+ majority)
    }
    h[0] &+= a
    h[1] &+= b
    h[2] &+= c
    h[3] &+= d
    h[4] &+= e
    h[5] &+= f
    h[6] &+= g
    h[7] &+= last
}

private func rotatedRight(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }

/// K: the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
private let roundConstants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
]
