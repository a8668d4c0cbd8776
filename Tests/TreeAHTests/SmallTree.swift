import VectorKernels

@testable import TreeAH

/// A tree of a few leaves made by hand, and the rows it was made of.
struct SmallTree: Sendable {
    var form: ScoreForm
    let dimensions: Int
    var hasBiases: Bool
    var ranksByProjection = false
    /// d floats.
    let origin: [Float]
    var leaves: [Leaf] = []
    /// What residuals refer to, `[leaf][d]`, and their `int8` rows as segments store them, less the origin.
    var centroids: [Float] = []
    var storedCentroids: [UInt8] = []
    var routing: ByteMatrix
    let projection: Projection
    var codebooks: Codebooks
    var codingLength: Float = 1
    /// All rows, leaf after leaf.
    var rows: [Float] = []
    var codes: [UInt8] = []
    var slotRows: [UInt32] = []
    var radii: [Float] = []

    var shape: Codebooks.Shape { codebooks.shape }
    var rowCount: Int { rows.count / dimensions }

    /// Rows of very different lengths around random centroids, encoded as a builder does.
    ///
    /// - Parameter sizes: the rows of each leaf.
    init(
        _ form: ScoreForm, sizes: [Int], projection: Projection, dimensionsPerBlock: Int, hasBiases: Bool, seed: UInt64
    ) {
        var generator = SeededGenerator(seed: seed)
        let dimensions = projection.inputDimensions
        (self.form, self.dimensions, self.hasBiases, self.projection) = (form, dimensions, hasBiases, projection)
        origin = generator.floats(dimensions)
        let shape = Codebooks.Shape(
            projectedDimensions: projection.outputDimensions, dimensionsPerBlock: dimensionsPerBlock)
        var relative: [Float] = []
        var assigned: [UInt32] = []
        for (leaf, size) in sizes.enumerated() {
            let (bytes, meant) = Plain.int8Row(generator.floats(dimensions, scale: 2))
            storedCentroids += bytes
            relative += meant
            let centroid = zip(origin, meant).map { $0 + $1 }
            centroids += centroid
            var residuals = (0..<size).map { _ in generator.floats(dimensions, scale: 0.1 + generator.uniformFloat()) }
            // Where radii bound estimates, the longest residual comes first.
            residuals.sort { Plain.length($0.doubles) > Plain.length($1.doubles) }
            for residual in residuals { rows += zip(centroid, residual).map { $0 + $1 } }
            assigned += [UInt32](repeating: UInt32(leaf), count: size)
        }
        routing = ByteMatrix(
            rows: relative, columnCount: dimensions, hasBiases: form != .dot, kernels: .best)
        var sample = Encoder.projectedResiduals(
            rows: rows, assigned: assigned, centroids: centroids, projection: projection, shape: shape, threads: 1,
            kernels: .best)
        codingLength = CodingLength.typical(of: sample, width: shape.paddedDimensions)
        CodingLength.apply(codingLength, to: &sample, width: shape.paddedDimensions)
        codebooks = Codebooks.train(sample: sample, shape: shape, iterations: 4, seed: seed, threads: 1, kernels: .best)
        encode(sizes)
    }

    var encoder: Encoder {
        Encoder(
            form: form, hasBiases: hasBiases, origin: form == .dot ? [] : origin, projection: projection,
            codebooks: codebooks, codingLength: codingLength, kernels: .best)
    }

    mutating func encode(_ sizes: [Int]) {
        (leaves, codes, radii) = ([], [], [])
        var (firstBlock, firstRow) = (0, 0)
        for (leaf, size) in sizes.enumerated() {
            let own = Array(rows[firstRow * dimensions..<(firstRow + size) * dimensions])
            let encoded = encoder.encode(rows: own.span, centroid: centroids.part(leaf, of: dimensions).span)
            leaves.append(
                Leaf(
                    firstBlock: UInt32(firstBlock), slotCount: UInt32(size), firstRow: UInt32(firstRow),
                    rowCount: UInt32(size)))
            codes += encoded.blocks
            if form == .dot { radii += encoded.radii }
            firstBlock += (size + 31) / 32
            firstRow += size
        }
    }

    /// Ranks leaves by the projected query from now on.
    mutating func rankByProjection() {
        let meant = routing.meantRows
        let width = projection.outputDimensions
        routing = ByteMatrix(
            rows: projection.applied(to: meant.span, paddedTo: width, kernels: .best), columnCount: width,
            hasBiases: form != .dot, kernels: .best)
        ranksByProjection = true
    }

    /// Lends the tree as searches see it.
    func withView<Result>(_ body: (borrowing TreeView) -> Result) -> Result {
        let values = projection.bytes
        // Proof: bytes have no padding to expose.
        let projectionView = unsafe ProjectionView(
            kind: projection.kind, inputDimensions: dimensions, outputDimensions: projection.outputDimensions,
            values: values.span.bytes)
        return body(
            unsafe TreeView(
                form: form, dimensions: dimensions, shape: shape, leaves: leaves.span,
                routingCentroids: routing.bytes.span.bytes, ranksByProjection: ranksByProjection, origin: origin.span,
                centroids: storedCentroids.span.bytes, projection: projectionView, codewords: codebooks.codewords.span,
                codes: codes.span.bytes, slotRows: slotRows.span, radii: radii.span, hasBiases: hasBiases))
    }
}

// MARK: What numerics, section 4, says of such a tree

extension SmallTree {
    /// q′.
    func counted(_ query: [Float]) -> [Float] { form == .dot ? query : zip(query, origin).map { $0 - $1 } }

    /// The routing score of every leaf.
    func routingScores(_ query: [Float]) -> [Double] {
        let stored = Plain.byteRows(routing.bytes, columns: routing.columnCount)
        let vector = ranksByProjection ? projected(query).map { Float($0) } : counted(query)
        return Array(Plain.byteProducts(vector, stored)[..<leaves.count])
    }

    /// z.
    func projected(_ query: [Float]) -> [Double] {
        let relative = counted(query)
        switch projection {
        case .none: return relative.doubles
        case .structured(let signs): return Plain.structured(relative.doubles, signs: signs)
        case .dense(let matrix, _):
            return Array(
                Plain.byteProducts(relative, Plain.byteRows(matrix.bytes, columns: dimensions))[..<matrix.rowCount])
        }
    }

    /// The constant of a leaf.
    func constant(_ query: [Float], leaf: Int) -> Double {
        let stride = storedCentroids.count / leaves.count
        let bytes = storedCentroids.part(leaf, of: stride)
        let scale = Double(Plain.float(bytes, at: 0))
        let centroid = bytes[4..<4 + dimensions].map { scale * Double(Int8(bitPattern: $0)) }
        let relative = counted(query).doubles
        return form == .dot ? Plain.dot(relative, centroid) : -0.5 * Plain.squaredDistance(relative, centroid)
    }

    /// The estimate of every slot of a leaf.
    ///
    /// - Parameter z: the projected query in f32, whose rounding decides levels, completed with zeros.
    func estimates(_ query: [Float], z: [Float], leaf: Int) -> [Double] {
        let table = Plain.lookup(
            z, codewords: codebooks.codewords, subspaces: shape.evenSubspaces,
            dimensionsPerBlock: shape.dimensionsPerBlock)
        let constant = constant(query, leaf: leaf)
        let factor = form == .dot ? Plain.dot(query.doubles, origin.doubles) + constant : 1
        let first = 32 * Int(leaves[leaf].firstBlock)
        return (0..<Int(leaves[leaf].slotCount)).map { index in
            let slot = Plain.slot(first + index, in: codes, subspaces: shape.subspaces, hasBiases: hasBiases)
            let sum = slot.codes.enumerated().reduce(0.0) { $0 + table[$1.offset][$1.element] }
            return slot.scale * sum + constant - factor * slot.bias
        }
    }
}
