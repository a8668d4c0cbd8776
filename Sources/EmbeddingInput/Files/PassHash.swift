/// The hash of what one pass over a file has read so far, from its first byte on.
struct PassHash {
    let expected: String
    private(set) var byteCount = 0
    private var hash = SHA256()

    init(expected: String) { self.expected = expected }

    var isExpected: Bool { hash.hexadecimalDigest().utf8.elementsEqual(expected.utf8) }

    mutating func begin() { self = PassHash(expected: expected) }

    mutating func append(_ bytes: Span<UInt8>) {
        hash.update(bytes)
        byteCount += bytes.count
    }
}
