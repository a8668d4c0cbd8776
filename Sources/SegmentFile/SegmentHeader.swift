import FileSystem
import VectorKernels

/// The first page of a segment file (`Formats/segment.md`, section 1).
public struct SegmentHeader: Sendable, Equatable {
    static let byteCount = 4_096
    static let magic: [UInt8] = [0x89, 0x56, 0x53, 0x45, 0x47, 0x0D, 0x0A, 0x1A]
    static let formatMajor: UInt16 = 1
    /// The version that a file with these features needs.
    static func formatMinor(_ features: Features) -> UInt16 {
        features.incompatible & Features.secondAssignments == 0
            && features.readOnlyCompatible & Features.anisotropicCodes == 0 ? 0 : 1
    }
    static let sectionLimit = 64

    /// What a file may announce.
    public struct Features: Sendable, Equatable {
        public var incompatible: UInt64
        public var readOnlyCompatible: UInt64
        public var compatible: UInt64

        public init(incompatible: UInt64 = 0, readOnlyCompatible: UInt64 = 0, compatible: UInt64 = 0) {
            self.incompatible = incompatible
            self.readOnlyCompatible = readOnlyCompatible
            self.compatible = compatible
        }

        /// Incompatible bits that this reader knows.
        static let knownIncompatible: UInt64 = secondAssignments
        /// Read-only-compatible bits that this reader does not know: what searches read is as ever, what a writer did for
        /// it may not be.
        public var unknownReadOnlyCompatible: UInt64 { readOnlyCompatible & ~Self.anisotropicCodes }
        /// Incompatible, from version 1.1 on: a row may have two slots, and slots say which rows they are of.
        public static let secondAssignments: UInt64 = 1
        /// Read-only-compatible, from version 1.1 on: codes were chosen by another rule.
        public static let anisotropicCodes: UInt64 = 1
        /// Compatible: a copy of the ids is mapped.
        public static let mappedIDs: UInt64 = 1
        /// Compatible: a tier between estimates and exact scores. Not written so far.
        public static let int8Tier: UInt64 = 2
    }

    public let formatMajor: UInt16
    public let formatMinor: UInt16
    public let features: Features
    public let databaseUUID: SegmentUUID
    public let segmentUUID: SegmentUUID
    public let fileByteCount: Int
    public let rowCount: Int
    public let firstOrdinal: UInt64
    /// Largest ordinal − first + 1.
    public let ordinalSpan: Int
    public let dimensions: Int
    /// The metric's number; its meaning is not this module's business.
    public let metricCode: UInt8
    let sectionCount: Int
    let tableCRC: UInt32
    public let headerCRC: UInt32

    public var formatVersion: String { "\(formatMajor).\(formatMinor)" }
}

extension SegmentHeader {
    /// Checks and decodes the header page, in the order that the format document gives.
    ///
    /// - Parameters:
    ///   - page: the file's first 4,096 bytes.
    ///   - fileByteCount: the file's real size.
    init(parsing page: RawSpan, fileByteCount: Int, file: String) throws(SegmentError) {
        guard (0..<8).allSatisfy({ page.byte($0) == Self.magic[$0] }) else {
            throw SegmentError(.notASegment, file: file, "is no segment file: its first bytes are not the magic number")
        }
        let major = page.uint16(8)
        guard major == Self.formatMajor else {
            throw SegmentError(
                .unsupportedVersion, file: file,
                "has format version \(major).\(page.uint16(10)), this vecdb reads \(Self.formatMajor).x; "
                    + (major > Self.formatMajor ? "use a newer vecdb" : "build it again from its vectors")
            )
        }
        let computed = crc32c(page.extracting(0..<Self.byteCount - 4))
        headerCRC = page.uint32(Self.byteCount - 4)
        guard computed == headerCRC else {
            throw .damaged(
                file, nil,
                "the header is damaged (stored CRC-32C \(hexadecimal(headerCRC)), computed \(hexadecimal(computed)))")
        }
        features = Features(
            incompatible: page.uint64(16), readOnlyCompatible: page.uint64(24), compatible: page.uint64(32))
        let unknown = features.incompatible & ~Features.knownIncompatible
        guard unknown == 0 else {
            throw .unsupported(file, nil, "uses the incompatible feature bits 0x\(String(unknown, radix: 16))")
        }
        func damaged(_ message: String) -> SegmentError { .damaged(file, nil, message) }
        guard let size = Int(exactly: page.uint64(72)), size == fileByteCount else {
            throw damaged("has \(fileByteCount) bytes, its header says \(page.uint64(72))")
        }
        guard let rows = Int(exactly: page.uint64(80)), rows < 1 << 32 else {
            throw damaged("claims \(page.uint64(80)) rows; a segment holds less than 2^32")
        }
        guard let span = Int(exactly: page.uint64(96)), span < 1 << 32, span >= rows, (span == 0) == (rows == 0),
            !page.uint64(88).addingReportingOverflow(UInt64(span)).overflow
        else {
            throw damaged("claims an ordinal span of \(page.uint64(96)) from \(page.uint64(88)) for \(rows) rows")
        }
        let dimensions = page.uint32(104)
        guard 1...65_535 ~= dimensions else {
            throw damaged("claims \(dimensions) dimensions; 1 to 65,535 are possible")
        }
        guard 1...3 ~= page.byte(108) else { throw .unsupported(file, nil, "has the metric \(page.byte(108))") }
        let sections = page.uint32(112)
        guard 1...UInt32(Self.sectionLimit) ~= sections else {
            throw damaged("claims \(sections) sections; 1 to 64 are possible")
        }
        guard page.uint32(12) == UInt32(Self.byteCount), page.isZero(109..<112), page.isZero(120..<Self.byteCount - 4)
        else { throw damaged("has reserved header bytes that are not what the format says") }
        guard let database = SegmentUUID(bytes: page.array(40..<56)),
            let segment = SegmentUUID(bytes: page.array(56..<72))
        else { throw damaged("has no uuids") }  // unreached: both are sixteen bytes long
        formatMajor = major
        formatMinor = page.uint16(10)
        databaseUUID = database
        segmentUUID = segment
        self.fileByteCount = size
        rowCount = rows
        firstOrdinal = page.uint64(88)
        ordinalSpan = span
        self.dimensions = Int(dimensions)
        metricCode = page.byte(108)
        sectionCount = Int(sections)
        tableCRC = page.uint32(116)
    }
}

extension SegmentHeader {
    /// The header of the file that bears a segment's name: whose it is, before it is removed.
    ///
    /// - Returns: `nil` where there is no regular file with a header that this version reads and that is of this segment.
    public init?(of uuid: SegmentUUID, in directory: Directory) {
        let name = uuid.segmentFileName
        var page = [UInt8](repeating: 0, count: Self.byteCount)
        var span = page.mutableSpan
        guard let file = try? directory.open(name), let status = try? file.status(), status.isRegular,
            (try? file.read(into: &span, at: 0)) == Self.byteCount,
            let header = try? SegmentHeader(
                parsing: page.span.rawBytes, fileByteCount: status.byteCount, file: name),
            header.segmentUUID == uuid
        else { return nil }
        self = header
    }
}

extension SectionEntry {
    /// Checks and decodes the section table; after it every extent lies inside the file and none overlaps another.
    ///
    /// - Parameter page: the file's second 4,096 bytes.
    static func parse(table page: RawSpan, header: SegmentHeader, file: String) throws(SegmentError) -> [SectionEntry] {
        let used = header.sectionCount * byteCount
        let computed = crc32c(page.extracting(0..<used))
        guard computed == header.tableCRC else {
            throw .damaged(
                file, nil,
                "the section table is damaged (stored CRC-32C \(hexadecimal(header.tableCRC)), "
                    + "computed \(hexadecimal(computed)))")
        }
        guard page.isZero(used..<pageByteCount) else {
            throw .damaged(file, nil, "has bytes behind its section table that are not zero")
        }
        var entries: [SectionEntry] = []
        var end = 2 * pageByteCount
        var nextBlockChecksum = 0
        for index in 0..<header.sectionCount {
            let entry = try SectionEntry(
                parsing: page.extracting(index * byteCount..<(index + 1) * byteCount), file: file)
            guard !entries.contains(where: { $0.kindNumber == entry.kindNumber }) else {
                throw .damaged(file, entry.name, "occurs twice in the table")
            }
            guard roundedUp(end, to: entry.alignment) == entry.offset else {
                throw .damaged(
                    file, entry.name, "starts at byte \(entry.offset), which does not follow from the one before it")
            }
            let (sectionEnd, overflows) = entry.offset.addingReportingOverflow(entry.byteCount)
            guard !overflows, sectionEnd <= header.fileByteCount else {
                throw .damaged(
                    file, entry.name,
                    "needs \(entry.byteCount) bytes from \(entry.offset), the file has \(header.fileByteCount)")
            }
            if entry.checksumShift != 0 {
                guard Int(entry.firstBlockChecksum) == nextBlockChecksum, entry.crc == 0 else {
                    throw .damaged(
                        file, entry.name,
                        "has block checksums at \(entry.firstBlockChecksum), not at \(nextBlockChecksum)")
                }
                nextBlockChecksum += entry.blockCount
            } else if entry.firstBlockChecksum != 0 {
                throw .damaged(file, entry.name, "names block checksums and has none")
            }
            end = sectionEnd
            entries.append(entry)
        }
        guard roundedUp(end, to: pageByteCount) == header.fileByteCount else {
            throw .damaged(file, nil, "has \(header.fileByteCount) bytes, its sections end at \(end)")
        }
        guard let last = entries.last, last.kind == .blockChecksums, last.checksumShift == 0,
            last.byteCount == 4 * nextBlockChecksum, last.elementType == .uint32, last.stride == 4
        else {
            throw .damaged(
                file, SectionKind.blockChecksums.name,
                "is missing, not the last, or not \(4 * nextBlockChecksum) bytes of u32 with stride 4 and one checksum")
        }
        return entries
    }

    private init(parsing bytes: RawSpan, file: String) throws(SegmentError) {
        let kind = bytes.uint16(0)
        let isKnown = SectionKind(rawValue: kind) != nil
        let name = SectionKind(rawValue: kind)?.name ?? "kind \(kind)"
        guard kind != 0 else { throw .damaged(file, nil, "has a section of kind 0") }
        // How a section is stored that is passed over anyway is nobody's business here.
        let (codec, type) = (bytes.byte(2), ElementType(rawValue: bytes.byte(3)))
        guard codec == 0 || !isKnown else { throw .unsupported(file, name, "has the codec \(codec)") }
        guard type != nil || !isKnown else {
            throw .unsupported(file, name, "has the element type \(bytes.byte(3))")
        }
        let shift = bytes.byte(4)
        guard shift == 0 || 12...24 ~= shift else {
            throw .damaged(file, name, "has the checksum shift \(shift); 0 or 12 to 24 are possible")
        }
        guard bytes.isZero(5..<8), bytes.isZero(48..<64) else {
            throw .damaged(file, name, "has reserved bytes that are not zero")
        }
        guard let offset = Int(exactly: bytes.uint64(8)), let size = Int(exactly: bytes.uint64(16)),
            let stride = Int(exactly: bytes.uint64(32)),
            codec != 0 || (bytes.uint64(24) == bytes.uint64(16) && (stride == 0 || size % stride == 0))
        else {
            throw .damaged(
                file, name,
                "has impossible extents: offset \(bytes.uint64(8)), bytes \(bytes.uint64(16)) and \(bytes.uint64(24)), "
                    + "stride \(bytes.uint64(32))")
        }
        self.init(
            kindNumber: kind, elementType: type, checksumShift: shift, offset: offset, byteCount: size, stride: stride,
            crc: bytes.uint32(40), firstBlockChecksum: bytes.uint32(44))
    }
}
