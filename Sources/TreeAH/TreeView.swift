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
    public let form: ScoreForm
    public let dimensions: Int
    public let shape: Codebooks.Shape
    public let layout: CodeBlockLayout
    public let leaves: Span<Leaf>
    /// L × d in blocks of 16 rows, or L × K when leaves are ranked by the projected query.
    let routingCentroids: Span<Float>
    let ranksByProjection: Bool
    /// −½|c|² for squared distance, else empty.
    let routingBiases: Span<Float>
    /// L rows of d floats, `centroidStride` bytes apart.
    let centroids: RawSpan
    let centroidStride: Int
    let projection: ProjectionView
    let codewords: Span<Float>
    let codes: RawSpan

    @_lifetime(
        copy leaves, copy routingCentroids, copy routingBiases, copy centroids, copy projection, copy codewords,
        copy codes)
    public init(
        form: ScoreForm, dimensions: Int, shape: Codebooks.Shape, leaves: Span<Leaf>,
        routingCentroids: Span<Float>, ranksByProjection: Bool, routingBiases: Span<Float>, centroids: RawSpan,
        centroidStride: Int,
        projection: ProjectionView, codewords: Span<Float>, codes: RawSpan, hasBiases: Bool
    ) {
        let paddedLeaves = (leaves.count + 15) / 16 * 16
        let routingDimensions = ranksByProjection ? shape.projectedDimensions : dimensions
        precondition(routingCentroids.count == paddedLeaves * routingDimensions)
        precondition(routingBiases.count == (form == .dot ? 0 : paddedLeaves))
        precondition(centroids.byteCount == leaves.count * centroidStride && centroidStride >= 4 * dimensions)
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
        self.routingBiases = routingBiases
        self.centroids = centroids
        self.centroidStride = centroidStride
        self.projection = projection
        self.codewords = codewords
        self.codes = codes
    }

    /// Where a leaf's code blocks lie in the section `codes`.
    public func codeBytes(of leaf: Int) -> Range<Int> {
        let start = Int(leaves[leaf].firstBlock) * layout.byteCount
        return start..<start + leaves[leaf].blockCount * layout.byteCount
    }
}
