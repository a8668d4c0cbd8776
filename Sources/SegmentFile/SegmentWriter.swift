import FileSystem
import VectorKernels

/// A section that a segment will have.
public struct SectionPlan: Sendable {
    public let kind: SectionKind
    public let elementType: ElementType
    /// Bytes from one row to the next; 0 where it does not apply.
    public let stride: Int
    /// 0 for one CRC over all, or b for one CRC each 2ᵇ bytes.
    public let checksumShift: UInt8
    public let byteCount: Int

    public init(
        _ kind: SectionKind, _ elementType: ElementType, stride: Int = 0, checksumShift: UInt8 = 0, byteCount: Int
    ) {
        precondition(byteCount >= 0 && (stride == 0 || byteCount % stride == 0))
        self.kind = kind
        self.elementType = elementType
        self.stride = stride
        self.checksumShift = checksumShift
        self.byteCount = byteCount
    }
}

/// What a new segment says about itself.
public struct SegmentIdentity: Sendable {
    public var databaseUUID: SegmentUUID
    public var segmentUUID: SegmentUUID
    public var features: SegmentHeader.Features
    public var rowCount: Int
    public var firstOrdinal: UInt64
    public var ordinalSpan: Int
    public var dimensions: Int
    public var metricCode: UInt8

    public init(
        databaseUUID: SegmentUUID, segmentUUID: SegmentUUID, features: SegmentHeader.Features, rowCount: Int,
        firstOrdinal: UInt64, ordinalSpan: Int, dimensions: Int, metricCode: UInt8
    ) {
        self.databaseUUID = databaseUUID
        self.segmentUUID = segmentUUID
        self.features = features
        self.rowCount = rowCount
        self.firstOrdinal = firstOrdinal
        self.ordinalSpan = ordinalSpan
        self.dimensions = dimensions
        self.metricCode = metricCode
    }
}

/// Writes a segment whose section sizes are known before the first byte.
///
/// Sections may be filled in any interleaving, each from its front to its end. The header goes last, so that a file
/// that was cut off is never taken for a segment. Dropped without `finish()`, it removes the file.
public final class SegmentWriter {
    public let fileName: String

    private let directory: Directory
    private let file: File
    private let identity: SegmentIdentity
    private var sections: [SectionInProgress]
    private let fileByteCount: Int
    private var isDone = false

    /// Plans the geometry, creates the file and reserves its room.
    ///
    /// - Throws: for an existing file, and when there is no room.
    public init(in directory: Directory, identity: SegmentIdentity, sections plans: [SectionPlan]) throws(SegmentError)
    {
        precondition(plans.count < SegmentHeader.sectionLimit)
        self.directory = directory
        self.identity = identity
        fileName = identity.segmentUUID.segmentFileName
        var sections: [SectionInProgress] = []
        var (end, nextBlockChecksum) = (2 * SectionEntry.pageByteCount, 0)
        let checksums = plans.reduce(0) { $0 + SectionInProgress.blockCount(of: $1) }
        for plan in plans + [SectionPlan(.blockChecksums, .uint32, stride: 4, byteCount: 4 * checksums)] {
            let alignment = plan.checksumShift == 0 ? SectionEntry.pageByteCount : SectionEntry.blockedAlignment
            guard let offset = roundedUp(end, to: alignment),
                let next = Optional(offset.addingReportingOverflow(plan.byteCount)),
                !next.overflow
            else { throw SegmentError(.system, file: fileName, "would be larger than a file can be") }
            sections.append(SectionInProgress(plan: plan, offset: offset, firstBlockChecksum: nextBlockChecksum))
            nextBlockChecksum += SectionInProgress.blockCount(of: plan)
            end = next.partialValue
        }
        self.sections = sections
        fileByteCount = (end + SectionEntry.pageByteCount - 1) / SectionEntry.pageByteCount * SectionEntry.pageByteCount
        do throws(SystemError) {
            file = try directory.create(fileName)
        } catch { throw SegmentError(error) }
        do throws(SystemError) {
            try file.allocate(fileByteCount)
        } catch {
            try? directory.remove(fileName)
            isDone = true
            throw SegmentError(error)
        }
    }

    deinit { abandon() }

    /// Appends to a section; the sections keep separate places.
    ///
    /// - Precondition: the section was planned and has room.
    public func append(_ bytes: RawSpan, to kind: SectionKind) throws(SegmentError) {
        guard let index = sections.firstIndex(where: { $0.plan.kind == kind }) else {
            preconditionFailure("section \(kind.name) was not planned")
        }
        let start = sections[index].filled
        precondition(bytes.byteCount <= sections[index].plan.byteCount - start)
        sections[index].absorb(bytes)
        do throws(SystemError) {
            var done = 0
            while done < bytes.byteCount {
                done += sections[index].hold(bytes.extracting(done..<bytes.byteCount))
                if sections[index].isAtPieceEnd { try flush(index) }
            }
        } catch { throw SegmentError(error) }
    }

    private func flush(_ index: Int) throws(SystemError) {
        guard sections[index].hasHeld else { return }
        try sections[index].withHeld { bytes, offset throws(SystemError) in try file.write(bytes, at: offset) }
    }

    /// Appends numbers as they lie in memory.
    public func append<Number: StoredNumber>(_ numbers: [Number], to kind: SectionKind) throws(SegmentError) {
        try numbers.withBytes { (bytes) throws(SegmentError) in try append(bytes, to: kind) }
    }

    /// Writes checksums, table and header, and makes the file and its name survive a loss of power.
    ///
    /// - Returns: what the catalog records about the file.
    public func finish() throws(SegmentError) -> SegmentSummary {
        let checksums = sections.flatMap { $0.finishedBlockCRCs() }
        try append(checksums, to: .blockChecksums)
        for section in sections {
            precondition(section.filled == section.plan.byteCount, "section \(section.plan.kind.name) is not full")
        }
        var table = [UInt8](repeating: 0, count: SectionEntry.pageByteCount)
        for (index, section) in sections.enumerated() {
            section.encode(into: &table, at: index * SectionEntry.byteCount)
        }
        let tableCRC = crc32c(table.span.extracting(0..<sections.count * SectionEntry.byteCount))
        let header = encodedHeader(tableCRC: tableCRC)
        do throws(SystemError) {
            for index in sections.indices { try flush(index) }
            try file.write(table.span, at: SectionEntry.pageByteCount)
            try file.write(header.span, at: 0)
            try file.synchronize()
            try directory.synchronize()
        } catch { throw SegmentError(error) }
        isDone = true
        return SegmentSummary(
            fileName: fileName, byteCount: fileByteCount,
            headerCRC: header.span.rawBytes.uint32(SegmentHeader.byteCount - 4),
            sections: sections.map { ($0.plan.kind, $0.plan.byteCount) })
    }

    /// Removes what was written. Does nothing after `finish()`.
    public func abandon() {
        guard !isDone else { return }
        isDone = true
        try? directory.remove(fileName)
    }

    private func encodedHeader(tableCRC: UInt32) -> [UInt8] {
        var page = [UInt8](repeating: 0, count: SegmentHeader.byteCount)
        page.replaceSubrange(0..<8, with: SegmentHeader.magic)
        page.store(SegmentHeader.formatMajor, at: 8)
        page.store(SegmentHeader.formatMinor(identity.features), at: 10)
        page.store(UInt32(SegmentHeader.byteCount), at: 12)
        page.store(identity.features.incompatible, at: 16)
        page.store(identity.features.readOnlyCompatible, at: 24)
        page.store(identity.features.compatible, at: 32)
        page.replaceSubrange(40..<56, with: identity.databaseUUID.bytes)
        page.replaceSubrange(56..<72, with: identity.segmentUUID.bytes)
        page.store(UInt64(fileByteCount), at: 72)
        page.store(UInt64(identity.rowCount), at: 80)
        page.store(identity.firstOrdinal, at: 88)
        page.store(UInt64(identity.ordinalSpan), at: 96)
        page.store(UInt32(identity.dimensions), at: 104)
        page[108] = identity.metricCode
        page.store(UInt32(sections.count), at: 112)
        page.store(tableCRC, at: 116)
        page.store(crc32c(page.span.extracting(0..<SegmentHeader.byteCount - 4)), at: SegmentHeader.byteCount - 4)
        return page
    }
}

/// What a finished segment file is.
public struct SegmentSummary: Sendable {
    public let fileName: String
    public let byteCount: Int
    public let headerCRC: UInt32
    /// In file order.
    public let sections: [(kind: SectionKind, byteCount: Int)]
}

/// A section while it is filled: how far it is, and its checksums so far.
private struct SectionInProgress {
    let plan: SectionPlan
    let offset: Int
    let firstBlockChecksum: Int
    private(set) var filled = 0
    /// What has not been written yet, up to the end of a piece.
    private var held: [UInt8] = []
    /// The file's offset behind it.
    private var heldEnd = 0
    private var crc: UInt32 = 0
    private var blockCRCs: [UInt32] = []

    init(plan: SectionPlan, offset: Int, firstBlockChecksum: Int) {
        self.plan = plan
        self.offset = offset
        self.firstBlockChecksum = firstBlockChecksum
    }

    static func blockCount(of plan: SectionPlan) -> Int {
        let shift = Int(plan.checksumShift)
        return shift == 0 ? 0 : (plan.byteCount + (1 << shift) - 1) >> shift
    }

    /// Sections that are read in long runs are written a large page at a time: what the kernel then keeps in one piece, it
    /// maps in one piece as well, and searches miss fewer translations of addresses. Where rows are read here and there,
    /// that would make millions of bytes resident for each of them.
    private var pieceByteCount: Int { plan.checksumShift >= 16 ? 2 << 20 : 64 << 10 }

    /// Copies what the present piece of the file still has room for, and says how much that is.
    ///
    /// `filled` is already behind all of it.
    mutating func hold(_ bytes: RawSpan) -> Int {
        let end = offset + filled - bytes.byteCount
        let count = min(bytes.byteCount, pieceByteCount - end % pieceByteCount)
        held.append(bytes.extracting(0..<count))
        heldEnd = end + count
        return count
    }

    var hasHeld: Bool { !held.isEmpty }
    var isAtPieceEnd: Bool { heldEnd % pieceByteCount == 0 }

    /// Lets what is held be written, and forgets it.
    mutating func withHeld(_ write: (Span<UInt8>, Int) throws(SystemError) -> Void) throws(SystemError) {
        try write(held.span, heldEnd - held.count)
        held.removeAll(keepingCapacity: true)
    }

    /// Takes the next bytes into the checksums.
    mutating func absorb(_ bytes: RawSpan) {
        let blockSize = plan.checksumShift == 0 ? Int.max : 1 << Int(plan.checksumShift)
        var done = 0
        while done < bytes.byteCount {
            let room = blockSize - filled % blockSize
            let part = bytes.extracting(done..<min(bytes.byteCount, done + min(room, bytes.byteCount - done)))
            crc = crc32c(part, continuing: crc)
            filled += part.byteCount
            done += part.byteCount
            if plan.checksumShift != 0, filled % blockSize == 0 {
                blockCRCs.append(crc)
                crc = 0
            }
        }
    }

    func finishedBlockCRCs() -> [UInt32] {
        guard plan.checksumShift != 0 else { return [] }
        return filled % (1 << Int(plan.checksumShift)) == 0 ? blockCRCs : blockCRCs + [crc]
    }

    func encode(into table: inout [UInt8], at start: Int) {
        table.store(plan.kind.rawValue, at: start)
        table[start + 3] = plan.elementType.rawValue
        table[start + 4] = plan.checksumShift
        table.store(UInt64(offset), at: start + 8)
        table.store(UInt64(plan.byteCount), at: start + 16)
        table.store(UInt64(plan.byteCount), at: start + 24)
        table.store(UInt64(plan.stride), at: start + 32)
        if plan.checksumShift == 0 {
            table.store(crc, at: start + 40)
        } else {
            table.store(UInt32(firstBlockChecksum), at: start + 44)
        }
    }
}

extension [UInt8] {
    /// Writes a number in little-endian bytes.
    fileprivate mutating func store<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
        for index in 0..<MemoryLayout<Number>.size {
            self[offset + index] = UInt8(truncatingIfNeeded: number >> (8 * Number(index)))
        }
    }
}
