import VectorKernels

/// A projection whose numbers lie somewhere else: in a built tree or in a mapped file.
public struct ProjectionView: ~Escapable {
    public enum Kind: UInt32, Sendable { case none = 0, dense, structured }

    public let kind: Kind
    /// d.
    public let inputDimensions: Int
    /// K.
    public let outputDimensions: Int
    /// Dense: blocks of 16 rows. Structured: 4 × d signs. Empty for none.
    let values: Span<Float>

    @_lifetime(copy values)
    public init(kind: Kind, inputDimensions: Int, outputDimensions: Int, values: Span<Float>) {
        let expected =
            switch kind {
            case .none: 0
            case .dense: (outputDimensions + 15) / 16 * 16 * inputDimensions
            case .structured: 4 * inputDimensions
            }
        precondition(values.count == expected)
        precondition(kind == .dense || inputDimensions == outputDimensions)
        self.kind = kind
        self.inputDimensions = inputDimensions
        self.outputDimensions = outputDimensions
        self.values = values
    }

    /// How many floats ``apply(to:into:kernels:)`` writes at least, before the caller's own padding.
    public var writtenCount: Int {
        kind == .dense ? (outputDimensions + 15) / 16 * 16 : outputDimensions
    }

    /// Writes P·vector, then zeros to the end of `output`.
    ///
    /// - Parameter output: at least ``writtenCount`` floats.
    public func apply(to vector: Span<Float>, into output: inout MutableSpan<Float>, kernels: Kernels) {
        precondition(vector.count == inputDimensions && output.count >= writtenCount)
        switch kind {
        case .none:
            for index in 0..<inputDimensions { output[index] = vector[index] }
        case .dense:
            var products = output._mutatingExtracting(0..<writtenCount)
            kernels.blockProducts(of: vector, with: values, into: &products)
        case .structured:
            for index in 0..<inputDimensions { output[index] = vector[index] }
            rotate(&output)
        }
        for index in outputDimensions..<output.count { output[index] = 0 }
    }

    /// Four rounds: signs, then a normalised Walsh–Hadamard transform of the first or the last 2ᵐ values.
    private func rotate(_ vector: inout MutableSpan<Float>) {
        let dimensions = inputDimensions
        let width = 1 << (Int.bitWidth - 1 - dimensions.leadingZeroBitCount)
        let factor = Float(1 / Double(width).squareRoot())
        for round in 0..<4 {
            let signs = round * dimensions
            for index in 0..<dimensions { vector[index] *= values[signs + index] }
            let start = round % 2 == 0 ? 0 : dimensions - width
            var part = vector._mutatingExtracting(start..<start + width)
            walshHadamard(&part)
            for index in 0..<width { part[index] *= factor }
        }
    }
}

/// The unscaled Walsh–Hadamard transform, in place.
///
/// - Parameter values: a power of two of them.
/// - Complexity: O(n log n).
func walshHadamard(_ values: inout MutableSpan<Float>) {
    var half = 1
    while half < values.count {
        var start = 0
        while start < values.count {
            for index in start..<start + half {
                let (upper, lower) = (values[index], values[index + half])
                values[index] = upper + lower
                values[index + half] = upper - lower
            }
            start += 2 * half
        }
        half *= 2
    }
}

extension Projection {
    /// The numbers of the segment's section `projection`; empty for ``none(dimensions:)``.
    public var values: [Float] {
        switch self {
        case .none: []
        case .dense(let matrix): matrix.values
        case .structured(let signs): signs
        }
    }

    public var kind: ProjectionView.Kind {
        switch self {
        case .none: .none
        case .dense: .dense
        case .structured: .structured
        }
    }

    /// d.
    public var inputDimensions: Int {
        switch self {
        case .none(let dimensions): dimensions
        case .dense(let matrix): matrix.columnCount
        case .structured(let signs): signs.count / 4
        }
    }
}
