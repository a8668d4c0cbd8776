import FileSystem
import VectorKernels

/// An open segment: its checked header and table, and its bytes in memory.
///
/// Opening verifies what grows with the partitions, as far as nothing but the file says that it is large: the rest of it is
/// verified when the caller has found its size to be right (`verifyDeferred()`). The checksum blocks of large sections are
/// verified when they are first touched, which is the caller's to ask for with `ensureIntact`, and sections of unknown kinds by
/// `verifyAll` alone. The file's shared lock (the pin that garbage
/// removal respects) and the mapping are held until the object goes. Safe for use by many threads.
public final class SegmentReader: Sendable {
    public let file: String
    public let header: SegmentHeader
    public let entries: [SectionEntry]

    private let handle: File
    private let map: MappedFile
    private let modified: File.Status.Time
    /// Index into `entries` by kind number; −1 where the kind is missing.
    private let places: [Int]
    private let verified: GrowingBitmap
    /// Sections without a checksum shift that are too large to be believed before their sizes have been checked.
    private let deferred: [SectionEntry]

    /// What opening reads of a section on the file's word alone.
    static let believedByteCount = 64 << 20

    /// Opens and checks `segment-<uuid>.vseg`.
    ///
    /// - Parameter pinning: whether to take the shared lock; a pin needs no write permission.
    /// - Throws: `notFound`, `beingRemoved`, and everything that `Formats/segment.md` wants refused at opening.
    /// - Complexity: O(bytes of the sections without a checksum shift).
    public convenience init(in directory: Directory, uuid: SegmentUUID, pinning: Bool = true) throws(SegmentError) {
        try self.init(in: directory, name: uuid.segmentFileName, pinning: pinning)
        guard header.segmentUUID == uuid else {
            throw SegmentError(
                .mismatch, file: file, "holds the segment \(header.segmentUUID), not the one of its name")
        }
    }

    init(in directory: Directory, name: String, pinning: Bool) throws(SegmentError) {
        file = name
        let opened: (handle: File, map: MappedFile, status: File.Status)
        do throws(SystemError) {
            let handle = try directory.open(name)
            let status = try handle.status()
            guard status.isRegular else {
                throw SystemError(code: EINVALCode, operation: "use as a segment", path: handle.path)
            }
            if pinning {
                guard try handle.tryLock(exclusive: false) else {
                    throw SystemError(code: EAGAINCode, operation: "pin", path: handle.path)
                }
                // Pinned; but is it still the file that the directory names?
                // unreached: a writer would have to remove the file between two calls
                guard try directory.status(of: name)?.inode == status.inode else {
                    throw SystemError(code: EAGAINCode, operation: "pin", path: handle.path)
                }
            }
            opened = (handle, try MappedFile(handle, byteCount: status.byteCount), status)
        } catch {
            switch error.code {
            case EAGAINCode:
                throw SegmentError(
                    .beingRemoved, file: name,
                    "is held exclusively: by a writer that removes it, or by another program; try again")
            case EINVALCode: throw SegmentError(.notASegment, file: name, "is not a regular file")
            default: throw SegmentError(error)
            }
        }
        (handle, map, modified) = (opened.handle, opened.map, opened.status.modified)
        let mapped = opened.map
        let all = mapped.bytes
        guard opened.status.byteCount >= 2 * SegmentHeader.byteCount else {
            throw SegmentError(
                .notASegment, file: name,
                "has \(opened.status.byteCount) bytes; a segment file has at least 8,192. It was cut off, or is none")
        }
        header = try SegmentHeader(
            parsing: all.extracting(0..<4096), fileByteCount: opened.status.byteCount, file: name)
        entries = try SectionEntry.parse(table: all.extracting(4096..<8192), header: header, file: name)
        var places = [Int](repeating: -1, count: SectionKind.allCases.reduce(0) { max($0, Int($1.rawValue)) } + 1)
        for (index, entry) in entries.enumerated() {
            if let kind = entry.kind { places[Int(kind.rawValue)] = index }
        }
        self.places = places
        let checksums = entries[entries.count - 1]
        verified = GrowingBitmap(count: checksums.byteCount / 4)
        let whole = entries.filter { $0.checksumShift == 0 && $0.kind != nil }
        deferred = whole.filter { $0.byteCount > Self.believedByteCount }
        adviseUse()
        for entry in whole where entry.byteCount <= Self.believedByteCount {
            if let damage = map.damage(in: entry) { throw .damaged(name, entry.name, damage) }
        }
    }

    /// Verifies what opening left out. To be called when the sizes of sections have been found to be right, before any of
    /// them is used.
    ///
    /// - Complexity: O(bytes of the sections without a checksum shift).
    public func verifyDeferred() throws(SegmentError) {
        for entry in deferred {
            if let damage = map.damage(in: entry) { throw .damaged(file, entry.name, damage) }
        }
    }

    /// Searches touch large sections here and there, where a fault would otherwise read megabytes around it; the small ones
    /// are read whole.
    private func adviseUse() {
        map.advise(.random, 0..<map.byteCount)
        for entry in entries
        where entry.checksumShift == 0 && entry.kind != nil && entry.byteCount <= Self.believedByteCount {
            map.advise(.willNeed, entry.range)
        }
    }

    /// The entry of a kind, or `nil` when the file has no such section.
    public func entry(_ kind: SectionKind) -> SectionEntry? {
        let place = places[Int(kind.rawValue)]
        return place < 0 ? nil : entries[place]
    }

    /// The bytes of a section; empty when the file has none of the kind. O(1).
    @_lifetime(borrow self)
    public func bytes(of kind: SectionKind) -> RawSpan {
        let place = places[Int(kind.rawValue)]
        return allBytes.extracting(place < 0 ? 0..<0 : entries[place].range)
    }

    /// Proof of the longer lifetime: the mapping is a constant of this object and goes with it.
    private var allBytes: RawSpan {
        @_lifetime(borrow self) get {
            let map = map
            return unsafe _overrideLifetime(map.bytes, borrowing: self)
        }
    }

    /// Verifies the checksum blocks that cover `range` of a section, and that their floats are finite, unless that has been
    /// done.
    ///
    /// - Parameter range: inside the section.
    /// - Complexity: O(blocks) bit tests; O(bytes) at first touch.
    public func ensureIntact(_ kind: SectionKind, _ range: Range<Int>) throws(SegmentError) {
        let place = places[Int(kind.rawValue)]
        guard place >= 0, !range.isEmpty, entries[place].checksumShift != 0 else { return }
        let shift = Int(entries[place].checksumShift)
        let first = Int(entries[place].firstBlockChecksum)
        let blocks = (range.lowerBound >> shift)...((range.upperBound - 1) >> shift)
        guard blocks.contains(where: { !verified.contains(first + $0) }) else { return }
        fetch(place, blocks)
        for block in blocks where !verified.contains(first + block) { try verify(place, block: block) }
    }

    /// Has the disk begin to read, where a file is not in memory, what `ensureIntact(_:_:)` is about to be asked for.
    ///
    /// - Complexity: as that of blocks which have been verified.
    public func prefetch(_ kind: SectionKind, _ range: Range<Int>) {
        let place = places[Int(kind.rawValue)]
        guard place >= 0, !range.isEmpty, entries[place].checksumShift != 0 else { return }
        let shift = Int(entries[place].checksumShift)
        let first = Int(entries[place].firstBlockChecksum)
        let blocks = (range.lowerBound >> shift)...((range.upperBound - 1) >> shift)
        if blocks.contains(where: { !verified.contains(first + $0) }) { fetch(place, blocks) }
    }

    private func fetch(_ place: Int, _ blocks: ClosedRange<Int>) {
        let entry = entries[place]
        let start = entry.offset + entry.blockRange(blocks.lowerBound).lowerBound
        map.advise(.willNeed, start..<entry.offset + entry.blockRange(blocks.upperBound).upperBound)
    }

    /// As `ensureIntact(_:_:)` for the rows of `stride` bytes at `indices`.
    public func ensureIntact(_ kind: SectionKind, rows indices: Span<UInt32>, stride: Int) throws(SegmentError) {
        let place = places[Int(kind.rawValue)]
        guard place >= 0, entries[place].checksumShift != 0 else { return }
        let shift = Int(entries[place].checksumShift)
        let first = Int(entries[place].firstBlockChecksum)
        let isNew = { (index: UInt32) in
            let start = Int(index) * stride
            return !self.verified.contains(first + start >> shift)
                || !self.verified.contains(first + (start + stride - 1) >> shift)
        }
        // All of them are asked for before the first is waited for.
        var isAnyNew = false
        for index in indices.indices where isNew(indices[index]) {
            let start = Int(indices[index]) * stride
            fetch(place, (start >> shift)...((start + stride - 1) >> shift))
            isAnyNew = true
        }
        guard isAnyNew else { return }
        for index in indices.indices {
            let start = Int(indices[index]) * stride
            for block in (start >> shift)...((start + stride - 1) >> shift) where !verified.contains(first + block) {
                try verify(place, block: block)
            }
        }
    }

    private func verify(_ place: Int, block: Int) throws(SegmentError) {
        let entry = entries[place]
        if let damage = damage(in: entry, block: block) { throw .damaged(file, entry.name, damage) }
        verified.insert(Int(entry.firstBlockChecksum) + block)
    }

    /// What is wrong with a checksum block; `nil` when nothing is.
    private func damage(in entry: SectionEntry, block: Int) -> String? {
        precondition(block < entry.blockCount)
        return entry.damage(
            in: allBytes.extracting(entry.range), entry.blockRange(block), place: " at block \(block)",
            stored: bytes(of: .blockChecksums).uint32(4 * (Int(entry.firstBlockChecksum) + block)))
    }

    /// Verifies every checksum block, the floats in it, and all padding.
    ///
    /// - Parameter report: called with bytes done and to do; throws to stop.
    /// - Returns: what is damaged, in file order; no more blocks are read behind a hundred lines.
    public func verifyAll(report: (Int, Int) throws -> Void = { _, _ in }) rethrows -> [SegmentError] {
        var damages: [SegmentError] = []
        var end = 2 * SectionEntry.pageByteCount
        // What has been read is let go, so that a large file does not fill the memory.
        var dropped = 0
        for entry in entries {
            if !allBytes.isZero(end..<entry.offset) {
                damages.append(.damaged(file, entry.name, "is preceded by padding that is not zero"))
            }
            // Opening has looked at those of known kinds.
            if entry.checksumShift == 0, entry.kind == nil, let damage = map.damage(in: entry) {
                damages.append(.damaged(file, entry.name, damage))
            }
            for block in 0..<entry.blockCount where damages.count < 100 {
                if let damage = damage(in: entry, block: block) { damages.append(.damaged(file, entry.name, damage)) }
                if block % 1024 == 0 {
                    try report(entry.offset + entry.blockRange(block).lowerBound, header.fileByteCount)
                }
                let done = entry.offset + entry.blockRange(block).upperBound
                if done - dropped >= MappedFile.stepByteCount {
                    map.dropPages(in: dropped..<done)
                    dropped = done
                }
            }
            end = entry.offset + entry.byteCount
        }
        if !allBytes.isZero(end..<header.fileByteCount) {
            damages.append(.damaged(file, nil, "ends in padding that is not zero"))
        }
        try report(header.fileByteCount, header.fileByteCount)
        return damages
    }

    /// Drops the file's pages from this mapping and, where nobody else maps them, from the page cache: for measuring
    /// what a search costs that finds nothing in memory.
    public func dropPages() {
        map.dropPages()
        handle.dropCache()
        verified.forget()
        adviseUse()
    }

    /// To be called before bytes are used: without a `TruncationGuard`, asks whether the file is what it was, because a
    /// mapping of a file that was cut off must not be touched.
    public func willRead() throws(SegmentError) {
        if !map.isGuarded { try checkUnchanged() }
    }

    /// To be called after bytes were used and before what came of them is believed: with a `TruncationGuard`, asks
    /// whether the file has been what it was all the time.
    public func didRead() throws(SegmentError) {
        if map.isGuarded { try checkUnchanged() }
    }

    private func checkUnchanged() throws(SegmentError) {
        let status: File.Status
        // unreached: an open file can be examined
        do throws(SystemError) { status = try handle.status() } catch { throw SegmentError(error) }
        guard status.byteCount == header.fileByteCount else {
            throw changed("had \(header.fileByteCount) bytes when it was opened and has \(status.byteCount) now")
        }
        guard status.modified == modified else { throw changed("was written to after it had been opened") }
        guard !map.hasFaulted else { throw changed("could not be read to its end") }
    }

    private func changed(_ how: String) -> SegmentError {
        SegmentError(
            .changedUnderneath, file: file, isMendedByBuild: true,
            "\(how): somebody changed a file that must never change")
    }
}
