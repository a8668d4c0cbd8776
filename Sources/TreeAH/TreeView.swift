import VectorKernels

/// One partition of the tree, as `Formats/segment.md` section 5 stores it.
@frozen public struct Leaf: BitwiseCopyable, Sendable, Equatable {
    public let firstBlock: UInt32
    public let slotCount: UInt32
    public let firstRow: UInt32
    public let rowCount: UInt32

    public init(firstBlock: UInt32, slotCount: UInt32, firstRow: UInt32, rowCount: UInt32) {
        self.firstBlock = firstBlock
        self.slotCount = slotCount
        self.firstRow = firstRow
        self.rowCount = rowCount
    }

    public var rows: Range<Int> { Int(firstRow)..<Int(firstRow) + Int(rowCount) }
    public var blockCount: Int { CodeBlockLayout.blockCount(slotCount: Int(slotCount)) }
}

/// A trained and encoded tree whose numbers lie somewhere else, usually in a mapped file.
///
/// Whoever makes one has checked that leaves follow each other without gaps and that `codes` holds all their blocks.
public struct TreeView: ~Escapable {
    /// How the centroids are stored that residuals refer to: which point that is matters little, and bytes are soon read.
    public static var centroidElement: RowElement { .scaledInt8 }

    public let form: ScoreForm
    public let dimensions: Int
    public let shape: Codebooks.Shape
    public let layout: CodeBlockLayout
    public let leaves: Span<Leaf>
    /// A byte matrix of L × d, or L × K when leaves are ranked by the projected query.
    let routingCentroids: RawSpan
    let ranksByProjection: Bool
    /// What centroids are counted from, and queries as well for squared distances.
    let origin: Span<Float>
    /// L rows as `centroidElement`, less the origin.
    let centroids: RawSpan
    let projection: ProjectionView
    let codewords: Span<Float>
    let codes: RawSpan
    /// The row of each slot, 32 for each code block; empty where the slots of a leaf are its rows in order.
    let slotRows: Span<UInt32>
    /// For each code block the largest |r| in it and behind it in its leaf; empty where estimates have no bound.
    public let radii: Span<Float>

    @_lifetime(
        copy leaves, copy routingCentroids, copy origin, copy centroids, copy projection, copy codewords,
        copy codes, copy slotRows, copy radii)
    public init(
        form: ScoreForm, dimensions: Int, shape: Codebooks.Shape, leaves: Span<Leaf>,
        routingCentroids: RawSpan, ranksByProjection: Bool, origin: Span<Float>, centroids: RawSpan,
        projection: ProjectionView, codewords: Span<Float>, codes: RawSpan, slotRows: Span<UInt32>, radii: Span<Float>,
        hasBiases: Bool
    ) {
        precondition(
            routingCentroids.byteCount
                == ByteMatrix.byteCount(
                    rows: leaves.count, columns: ranksByProjection ? shape.projectedDimensions : dimensions))
        precondition(centroids.byteCount == leaves.count * Self.centroidElement.stride(dimensions: dimensions))
        precondition(origin.count == dimensions)
        precondition(projection.inputDimensions == dimensions)
        precondition(projection.outputDimensions == shape.projectedDimensions)
        precondition(form == .dot || hasBiases)
        precondition(codewords.count == shape.codewordFloatCount)
        self.form = form
        self.dimensions = dimensions
        self.shape = shape
        layout = CodeBlockLayout(pairs: shape.pairs, hasBiases: hasBiases)
        self.leaves = leaves
        self.routingCentroids = routingCentroids
        self.ranksByProjection = ranksByProjection
        self.origin = origin
        self.centroids = centroids
        self.projection = projection
        self.codewords = codewords
        self.codes = codes
        self.slotRows = slotRows
        self.radii = radii
    }

    /// Where a leaf's code blocks lie in the section `codes`.
    public func codeBytes(of leaf: Int) -> Range<Int> {
        let start = Int(leaves[leaf].firstBlock) * layout.byteCount
        return start..<start + leaves[leaf].blockCount * layout.byteCount
    }

    /// Where the rows of its slots lie in the section `slot-rows`.
    public func slotRowBytes(of leaf: Int) -> Range<Int> {
        let start = 128 * Int(leaves[leaf].firstBlock)
        return start..<start + 4 * Int(leaves[leaf].slotCount)
    }

    /// Whether candidates are numbered by slots, which ``slotRows`` turns into rows, and not by rows.
    public var numbersSlots: Bool { !slotRows.isEmpty }

    /// The rows of a leaf's slots, where they are stored.
    @_lifetime(copy self)
    func rows(ofSlotsIn leaf: Leaf) -> Span<UInt32> {
        slotRows.extracting(32 * Int(leaf.firstBlock)..<32 * Int(leaf.firstBlock) + Int(leaf.slotCount))
    }

    /// Where its blocks' radii lie in the section `block-radii`.
    public func radiusBytes(of leaf: Int) -> Range<Int> {
        let start = 4 * Int(leaves[leaf].firstBlock)
        return start..<start + 4 * leaves[leaf].blockCount
    }
}
