import SegmentFile
import TreeAH

/// The section `parameters`: `Formats/segment.md`, section 4.
struct IndexParameters: Equatable {
    static let byteCount = 128

    /// `nil` for an exact index.
    struct Tree: Equatable {
        var leafCount: Int
        var shape: Codebooks.Shape
        var projection: ProjectionView.Kind
        /// `nil` for one that this vecdb does not know.
        var projectionOrigin: TreeModel.ProjectionOrigin?
        var hasBiases: Bool
        /// Whether leaves are ranked by the projected query.
        var ranksByProjection: Bool
        /// The length to which residuals were brought before they were coded. A record.
        var codingLength: Float
        /// Columns of the routing centroids.
        func routingDimensions(_ dimensions: Int) -> Int { ranksByProjection ? shape.projectedDimensions : dimensions }
        var slotCount: Int
        var blockCount: Int
        /// Whether rows may have two slots: a feature bit of the header, not a field of this section.
        var hasSecondAssignments: Bool
        /// What the error along a row counts more than others (numerics, section 5): a section of its own, 0 without one.
        var anisotropy: Float
        var trainingIterations: Int

        var bytesOfBlock: Int { CodeBlockLayout(pairs: shape.pairs, hasBiases: hasBiases).byteCount }

        /// The projection as people name it.
        var projectionName: String {
            switch projectionOrigin {
            case .some(.none): "none"
            case .random?: "random"
            case .principalAxes?: "pca:\(shape.projectedDimensions)"
            case nil: "unknown"
            }
        }
    }

    var tree: Tree?
    var seed: UInt64

    var encoded: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        func put<Number: FixedWidthInteger>(_ value: Int, _ offset: Int, as type: Number.Type) {
            let number = Number(truncatingIfNeeded: value)
            for index in 0..<MemoryLayout<Number>.size {
                bytes[offset + index] = UInt8(truncatingIfNeeded: number >> Number(8 * index))
            }
        }
        put(tree == nil ? 1 : 2, 0, as: UInt32.self)
        put(Int(bitPattern: UInt(seed)), 56, as: UInt64.self)
        guard let tree else { return bytes }
        let layout = CodeBlockLayout(pairs: tree.shape.pairs, hasBiases: tree.hasBiases)
        put(tree.leafCount, 4, as: UInt32.self)
        put(tree.shape.projectedDimensions, 8, as: UInt32.self)
        put(tree.shape.dimensionsPerBlock, 12, as: UInt32.self)
        put(tree.shape.subspaces, 16, as: UInt32.self)
        put(Int(tree.projection.rawValue), 20, as: UInt32.self)
        put(Int(tree.projectionOrigin?.rawValue ?? 0), 24, as: UInt32.self)
        put(layout.byteCount, 28, as: UInt32.self)
        put(tree.hasBiases ? 1 : 0, 32, as: UInt32.self)
        put(tree.ranksByProjection ? 1 : 0, 36, as: UInt32.self)
        put(tree.slotCount, 40, as: UInt64.self)
        put(tree.blockCount, 48, as: UInt64.self)
        put(tree.trainingIterations, 64, as: UInt32.self)
        put(Int(tree.codingLength.bitPattern), 68, as: UInt32.self)
        return bytes
    }

    /// Decodes and checks the section against the header.
    init(parsing reader: SegmentReader) throws(SegmentError) {
        let damaged = { (message: String) in
            SegmentError(.damaged, file: reader.file, section: SectionKind.parameters.name, message)
        }
        let section = reader.bytes(of: .parameters)
        guard section.byteCount == Self.byteCount else {
            throw damaged("has \(section.byteCount) bytes instead of \(Self.byteCount)")
        }
        let bytes = section.array
        func number(_ offset: Int, _ size: Int) -> UInt64 {
            (0..<size).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
        }
        func word(_ offset: Int) -> Int { Int(number(offset, 4)) }
        guard bytes[72...].allSatisfy({ $0 == 0 }) else {
            throw damaged("has reserved bytes that are not zero")
        }
        seed = number(56, 8)
        let header = reader.header
        let isTwice = header.features.incompatible & SegmentHeader.Features.secondAssignments != 0
        let isAnisotropic = header.features.readOnlyCompatible & SegmentHeader.Features.anisotropicCodes != 0
        switch word(0) {
        case 1:
            guard bytes[4..<56].allSatisfy({ $0 == 0 }), word(68) == 0 else {
                throw damaged("has tree parameters in an exact index")
            }
            guard !isTwice, !isAnisotropic else {
                throw damaged("says that the index is exact, but the header announces features that only trees have")
            }
            tree = nil
        case 2:
            let (leaves, projected, perBlock) = (word(4), word(8), word(12))
            guard leaves <= header.rowCount, (leaves == 0) == (header.rowCount == 0),
                1...header.dimensions ~= projected,
                1...projected ~= perBlock
            else {
                throw damaged("claims \(leaves) leaves, \(projected) projected dimensions and \(perBlock) per block")
            }
            let shape = Codebooks.Shape(projectedDimensions: projected, dimensionsPerBlock: perBlock)
            guard let projection = ProjectionView.Kind(rawValue: UInt32(word(20))) else {
                throw .unsupported(reader.file, SectionKind.parameters.name, "has the projection \(word(20))")
            }
            let hasBiases = word(32) == 1
            let layout = CodeBlockLayout(pairs: shape.pairs, hasBiases: hasBiases)
            guard projection == .dense || projected == header.dimensions, word(16) == shape.subspaces,
                word(28) == layout.byteCount, word(32) <= 1,
                word(36) == 0 || (word(36) == 1 && projection == .dense),
                hasBiases || header.metricCode != Metric.l2.code
            else { throw damaged("contradicts itself about subspaces, projection or code blocks") }
            let codingLength = Float(bitPattern: UInt32(word(68)))
            guard codingLength.isFinite else { throw damaged("has the coding length \(codingLength)") }
            let (rows, mostSlots) = (header.rowCount, isTwice ? 2 * header.rowCount : header.rowCount)
            guard let slots = Int(exactly: number(40, 8)), rows...mostSlots ~= slots,
                let blocks = Int(exactly: number(48, 8)), blocks <= slots, !isTwice || blocks <= 1 << 27
            else {
                throw damaged("claims \(number(40, 8)) slots in \(number(48, 8)) blocks for \(header.rowCount) rows")
            }
            tree = Tree(
                leafCount: leaves, shape: shape, projection: projection,
                projectionOrigin: TreeModel.ProjectionOrigin(rawValue: UInt32(word(24))),
                hasBiases: hasBiases,
                ranksByProjection: word(36) == 1, codingLength: codingLength,
                slotCount: slots, blockCount: blocks, hasSecondAssignments: isTwice,
                anisotropy: try Self.anisotropy(reader, isAnnounced: isAnisotropic), trainingIterations: word(64))
        default:
            throw .unsupported(reader.file, SectionKind.parameters.name, "has the index kind \(word(0))")
        }
    }

    private static func anisotropy(_ reader: SegmentReader, isAnnounced: Bool) throws(SegmentError) -> Float {
        let section = reader.bytes(of: .anisotropy)
        guard section.byteCount == (isAnnounced ? 4 : 0) else {
            throw SegmentError(
                .damaged, file: reader.file, section: SectionKind.anisotropy.name,
                "has \(section.byteCount) bytes, expected \(isAnnounced ? 4 : 0)")
        }
        guard isAnnounced else { return 0 }
        let value = unsafe section.unsafeLoadUnaligned(fromByteOffset: 0, as: Float.self)  // any bits are a float
        guard value > 0, value.isFinite else {
            throw SegmentError(
                .damaged, file: reader.file, section: SectionKind.anisotropy.name, "is \(value), expected more than 0")
        }
        return value
    }

    init(tree: Tree?, seed: UInt64) {
        self.tree = tree
        self.seed = seed
    }
}

extension IndexParameters.Tree {
    /// The parameters of a segment that is encoded with a model.
    init(_ model: TreeModel, slotCount: Int, blockCount: Int) {
        self.init(
            leafCount: model.leafCount, shape: model.codebooks.shape, projection: model.projection.kind,
            projectionOrigin: model.projectionOrigin, hasBiases: model.hasBiases,
            ranksByProjection: model.ranksByProjection, codingLength: model.codingLength, slotCount: slotCount,
            blockCount: blockCount, hasSecondAssignments: model.hasSecondAssignments,
            anisotropy: model.anisotropy, trainingIterations: model.iterations)
    }
}

extension RawSpan {
    /// A copy of the bytes.
    var array: [UInt8] { (0..<byteCount).map { unsafe unsafeLoad(fromByteOffset: $0, as: UInt8.self) } }
}
