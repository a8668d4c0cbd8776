/// The sections of a segment file by number and name (`Formats/segment.md`, section 3). What is in them is not this
/// module's business.
public enum SectionKind: UInt16, CaseIterable, Sendable {
    case parameters = 1
    case leaves = 2
    case routingCentroids = 3
    case origin = 4
    case centroids = 5
    case projection = 6
    case codebooks = 7
    case codes = 8
    case reorderVectors = 9
    case ordinals = 10
    case rowsByOrdinal = 11
    case norms = 12
    case idOffsets = 13
    case ids = 14
    case slotRows = 15
    case int8Vectors = 16
    case blockRadii = 17
    case blockChecksums = 18
    case anisotropy = 19

    /// The name in documents, messages and listings.
    public var name: String {
        switch self {
        case .parameters: "parameters"
        case .leaves: "leaves"
        case .routingCentroids: "routing-centroids"
        case .origin: "origin"
        case .centroids: "centroids"
        case .projection: "projection"
        case .codebooks: "codebooks"
        case .codes: "codes"
        case .reorderVectors: "reorder-vectors"
        case .ordinals: "ordinals"
        case .rowsByOrdinal: "rows-by-ordinal"
        case .norms: "norms"
        case .idOffsets: "id-offsets"
        case .ids: "ids"
        case .slotRows: "slot-rows"
        case .int8Vectors: "int8-vectors"
        case .blockRadii: "block-radii"
        case .blockChecksums: "block-checksums"
        case .anisotropy: "anisotropy"
        }
    }
}

/// The element type in a section's entry, by its number in the format. It names what is no row as well; what rows that are
/// scored can be is `RowElement`.
public enum ElementType: UInt8, CaseIterable, Sendable {
    case structured = 0
    case float32 = 1
    case bfloat16 = 2
    case float16 = 3
    case int8 = 4
    case uint8 = 5
    case uint32 = 6
    case uint64 = 7
    case scaledInt8 = 8
}

/// One entry of the section table.
public struct SectionEntry: Sendable, Equatable {
    static let byteCount = 64
    /// Sections with a checksum shift start at multiples of this, others at pages.
    static let blockedAlignment = 65_536
    static let pageByteCount = 4_096

    /// Kept as a number, for files with kinds that this reader does not know.
    public let kindNumber: UInt16
    /// `nil` for a type that this reader does not know, which only a section of an unknown kind may have.
    public let elementType: ElementType?
    /// 0: one CRC over all; b: one for each 2ᵇ bytes.
    public let checksumShift: UInt8
    public let offset: Int
    public let byteCount: Int
    /// Bytes from one row to the next, 0 where there are no rows.
    public let stride: Int
    let crc: UInt32
    let firstBlockChecksum: UInt32

    public var kind: SectionKind? { SectionKind(rawValue: kindNumber) }
    public var name: String { kind?.name ?? "kind \(kindNumber)" }
    public var range: Range<Int> { offset..<offset + byteCount }

    /// Blocks with a CRC of their own; 0 for sections with one CRC.
    var blockCount: Int {
        checksumShift == 0 ? 0 : (byteCount + (1 << Int(checksumShift)) - 1) >> Int(checksumShift)
    }

    var alignment: Int { checksumShift == 0 ? Self.pageByteCount : Self.blockedAlignment }

    /// Where block `index` lies in the section.
    func blockRange(_ index: Int) -> Range<Int> {
        let size = 1 << Int(checksumShift)
        return index * size..<min(byteCount, (index + 1) * size)
    }
}

/// `value` rounded up to a multiple of `alignment`, which is a power of two; `nil` on overflow.
func roundedUp(_ value: Int, to alignment: Int) -> Int? {
    let (sum, overflows) = value.addingReportingOverflow(alignment - 1)
    return overflows ? nil : sum & ~(alignment - 1)
}
