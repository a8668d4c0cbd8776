import SegmentFile
import TreeAH
import VectorKernels

/// The sections of a segment and their sizes, as they follow from a few numbers (`Formats/segment.md`, section 3). The
/// writer plans with it and the reader checks with it, so that the two cannot disagree.
struct SegmentGeometry {
    var metric: Metric
    var dimensions: Int
    var rowCount: Int
    var ordinalSpan: Int
    var element: RowElement
    var tree: IndexParameters.Tree?
    /// Whether rows are in an order of their own, so that ordinals must be stored.
    var storesOrdinals: Bool
    /// Bytes of all ids when a copy of them is mapped.
    var idByteCount: Int?
    /// Whether there is a tier between the estimates and the exact scores: reserved, and not written so far.
    var hasInt8Tier = false

    /// Sections in file order.
    var plans: [SectionPlan] {
        var plans = [SectionPlan(.parameters, .structured, byteCount: IndexParameters.byteCount)]
        if let tree { plans += treePlans(tree) }
        let stride = element.stride(dimensions: dimensions)
        plans.append(
            SectionPlan(
                .reorderVectors, element.sectionType, stride: stride, checksumShift: 12, byteCount: rowCount * stride))
        if storesOrdinals {
            plans.append(SectionPlan(.ordinals, .uint32, stride: 4, checksumShift: 12, byteCount: 4 * rowCount))
            plans.append(SectionPlan(.rowsByOrdinal, .uint32, stride: 4, checksumShift: 12, byteCount: 4 * ordinalSpan))
        }
        if metric == .cosine {
            plans.append(SectionPlan(.norms, .float32, stride: 4, checksumShift: 12, byteCount: 4 * rowCount))
        }
        if let idByteCount {
            plans.append(
                SectionPlan(.idOffsets, .uint64, stride: 8, checksumShift: 12, byteCount: 8 * (ordinalSpan + 1)))
            plans.append(SectionPlan(.ids, .uint8, stride: 1, checksumShift: 12, byteCount: idByteCount))
        }
        if hasInt8Tier {
            let stride = RowElement.scaledInt8.stride(dimensions: dimensions)
            plans.append(
                SectionPlan(
                    .int8Vectors, .scaledInt8, stride: stride, checksumShift: 12, byteCount: rowCount * stride))
        }
        return plans
    }

    private func treePlans(_ tree: IndexParameters.Tree) -> [SectionPlan] {
        let leaves = tree.leafCount
        let layout = CodeBlockLayout(pairs: tree.shape.pairs, hasBiases: tree.hasBiases)
        var plans = [
            SectionPlan(.leaves, .structured, stride: 16, byteCount: 16 * leaves),
            byteMatrix(.routingCentroids, rows: leaves, columns: tree.routingDimensions(dimensions)),
        ]
        plans.append(SectionPlan(.origin, .float32, stride: 4, byteCount: 4 * dimensions))
        let centroidStride = TreeView.centroidElement.stride(dimensions: dimensions)
        plans.append(SectionPlan(.centroids, .scaledInt8, stride: centroidStride, byteCount: leaves * centroidStride))
        switch tree.projection {
        case .none: break
        case .dense:
            plans.append(byteMatrix(.projection, rows: tree.shape.projectedDimensions, columns: dimensions))
        case .structured:
            plans.append(SectionPlan(.projection, .float32, stride: 4, byteCount: 16 * dimensions))
        }
        plans.append(SectionPlan(.codebooks, .float32, stride: 4, byteCount: 4 * tree.shape.codewordFloatCount))
        if tree.anisotropy > 0 { plans.append(SectionPlan(.anisotropy, .float32, stride: 4, byteCount: 4)) }
        plans.append(
            SectionPlan(
                .codes, .structured, stride: layout.byteCount, checksumShift: 16,
                byteCount: tree.blockCount * layout.byteCount))
        if tree.hasSecondAssignments {
            plans.append(
                SectionPlan(.slotRows, .uint32, stride: 4, checksumShift: 12, byteCount: 128 * tree.blockCount))
        }
        if metric.boundsEstimates {
            plans.append(
                SectionPlan(.blockRadii, .float32, stride: 4, checksumShift: 12, byteCount: 4 * tree.blockCount))
        }
        return plans
    }

    private func byteMatrix(_ kind: SectionKind, rows: Int, columns: Int) -> SectionPlan {
        SectionPlan(
            kind, .structured, stride: ByteMatrix.blockByteCount(columns: columns),
            byteCount: ByteMatrix.byteCount(rows: rows, columns: columns))
    }

    /// Refuses a segment whose table is not the one that its numbers ask for.
    func check(_ reader: SegmentReader) throws(SegmentError) {
        let expected = plans
        for plan in expected {
            guard let entry = reader.entry(plan.kind) else {
                throw SegmentError(.damaged, file: reader.file, section: plan.kind.name, "is missing")
            }
            guard entry.byteCount == plan.byteCount, entry.stride == plan.stride, entry.elementType == plan.elementType,
                entry.checksumShift == plan.checksumShift
            else {
                throw SegmentError(
                    .damaged, file: reader.file, section: plan.kind.name,
                    "has \(entry.byteCount) bytes of stride \(entry.stride), element type "
                        + "\(entry.elementType?.label ?? "unknown") and checksum shift \(entry.checksumShift), expected "
                        + "\(plan.byteCount) of \(plan.stride), \(plan.elementType.label) and \(plan.checksumShift)")
            }
        }
        let known = Set(expected.map(\.kind) + [.blockChecksums])
        if let extra = reader.entries.first(where: { $0.kind.map { !known.contains($0) } ?? false }) {
            throw SegmentError(
                .damaged, file: reader.file, section: extra.name, "does not belong in a segment of this kind")
        }
    }
}

extension RowElement {
    var sectionType: ElementType {
        switch self {
        case .float32: .float32
        case .bfloat16: .bfloat16
        case .int8: .int8
        case .uint8: .uint8
        case .scaledInt8: .scaledInt8
        }
    }

    init?(_ type: ElementType) {
        guard let element = RowElement.allCases.first(where: { $0.sectionType == type }) else { return nil }
        self = element
    }

    var storage: ReorderStorage {
        switch self {
        case .float32: .f32
        case .bfloat16: .bf16
        case .int8: .i8
        case .uint8: .u8
        case .scaledInt8: .int8
        }
    }
}

extension Metric {
    /// The arithmetic form of inside scores.
    var form: ScoreForm { self == .l2 ? .negatedSquaredDistance : .dot }

    /// Whether rows of a leaf are ordered by their distance from its centroid, which bounds estimates: vectors of different
    /// lengths differ in it by much, unit vectors do not, and squared distances grow with it as well.
    var boundsEstimates: Bool { self == .dot }
}
