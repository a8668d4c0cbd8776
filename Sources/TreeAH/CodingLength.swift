/// The length to which projected residuals are brought before they are coded: a row's own length goes into its scale, so that
/// one set of codebooks serves near and far rows, and narrow and wide leaves, alike (numerics, section 5).
public enum CodingLength {
    /// The root mean square of the lengths of some vectors of `width` floats; 1 where that is no length.
    public static func typical(of vectors: [Float], width: Int) -> Float {
        var sum = 0.0
        for value in vectors { sum += Double(value) * Double(value) }
        let length = Float((sum / Double(max(1, vectors.count / width))).squareRoot())
        return length > 0 && length.isFinite && (1 / length).isFinite ? length : 1
    }

    /// Brings every vector of `width` floats to `length`.
    ///
    /// - Returns: what each was multiplied by; 0 for those that have no length, which stay as they are.
    @discardableResult
    public static func apply(_ length: Float, to vectors: inout [Float], width: Int) -> [Float] {
        var span = vectors.mutableSpan
        var factors: [Float] = []
        var start = 0
        while start < span.count {
            var square: Float = 0
            for index in start..<start + width { square.addProduct(span[index], span[index]) }
            let factor = length / square.squareRoot()
            let isUsable = square > 0 && factor > 0 && factor.isFinite
            if isUsable {
                for index in start..<start + width { span[index] *= factor }
            }
            factors.append(isUsable ? factor : 0)
            start += width
        }
        return factors
    }
}

/// |y|²/⟨y, ŷ⟩ takes the error along y out of an estimate; bounded, and 0 where it would mean nothing.
///
/// - Parameters:
///   - product, norm: ⟨t, ŷ⟩ and ⟨t, t⟩ of the coded vector t.
///   - factor: what y was multiplied by to give t.
func estimateScale(product: Float, norm: Float, factor: Float) -> Float {
    guard norm > 0, factor > 0, product > norm / 64 else { return 0 }
    return min(norm / product / factor, 65_504)
}
