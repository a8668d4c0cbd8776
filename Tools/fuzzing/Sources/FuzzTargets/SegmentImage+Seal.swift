import SegmentFile
import TreeAH
import VectorKernels

@testable import VecDB

// Putting right what would only be refused: lengths, places, checksums.

extension SegmentImage {
    mutating func seal() {
        if seals.contains(.lengths) { sealLengths() }
        if seals.contains(.geometry) { sealGeometry() }
        if seals.contains(.blockChecksums) { sealBlockChecksums() }
        if seals.contains(.sectionChecksums) {
            for index in sections.indices where sections[index].shift == 0 {
                sections[index].entry.put(UInt64(checksum(sections[index].content)), at: 40, byteCount: 4)
            }
        }
        if seals.contains(.tableChecksum) {
            let used = Int(clamping: header.number(at: 112, byteCount: 4))
            if used <= 64 {
                var table = sections.flatMap(\.entry)
                table.resize(to: 64 * used)
                header.put(UInt64(checksum(table)), at: 116, byteCount: 4)
            }
        }
        if seals.contains(.headerChecksum) {
            var page = Array(header[0..<120])
            page.resize(to: 4092)
            header.put(UInt64(checksum(page)), at: 120, byteCount: 4)
        }
    }

    /// Makes contents as long as header and parameters want them, where that is within reason.
    private mutating func sealLengths() {
        let rows = Int(clamping: header.number(at: 80, byteCount: 8))
        let span = Int(clamping: header.number(at: 96, byteCount: 8))
        let dimensions = Int(header.number(at: 104, byteCount: 4))
        guard rows <= Self.rowLimit, span <= 4 * Self.rowLimit, 1...65_535 ~= dimensions,
            let metric = Metric(code: header[108]), let vectors = index(of: SectionKind.reorderVectors.rawValue),
            let type = ElementType(rawValue: sections[vectors].entry[3]), let element = RowElement(type),
            let parameters = index(of: SectionKind.parameters.rawValue)
        else { return }
        sections[parameters].content.resize(to: IndexParameters.byteCount)
        let tree = sealedTree(at: parameters, rows: rows, dimensions: dimensions)
        let hasIDs = header.number(at: 32, byteCount: 8) & SegmentHeader.Features.mappedIDs != 0
        let plans = SegmentGeometry(
            metric: metric, dimensions: dimensions, rowCount: rows, ordinalSpan: span, element: element, tree: tree,
            storesOrdinals: index(of: SectionKind.ordinals.rawValue) != nil,
            idByteCount: hasIDs ? index(of: SectionKind.ids.rawValue).map { sections[$0].content.count } ?? 0 : nil
        ).plans
        guard plans.reduce(0, { $0 + $1.byteCount }) <= Self.contentByteLimit else { return }
        for plan in plans {
            let place = index(of: plan.kind.rawValue) ?? sections.count
            if place == sections.count {
                sections.append(Section(entry: [UInt8](repeating: 0, count: 64), content: []))
            }
            sections[place].kind = plan.kind.rawValue
            sections[place].entry[3] = plan.elementType.rawValue
            sections[place].entry[4] = plan.checksumShift
            sections[place].entry.put(UInt64(plan.stride), at: 32, byteCount: 8)
            sections[place].content.resize(to: plan.byteCount)
        }
        let checksums = sections.firstIndex { $0.kind == SectionKind.blockChecksums.rawValue }
        if let checksums { sections.append(sections.remove(at: checksums)) }
    }

    private static let rowLimit = 4096
    private static let contentByteLimit = 1 << 20

    /// The tree of the parameters, with what follows from other numbers put right in them and in the leaves; `nil` for an
    /// exact index, and where there is nothing to be put right.
    private mutating func sealedTree(at place: Int, rows: Int, dimensions: Int) -> IndexParameters.Tree? {
        func word(_ offset: Int) -> Int { Int(sections[place].content.number(at: offset, byteCount: 4)) }
        let (leafCount, projected, perBlock) = (word(4), word(8), word(12))
        guard word(0) == 2, leafCount <= Self.rowLimit, 1...dimensions ~= projected, 1...projected ~= perBlock,
            let projection = ProjectionView.Kind(rawValue: UInt32(word(20)))
        else { return nil }
        let shape = Codebooks.Shape(projectedDimensions: projected, dimensionsPerBlock: perBlock)
        let isTwice = header.number(at: 16, byteCount: 8) & SegmentHeader.Features.secondAssignments != 0
        let isAnisotropic = header.number(at: 24, byteCount: 8) & SegmentHeader.Features.anisotropicCodes != 0
        let held = sealedLeaves(leafCount, rows: rows, isTwice: isTwice)
        let tree = IndexParameters.Tree(
            leafCount: leafCount, shape: shape, projection: projection, projectionOrigin: .none,
            hasBiases: word(32) == 1, ranksByProjection: word(36) == 1, codingLength: 1, slotCount: held.slots,
            blockCount: held.blocks, hasSecondAssignments: isTwice, anisotropy: isAnisotropic ? 1 : 0,
            trainingIterations: 0)
        sections[place].content.put(UInt64(shape.subspaces), at: 16, byteCount: 4)
        sections[place].content.put(UInt64(tree.bytesOfBlock), at: 28, byteCount: 4)
        sections[place].content.put(UInt64(tree.slotCount), at: 40, byteCount: 8)
        sections[place].content.put(UInt64(tree.blockCount), at: 48, byteCount: 8)
        return tree
    }

    /// Makes leaves follow each other and hold all rows; where these may have two slots, at most as many slots again.
    ///
    /// - Returns: the blocks and the slots of all of them.
    private mutating func sealedLeaves(_ count: Int, rows: Int, isTwice: Bool) -> (blocks: Int, slots: Int) {
        guard let place = index(of: SectionKind.leaves.rawValue) else { return (0, 0) }
        sections[place].content.resize(to: 16 * count)
        var (block, row, more) = (0, 0, 0)
        for leaf in 0..<count {
            let wanted = Int(sections[place].content.number(at: 16 * leaf + 12, byteCount: 4))
            let held = leaf == count - 1 ? rows - row : min(wanted, rows - row)
            let wantedSlots = Int(sections[place].content.number(at: 16 * leaf + 4, byteCount: 4))
            let second = isTwice ? max(0, min(wantedSlots - held, rows - more)) : 0
            for (field, value) in [block, held + second, row, held].enumerated() {
                sections[place].content.put(UInt64(value), at: 16 * leaf + 4 * field, byteCount: 4)
            }
            block += (held + second + 31) / 32
            row += held
            more += second
        }
        return (block, row + more)
    }

    /// Lays the sections out as the format wants them.
    private mutating func sealGeometry() {
        var (end, blocks) = (8192, 0)
        for index in sections.indices {
            let shift = Int(sections[index].shift)
            let alignment = shift == 0 ? 4096 : 65_536
            let offset = (end + alignment - 1) / alignment * alignment
            if sections[index].kind == SectionKind.blockChecksums.rawValue {
                sections[index].content.resize(to: min(4 * blocks, Self.contentByteLimit))
            }
            let count = sections[index].content.count
            sections[index].entry.put(UInt64(offset), at: 8, byteCount: 8)
            sections[index].entry.put(UInt64(count), at: 16, byteCount: 8)
            sections[index].entry.put(UInt64(count), at: 24, byteCount: 8)
            sections[index].entry.put(0, at: 40, byteCount: 4)
            sections[index].entry.put(shift == 0 ? 0 : UInt64(blocks), at: 44, byteCount: 4)
            if 1...24 ~= shift { blocks += (count + (1 << shift) - 1) >> shift }
            end = offset + count
        }
        header.put(UInt64((end + 4095) / 4096 * 4096), at: 72, byteCount: 8)
        header.put(UInt64(sections.count), at: 112, byteCount: 4)
    }

    private mutating func sealBlockChecksums() {
        guard let place = index(of: SectionKind.blockChecksums.rawValue) else { return }
        for index in sections.indices where 1...24 ~= sections[index].shift {
            let first = Int(sections[index].entry.number(at: 44, byteCount: 4))
            let (size, byteCount) = (1 << Int(sections[index].shift), sections[index].content.count)
            for (block, start) in stride(from: 0, to: byteCount, by: size).enumerated() {
                guard 4 * (first + block + 1) <= sections[place].content.count else { break }
                let content = sections[index].content
                let checksum = crc32c(content.span.extracting(start..<min(byteCount, start + size)))
                sections[place].content.put(UInt64(checksum), at: 4 * (first + block), byteCount: 4)
            }
        }
    }

    private func checksum(_ bytes: [UInt8]) -> UInt32 { crc32c(bytes.span) }
}
