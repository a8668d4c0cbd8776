/// What a number of a file is changed to: near what it was, or at the edge of something.
struct InterestingNumbers {
    static func next(_ old: UInt64, byteCount: Int, random: inout SplitMix) -> UInt64 {
        switch random.next() % 8 {
        case 0: old &+ random.next() % 8
        case 1: old &- random.next() % 8
        case 2: 1 << (random.next() % UInt64(8 * byteCount))
        case 3: (1 << (random.next() % UInt64(8 * byteCount))) &- 1
        case 4: edges[Int(random.next() % UInt64(edges.count))]
        case 5: old ^ 1 << (random.next() % UInt64(8 * byteCount))
        case 6: random.next() % 300
        default: random.next()
        }
    }

    private static let edges: [UInt64] = [
        0, 1, 2, .max, UInt64(Int64.max), 1 << 63, 1 << 32, UInt64(UInt32.max), 1 << 31, 65_535, 65_536, 4096,
        // As floats: infinities, NaN, the largest, the smallest, −0, one, and halves of them.
        0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 0x7F7F_FFFF, 0xFF7F_FFFF, 1, 0x8000_0000, 0x3F80_0000, 0x7C00, 0xFC00,
        0x7E00, 0x7BFF, 0x7F80,
    ]
}

extension SegmentImage {
    /// Changes a few fields, and seals everything mostly.
    mutating func mutate(random: inout SplitMix) {
        for _ in 0...random.next() % 3 { mutateOnce(random: &random) }
        seals = random.oneIn(8) ? Seals(rawValue: UInt8(truncatingIfNeeded: random.next())) : .all
    }

    private mutating func mutateOnce(random: inout SplitMix) {
        let section = sections.isEmpty ? 0 : Int(random.next() % UInt64(sections.count))
        switch random.next() % 16 {
        case 0, 1: mutateHeader(random: &random)
        case 2, 3: mutateParameters(random: &random)
        case 4: questions[Int(random.next() % 7)] = UInt8(truncatingIfNeeded: random.next())
        case 5 where !sections.isEmpty: mutateEntry(section, random: &random)
        case 6 where !sections.isEmpty: mutateStructure(section, random: &random)
        case 7 where !sections.isEmpty:
            let content = sections[section].content
            sections[section].content = libFuzzerMutation(of: content, limit: content.count + 64)
        default:
            if !sections.isEmpty { mutateContent(section, random: &random) }
        }
    }

    private mutating func mutateHeader(random: inout SplitMix) {
        let fields = [
            (0, 8), (8, 2), (10, 2), (12, 4), (16, 8), (24, 8), (32, 8), (72, 8), (80, 8), (80, 8), (88, 8), (96, 8),
            (96, 8), (104, 4), (104, 4), (108, 1), (108, 1), (109, 3), (112, 4), (116, 4), (120, 4),
        ]
        let (offset, count) = fields[Int(random.next() % UInt64(fields.count))]
        header.mutate(at: offset, byteCount: count, random: &random)
        // Rows and span belong together, and mostly go together.
        if offset == 80, !random.oneIn(4) {
            header.put(header.number(at: 80, byteCount: 8), at: 96, byteCount: 8)
        }
    }

    private mutating func mutateParameters(random: inout SplitMix) {
        guard let place = index(of: 1), sections[place].content.count >= 128 else { return }
        let fields = [
            (0, 4), (4, 4), (4, 4), (8, 4), (8, 4), (12, 4), (12, 4), (16, 4), (20, 4), (24, 4), (28, 4), (32, 4),
            (36, 4), (40, 8), (48, 8), (56, 8), (64, 4), (68, 4), (72, 4),
        ]
        let (offset, count) = fields[Int(random.next() % UInt64(fields.count))]
        sections[place].content.mutate(at: offset, byteCount: count, random: &random)
    }

    private mutating func mutateEntry(_ section: Int, random: inout SplitMix) {
        let fields = [
            (0, 2), (2, 1), (3, 1), (3, 1), (4, 1), (5, 3), (8, 8), (16, 8), (24, 8), (32, 8), (40, 4), (44, 4),
        ]
        let (offset, count) = fields[Int(random.next() % UInt64(fields.count))]
        sections[section].entry.mutate(at: offset, byteCount: count, random: &random)
    }

    private mutating func mutateStructure(_ section: Int, random: inout SplitMix) {
        let other = Int(random.next() % UInt64(sections.count))
        switch random.next() % 4 {
        case 0: sections.swapAt(section, other)
        case 1: sections.remove(at: section)
        case 2: sections[section].content = sections[other].content
        default: sections[section].content.resize(to: Int(random.next() % 600))
        }
    }

    /// Changes one aligned number of a section, or some in a row.
    private mutating func mutateContent(_ section: Int, random: inout SplitMix) {
        let sizes = [1, 2, 4, 4, 4, 8]
        let size = sizes[Int(random.next() % UInt64(sizes.count))]
        let places = sections[section].content.count / size
        guard places > 0 else { return }
        let first = Int(random.next() % UInt64(places))
        let count = random.oneIn(4) ? min(places - first, 1 + Int(random.next() % 40)) : 1
        for place in first..<first + count {
            sections[section].content.mutate(at: size * place, byteCount: size, random: &random)
        }
    }
}

extension [UInt8] {
    /// Puts an interesting number in the place of another.
    mutating func mutate(at offset: Int, byteCount: Int, random: inout SplitMix) {
        let old = number(at: offset, byteCount: byteCount)
        put(
            InterestingNumbers.next(old, byteCount: byteCount, random: &random), at: offset, byteCount: byteCount)
    }
}
