/// Sixteen bytes that no other segment or database has, and the names of files that are made of them: what rows of a catalog,
/// headers of segments and a directory's names say must mean the same.
public struct SegmentUUID: Sendable, Hashable, CustomStringConvertible {
    public static let byteCount = 16
    public let bytes: [UInt8]

    /// - Returns: `nil` unless there are 16 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// - Returns: `nil` unless `hexadecimal` is 32 lower-case digits.
    public init?(hexadecimal: String) { self.init(digits: hexadecimal.utf8) }

    private init?(digits: some Sequence<UInt8>) {
        let digits = Array(digits)
        guard digits.count == 32 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 32, by: 2) {
            guard let high = Self.value(digits[index]), let low = Self.value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        self.bytes = bytes
    }

    /// A new one, from the system's random numbers.
    public static func random() -> SegmentUUID {
        var generator = SystemRandomNumberGenerator()
        return SegmentUUID(unchecked: (0..<byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    /// - Precondition: there are 16 bytes.
    init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    public var description: String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// The name of the file of the segment with this uuid.
    public var segmentFileName: String { "segment-\(self).vseg" }

    /// The uuid in a segment's file name; `nil` for other names.
    public init?(segmentFileName: String) {
        let name = segmentFileName.utf8
        guard name.starts(with: "segment-".utf8), name.suffix(5).elementsEqual(".vseg".utf8) else { return nil }
        self.init(digits: name.dropFirst(8).dropLast(5))
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}
