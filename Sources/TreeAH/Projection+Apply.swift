import VectorKernels

/// A projection whose numbers lie somewhere else: in a built tree or in a mapped file.
public struct ProjectionView: ~Escapable {
    public enum Kind: UInt32, Sendable { case none = 0, dense, structured }

    public let kind: Kind
    /// d.
    public let inputDimensions: Int
    /// K.
    public let outputDimensions: Int
    /// Dense: a byte matrix. Structured: 4 × d signs. Empty for none.
    let values: RawSpan

    @_lifetime(copy values)
    public init(kind: Kind, inputDimensions: Int, outputDimensions: Int, values: RawSpan) {
        let expected =
            switch kind {
            case .none: 0
            case .dense: ByteMatrix.byteCount(rows: outputDimensions, columns: inputDimensions)
            case .structured: 16 * inputDimensions
            }
        precondition(values.byteCount == expected)
        precondition(kind == .dense || inputDimensions == outputDimensions)
        self.kind = kind
        self.inputDimensions = inputDimensions
        self.outputDimensions = outputDimensions
        self.values = values
    }

    /// How many floats ``apply(to:levels:into:kernels:)`` writes at least, before the caller's own padding.
    public var writtenCount: Int {
        kind == .dense ? (outputDimensions + 15) / 16 * 16 : outputDimensions
    }

    /// As ``apply(to:levels:into:kernels:)``, with room made for `count` floats.
    func apply(
        to vector: Span<Float>, levels: inout [UInt8], into output: inout [Float], count: Int, kernels: Kernels
    ) {
        output.reserveFloats(count)
        var span = output.mutableSpan
        apply(to: vector, levels: &levels, into: &span, kernels: kernels)
    }

    /// Writes P·vector, then zeros to the end of `output`.
    ///
    /// - Parameters:
    ///   - levels: room for the vector's bytes.
    ///   - output: at least ``writtenCount`` floats.
    public func apply(
        to vector: Span<Float>, levels: inout [UInt8], into output: inout MutableSpan<Float>, kernels: Kernels
    ) {
        precondition(vector.count == inputDimensions && output.count >= writtenCount)
        switch kind {
        case .none:
            for index in 0..<inputDimensions { output[index] = vector[index] }
        case .dense:
            var products = output._mutatingExtracting(0..<writtenCount)
            kernels.byteProducts(of: vector, with: values, levels: &levels, into: &products)
        case .structured:
            for index in 0..<inputDimensions { output[index] = vector[index] }
            rotate(&output, signs: Span<Float>(_bytes: values))
        }
        for index in outputDimensions..<output.count { output[index] = 0 }
    }

    /// Four rounds: signs, then a normalised Walsh–Hadamard transform of the first or the last 2ᵐ values.
    private func rotate(_ vector: inout MutableSpan<Float>, signs: Span<Float>) {
        let dimensions = inputDimensions
        let width = 1 << (Int.bitWidth - 1 - dimensions.leadingZeroBitCount)
        let factor = Float(1 / Double(width).squareRoot())
        for round in 0..<4 {
            let first = round * dimensions
            for index in 0..<dimensions { vector[index] *= signs[first + index] }
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
    /// The segment's section `projection`; empty for ``none(dimensions:)``.
    public var bytes: [UInt8] {
        switch self {
        case .none: []
        case .dense(let matrix, _): matrix.bytes
        case .structured(let signs):
            signs.flatMap { sign in (0..<4).map { UInt8(truncatingIfNeeded: sign.bitPattern >> (8 * $0)) } }
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
        case .dense(let matrix, _): matrix.columnCount
        case .structured(let signs): signs.count / 4
        }
    }
}
