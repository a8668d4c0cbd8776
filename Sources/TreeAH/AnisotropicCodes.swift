/// Chooses codes so that the error along the row itself, on which large inner products depend, counts more than others.
///
/// With t the residual as it is coded, e = t − ŷ its error and u the row's direction, |e|² + κ·⟨e, u⟩² is made smaller,
/// subspace after subspace, until no code changes: `Formats/numerics.md`, section 5.
///
/// - SeeAlso: Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector Quantization", ICML 2020.
struct AnisotropicCodes {
    private static let roundLimit = 3

    let codebooks: Codebooks
    /// κ.
    let weight: Float

    /// - Parameters:
    ///   - codes: `[row][evenSubspaces]`, the nearest codewords.
    ///   - products: ⟨t, ŷ⟩ of each row, which changes with its codes.
    ///   - coded: the t, rows of `paddedDimensions` floats.
    ///   - rows: the projected rows, as wide.
    /// - Complexity: O(rows · 16 · K) a round, at most three.
    func refine(_ codes: inout [UInt8], products: inout [Float], of coded: [Float], rows: [Float]) {
        let (shape, width) = (codebooks.shape, codebooks.shape.paddedDimensions)
        for row in products.indices {
            let range = row * width..<(row + 1) * width
            guard let direction = direction(of: rows[range]) else { continue }
            let target = Array(coded[range])
            var own = Array(codes[row * shape.evenSubspaces..<(row + 1) * shape.evenSubspaces])
            guard refine(&own, target, direction) else { continue }
            codes.replaceSubrange(row * shape.evenSubspaces..<(row + 1) * shape.evenSubspaces, with: own)
            products[row] = product(of: target, own)
        }
    }

    /// The row at length 1; `nil` where it has none.
    private func direction(of row: ArraySlice<Float>) -> [Float]? {
        var square: Float = 0
        for value in row { square.addProduct(value, value) }
        let length = square.squareRoot()
        guard length > 0, length.isFinite else { return nil }
        return row.map { $0 / length }
    }

    /// - Returns: whether a code changed.
    private func refine(_ codes: inout [UInt8], _ target: [Float], _ direction: [Float]) -> Bool {
        var along: Float = 0
        for subspace in 0..<codebooks.shape.subspaces {
            along += error(of: target, direction, subspace, Int(codes[subspace])).along
        }
        var hasChanged = false
        for _ in 0..<Self.roundLimit {
            var changes = false
            for subspace in 0..<codebooks.shape.subspaces {
                let others = along - error(of: target, direction, subspace, Int(codes[subspace])).along
                var (best, least, bestAlong) = (codes[subspace], Float.infinity, Float(0))
                for word in 0..<16 {
                    let error = error(of: target, direction, subspace, word)
                    let sum = others + error.along
                    let loss = error.square.addingProduct(weight, sum * sum)
                    if loss < least { (best, least, bestAlong) = (UInt8(word), loss, error.along) }
                }
                if best != codes[subspace] { (codes[subspace], changes) = (best, true) }
                along = others + bestAlong
            }
            if !changes { break }
            hasChanged = true
        }
        return hasChanged
    }

    /// The squared error of a codeword in its subspace, and the error's part along the direction.
    private func error(
        of target: [Float], _ direction: [Float], _ subspace: Int, _ word: Int
    ) -> (square: Float, along: Float) {
        var (square, along) = (Float(0), Float(0))
        let count = codebooks.shape.dimensionsPerBlock
        for dimension in subspace * count..<(subspace + 1) * count {
            let error = target[dimension] - codebooks.codewords[dimension * 16 + word]
            square.addProduct(error, error)
            along.addProduct(error, direction[dimension])
        }
        return (square, along)
    }

    private func product(of target: [Float], _ codes: [UInt8]) -> Float {
        var sum: Float = 0
        let count = codebooks.shape.dimensionsPerBlock
        for dimension in target.indices {
            sum.addProduct(target[dimension], codebooks.codewords[dimension * 16 + Int(codes[dimension / count])])
        }
        return sum
    }
}
