/// A segment file without its padding and, mostly, without its checksums: what the target `segment` has for input.
///
/// The file proper has 64 KiB from one section to the next, which would bury what matters; and nearly every change to it
/// would end at the first checksum. So the input holds the fields, and the file is made from them:
///
///     0    1     which seals are put on (``Seals``)
///     1    7     what is asked of the segment (``SegmentQuestions``)
///     8    124   bytes 0 … 119 and 4,092 … 4,095 of the header
///     132  …     for each section its entry (64 bytes), the length of its content (u16) and the content
struct SegmentImage {
    /// What is put right before the file is written; what is not, stays as the input says.
    struct Seals: OptionSet {
        let rawValue: UInt8
        static let headerChecksum = Seals(rawValue: 1)
        static let tableChecksum = Seals(rawValue: 2)
        static let sectionChecksums = Seals(rawValue: 4)
        static let blockChecksums = Seals(rawValue: 8)
        /// Offsets, counts, and the file's size follow from the contents' lengths.
        static let geometry = Seals(rawValue: 16)
        /// The contents' lengths follow from the numbers in header and parameters.
        static let lengths = Seals(rawValue: 32)
        static let all = Seals(rawValue: 63)
    }

    struct Section {
        var entry: [UInt8]
        var content: [UInt8]

        var kind: UInt16 {
            get { UInt16(entry.number(at: 0, byteCount: 2)) }
            set { entry.put(UInt64(newValue), at: 0, byteCount: 2) }
        }
        var shift: UInt8 { entry[4] }
    }

    static let fixedByteCount = 8 + headerByteCount
    static let headerByteCount = 124
    /// The largest file that is made of an input, and so the most memory that its fields may honestly claim.
    static let fileByteLimit = 2 << 20

    var seals: Seals
    var questions: [UInt8]
    var header: [UInt8]
    var sections: [Section]

    /// What an input says; `nil` when it is too short to say anything.
    init?(_ input: [UInt8]) {
        guard input.count >= Self.fixedByteCount else { return nil }
        seals = Seals(rawValue: input[0])
        questions = Array(input[1..<8])
        header = Array(input[8..<Self.fixedByteCount])
        sections = []
        var position = Self.fixedByteCount
        while input.count - position >= 66, sections.count < 64 {
            let entry = Array(input[position..<position + 64])
            let length = Int(input.number(at: position + 64, byteCount: 2))
            let end = min(input.count, position + 66 + length)
            let content = Array(input[position + 66..<end])
            // What an input leaves out at its end is zero.
            sections.append(
                Section(entry: entry, content: content + [UInt8](repeating: 0, count: length - content.count)))
            position = end
        }
    }

    /// The input that says this.
    var encoded: [UInt8] {
        var bytes = [seals.rawValue] + questions + header
        for section in sections {
            bytes += section.entry
            let content = section.content.prefix(Int(UInt16.max))
            bytes += [UInt8(truncatingIfNeeded: content.count), UInt8(truncatingIfNeeded: content.count >> 8)]
            bytes += content
        }
        return bytes
    }

    func index(of kind: UInt16) -> Int? { sections.firstIndex { $0.kind == kind } }

    /// Writes the file.
    mutating func write(to file: ScratchMapping) throws {
        seal()
        let claimed = header.number(at: 72, byteCount: 8)
        try file.clear(to: Int(min(claimed, UInt64(Self.fileByteLimit))))
        file.write(header[0..<120], at: 0)
        file.write(header[120..<124], at: 4092)
        for (index, section) in sections.enumerated() {
            file.write(section.entry[...], at: 4096 + 64 * index)
            file.write(section.content[...], at: Int(clamping: section.entry.number(at: 8, byteCount: 8)))
        }
    }
}

extension [UInt8] {
    /// The unsigned little-endian number there.
    func number(at offset: Int, byteCount: Int) -> UInt64 {
        var number: UInt64 = 0
        for index in 0..<byteCount { number |= UInt64(self[offset + index]) &<< UInt64(8 * index) }
        return number
    }

    mutating func put(_ number: UInt64, at offset: Int, byteCount: Int) {
        for index in 0..<byteCount { self[offset + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index)) }
    }

    /// Cuts off what is too long and completes with zeros what is too short.
    mutating func resize(to count: Int) {
        if count < self.count { removeLast(self.count - count) }
        if count > self.count { append(contentsOf: [UInt8](repeating: 0, count: count - self.count)) }
    }
}
