import ArgumentParser

/// A size as people write it: `2GB`, `512 MiB`, `1.5GiB`, `300000000`.
enum ByteSize {
    /// KB, MB, GB and TB count in thousands; KiB, MiB, GiB and TiB, and K, M, G and T alone, in 1,024s.
    private static let units: [String: Double] = [
        "": 1, "b": 1,
        "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
        "k": 0x1p10, "m": 0x1p20, "g": 0x1p30, "t": 0x1p40,
        "kib": 0x1p10, "mib": 0x1p20, "gib": 0x1p30, "tib": 0x1p40,
    ]

    /// - Throws: `ValidationError` for anything else, for 0, and for more than 2⁶² bytes.
    static func parse(_ text: String) throws -> Int {
        let digits = text.prefix { ("0"..."9").contains($0) || $0 == "." }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }.lowercased()
        guard let number = Double(digits), let factor = units[unit] else {
            throw ValidationError("is no size; write it as 300000000, 512MB, 2GB or 1.5GiB.")
        }
        let bytes = (number * factor).rounded()
        guard bytes >= 1, bytes <= 0x1p62 else {
            throw ValidationError("is out of range; sizes go from 1 byte to 4 EiB.")
        }
        return Int(bytes)
    }
}
