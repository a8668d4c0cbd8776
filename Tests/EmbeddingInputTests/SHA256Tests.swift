import Testing

@testable import EmbeddingInput

/// Hashes from NIST's examples for FIPS 180-4, and from Python's `hashlib` for lengths around the ends of blocks.
struct SHA256Tests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
    ])
    func `fault 24: NIST's examples`(text: String, expected: String) {
        #expect(hash(Array(text.utf8), pieces: [text.utf8.count]) == expected)
    }

    @Test func `fault 24: a million times the letter a, in pieces of any length`() {
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        #expect(
            hash(bytes, pieces: [1, 63, 64, 65, 997, 4096])
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    /// `hashlib.sha256(bytes((7 * i + 3) % 256 for i in range(n))).hexdigest()`.
    @Test(arguments: [
        (1, "084fed08b978af4d7d196a7446a86b58009e636b611db16211b65a9aadff29c5"),
        (55, "e7313d333c272e639f790978283f9eb392e843d0f29b7016828bb1daa4aac70b"),
        (56, "4324d65f3c103567f5589c710bc08f8523f929a9272e3af36fc968e52abc6c27"),
        (57, "35df609437dcfea3279283ab79fd554e2bf78f8f7ae2de532d8ee300b09e8f73"),
        (63, "81c80242132f230c3bd41b3e63bbcff16107339549214a99614ff26664625055"),
        (64, "39e3d7b6b5d075d37d053ad89b24b41bef4f3c29760c84447cab3f3be1882241"),
        (65, "aacca6ff74fdbb296d165a45cecfa04e5127bc008770fbbdd48006f2d2fae95e"),
        (119, "9ce7368e4daf32341631b492e80359dc9f594b48453cd0dd5bf0b19279cc177e"),
        (120, "7836b787757e95e58b3ca5aec90b1b004e8deba1e50e9675af9cabf1a13a04b5"),
        (127, "a8d23e75d936f303d248888d9b165ee543f4cbafcad3c9dd2a79bd84faa11d07"),
        (128, "d2742f1f4ac6bb7ca2b239ee18402ba8b3f9f8e652d2a72973c2b9ba11c08cf6"),
        (1000, "1e9bc38cbf860b9ec31918b065f9b52476c549a782e0e7990bed8ce3868d2371"),
    ])
    func `fault 24: lengths around the ends of blocks, as hashlib hashes them`(count: Int, expected: String) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: 7 * $0 + 3) }
        for pieces in [[count], [1], [55, 9], [64]] {
            #expect(hash(bytes, pieces: pieces) == expected, "in pieces of \(pieces)")
        }
    }

    /// Appends `bytes` in pieces whose lengths repeat.
    private func hash(_ bytes: [UInt8], pieces: [Int]) -> String {
        var hash = SHA256()
        var (start, piece) = (0, 0)
        while start < bytes.count {
            let end = min(bytes.count, start + max(1, pieces[piece % pieces.count]))
            hash.update(bytes.span.extracting(start..<end))
            (start, piece) = (end, piece + 1)
        }
        return hash.hexadecimalDigest()
    }
}
