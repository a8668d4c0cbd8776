import VectorKernels

/// Turns the rows of a leaf into code blocks: `Formats/numerics.md`, section 5.
public struct Encoder: Sendable {
    public let form: ScoreForm
    public let dimensions: Int
    public let layout: CodeBlockLayout

    /// What queries are counted from; empty for inner products.
    private let origin: [Float]
    private let projection: Projection
    private let codebooks: Codebooks
    private let codingLength: Float
    private let anisotropy: Float
    private let halfNorms: [Float]
    private let kernels: Kernels

    /// - Parameter anisotropy: how many times the squared error along a row counts beyond once; 0: as any other.
    public init(
        form: ScoreForm, hasBiases: Bool, origin: [Float], projection: Projection, codebooks: Codebooks,
        codingLength: Float, anisotropy: Float = 0, kernels: Kernels
    ) {
        precondition(projection.outputDimensions == codebooks.shape.projectedDimensions)
        precondition(origin.count == (form == .dot ? 0 : projection.inputDimensions))
        self.form = form
        self.origin = origin
        self.projection = projection
        self.codebooks = codebooks
        self.codingLength = codingLength
        self.anisotropy = anisotropy
        self.kernels = kernels
        dimensions = projection.inputDimensions
        halfNorms = codebooks.halfNorms
        layout = CodeBlockLayout(
            pairs: codebooks.shape.pairs, hasBiases: hasBiases)
    }

    /// Code blocks of a leaf's rows, in their order, and how long the residuals in each are.
    ///
    /// - Parameters:
    ///   - rows: `count × dimensions` floats, as the reorder section gives them back.
    ///   - centroid: the leaf's, `dimensions` floats.
    /// - Complexity: O(count · (projection + 16 · K)); memory O(count · K).
    public func encode(rows: Span<Float>, centroid: Span<Float>) -> EncodedRows {
        let count = rows.count / dimensions
        var output = [UInt8](
            repeating: 0, count: CodeBlockLayout.blockCount(slotCount: count) * layout.byteCount)
        let residuals = residuals(of: rows, from: centroid)
        let projected = project(residuals.span)
        let estimates = Estimates(
            projected: projected, rows: anisotropy > 0 ? project(rows) : [], encoder: self)
        var bytes = output.mutableSpan
        for row in 0..<count {
            let block = row / 32 * layout.byteCount
            let slot = row % 32
            store(estimates, row: row, block: block, slot: slot, into: &bytes)
        }
        if layout.hasBiases {
            storeBiases(estimates, residuals: residuals.span, centroid: centroid, into: &bytes)
        }
        return EncodedRows(blocks: output, radii: radii(of: residuals.span))
    }

    /// The length of each block's longest residual.
    private func radii(of residuals: Span<Float>) -> [Float] {
        var radii = [Float](
            repeating: 0, count: CodeBlockLayout.blockCount(slotCount: residuals.count / dimensions))
        for row in 0..<residuals.count / dimensions {
            let residual = residuals.extracting(row * dimensions..<(row + 1) * dimensions)
            radii[row / 32] = max(radii[row / 32], kernels.dot(residual, residual).squareRoot().clampedToFinite)
        }
        return radii
    }

    /// Projected residuals of rows against the centroids they are assigned to: what codebooks are trained on.
    ///
    /// - Returns: rows of `paddedDimensions` floats.
    public static func projectedResiduals(
        rows: [Float], assigned: [UInt32], centroids: [Float], projection: Projection, shape: Codebooks.Shape,
        threads: Int, kernels: Kernels
    ) -> [Float] {
        let dimensions = projection.inputDimensions
        let chunk = 1024
        let parts = concurrentMap(count: (assigned.count + chunk - 1) / chunk, threads: threads) { part in
            var residuals = [Float]()
            let range = part * chunk..<min(assigned.count, (part + 1) * chunk)
            residuals.reserveCapacity(range.count * dimensions)
            for row in range {
                let centroid = Int(assigned[row]) * dimensions
                for column in 0..<dimensions {
                    residuals.append(rows[row * dimensions + column] - centroids[centroid + column])
                }
            }
            return projection.applied(to: residuals.span, paddedTo: shape.paddedDimensions, kernels: kernels)
        }
        return parts.flatMap { $0 }
    }

    private func residuals(of rows: Span<Float>, from centroid: Span<Float>) -> [Float] {
        var residuals = [Float](repeating: 0, count: rows.count)
        var output = residuals.mutableSpan
        var start = 0
        while start < rows.count {
            for column in 0..<dimensions { output[start + column] = rows[start + column] - centroid[column] }
            start += dimensions
        }
        return residuals
    }

    private func project(_ vectors: Span<Float>) -> [Float] {
        projection.applied(to: vectors, paddedTo: codebooks.shape.paddedDimensions, kernels: kernels)
    }

    private func store(
        _ estimates: Estimates, row: Int, block: Int, slot: Int, into bytes: inout MutableSpan<UInt8>
    ) {
        let codes = row * codebooks.shape.evenSubspaces
        for pair in 0..<layout.pairs {
            bytes[block + 32 * pair + slot] =
                estimates.codes[codes + 2 * pair] | estimates.codes[codes + 2 * pair + 1] << 4
        }
        let scale = estimates.scales[row]
        bytes[block + layout.scalesOffset + 2 * slot] = UInt8(truncatingIfNeeded: scale)
        bytes[block + layout.scalesOffset + 2 * slot + 1] = UInt8(truncatingIfNeeded: scale >> 8)
    }

    /// `bias = scale·⟨Pc, ŷ⟩ + ½|r|²` for squared distances: the reconstruction, not the residual, must stand in ⟨c, ·⟩,
    /// for then its error cancels against the same error in ⟨q, ·⟩. For inner products `(scale·⟨Pc, ŷ⟩ − ⟨c, r⟩) / ⟨c, c⟩`,
    /// the error along the centroid, of which a query takes off its own share.
    private func storeBiases(
        _ estimates: Estimates, residuals: Span<Float>, centroid: Span<Float>, into bytes: inout MutableSpan<UInt8>
    ) {
        var relative = [Float](repeating: 0, count: dimensions)
        for column in 0..<dimensions { relative[column] = centroid[column] - (origin.isEmpty ? 0 : origin[column]) }
        let projectedCentroid = project(relative.span)
        let square = kernels.dot(centroid, centroid)
        for row in 0..<estimates.scales.count {
            let residual = residuals.extracting(row * dimensions..<(row + 1) * dimensions)
            var bias = form == .dot ? -kernels.dot(centroid, residual) : 0.5 * kernels.dot(residual, residual)
            bias.addProduct(
                Float(f16Bits: estimates.scales[row]),
                estimates.productWithReconstruction(of: row, projectedCentroid.span, codebooks: codebooks))
            if form == .dot {
                bias /= square
                if !bias.isFinite { bias = 0 }
            }
            bias = bias.clampedToFinite
            let at = row / 32 * layout.byteCount + layout.biasesOffset + row % 32 * 4
            for byte in 0..<4 { bytes[at + byte] = UInt8(truncatingIfNeeded: bias.bitPattern >> (8 * byte)) }
        }
    }

    /// Codes and scales of some rows.
    fileprivate struct Estimates {
        /// `[row][evenSubspaces]`.
        let codes: [UInt8]
        /// f16 bits.
        let scales: [UInt16]

        /// - Parameter rows: projected, where errors along them count more; else empty.
        init(projected: [Float], rows: [Float], encoder: Encoder) {
            var coded = projected
            let factors = CodingLength.apply(
                encoder.codingLength, to: &coded, width: encoder.codebooks.shape.paddedDimensions)
            let encoded = encoder.kernels.encode(
                coded.span, shape: encoder.codebooks.shape, codewords: encoder.codebooks.codewords,
                halfNorms: encoder.halfNorms)
            var (codes, products) = (encoded.codes, encoded.products)
            if !rows.isEmpty {
                let refinement = AnisotropicCodes(codebooks: encoder.codebooks, weight: encoder.anisotropy)
                refinement.refine(&codes, products: &products, of: coded, rows: rows)
            }
            self.codes = codes
            scales = factors.indices.map {
                estimateScale(product: products[$0], norm: encoded.norms[$0], factor: factors[$0]).f16Bits
            }
        }

        func productWithReconstruction(of row: Int, _ vector: Span<Float>, codebooks: Codebooks) -> Float {
            let shape = codebooks.shape
            var sum: Float = 0
            for subspace in 0..<shape.subspaces {
                let word = Int(codes[row * shape.evenSubspaces + subspace])
                for offset in 0..<shape.dimensionsPerBlock {
                    let dimension = subspace * shape.dimensionsPerBlock + offset
                    sum.addProduct(vector[dimension], codebooks.codewords[dimension * 16 + word])
                }
            }
            return sum
        }
    }
}

extension Float {
    /// The largest finite value of its sign for an infinity, 0 for NaN: what is stored is finite. Rows nearly as long as floats
    /// allow have residuals whose squares overflow.
    var clampedToFinite: Float {
        isNaN ? 0 : Swift.min(Swift.max(self, -.greatestFiniteMagnitude), .greatestFiniteMagnitude)
    }
}

/// What an ``Encoder`` makes of some rows of a leaf.
public struct EncodedRows: Sendable {
    /// `blockCount(rows) × layout.byteCount` bytes.
    public var blocks: [UInt8]
    /// The length of the longest residual in each block.
    public var radii: [Float]
}

extension Projection {
    /// P times each row in floats, every result completed with zeros to `width` floats.
    public func applied(to rows: Span<Float>, paddedTo width: Int, kernels: Kernels) -> [Float] {
        let count = rows.count / inputDimensions
        if case .dense(_, let matrix) = self {
            return products(of: rows, with: matrix, paddedTo: width, kernels: kernels)
        }
        let (bytes, kind) = (bytes, kind)
        var result = [Float](repeating: 0, count: count * width)
        var levels: [UInt8] = []
        unsafe bytes.withUnsafeBytes { bytes in
            // Proof: the view is used inside the call that lends the bytes.
            let view = ProjectionView(
                kind: kind, inputDimensions: inputDimensions, outputDimensions: outputDimensions,
                values: unsafe RawSpan(_unsafeBytes: bytes))
            var output = result.mutableSpan
            for row in 0..<count {
                var target = output._mutatingExtracting(row * width..<(row + 1) * width)
                view.apply(
                    to: rows.extracting(row * inputDimensions..<(row + 1) * inputDimensions), levels: &levels,
                    into: &target, kernels: kernels)
            }
        }
        return result
    }

    private func products(
        of rows: Span<Float>, with matrix: BlockMatrix, paddedTo width: Int, kernels: Kernels
    ) -> [Float] {
        let count = rows.count / inputDimensions
        var result = [Float](repeating: 0, count: count * width)
        var products = [Float](repeating: 0, count: matrix.paddedRowCount)
        for row in 0..<count {
            var span = products.mutableSpan
            kernels.blockProducts(
                of: rows.extracting(row * inputDimensions..<(row + 1) * inputDimensions), with: matrix.values.span,
                into: &span)
            for column in 0..<outputDimensions { result[row * width + column] = products[column] }
        }
        return result
    }
}
