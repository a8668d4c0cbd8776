import FileSystem

/// Finds the rows of an input that no search can work with, batch by batch.
///
/// A caller scans everything once and then throws one error that names the first bad row and how many there are:
///
/// ```swift
/// var validation = VectorValidation(dimensions: reader.dimensions, refusesZeroVectors: metric == .cosine)
/// while case let rows = try reader.read(into: &batch, maxRows: 1024), rows > 0 {
///     validation.check(batch.span, rowCount: rows, overflowedRows: reader.overflowedRows)
/// }
/// try validation.throwIfBad(in: reader)
/// ```
public struct VectorValidation: Sendable {
    /// What is wrong with a row.
    public enum Problem: Sendable, Hashable {
        case notANumber(column: Int)
        case infinity(column: Int)
        /// A finite number of the source is infinite as a float.
        case overflow
        /// The sum of the squares is infinite as a float.
        case squaredNormOverflow
        case zeroVector
        /// The sum of the squares is below the smallest normal float, so that the row has no direction in floats.
        case squaredNormUnderflow

        fileprivate var message: String {
            switch self {
            case .notANumber(let column): "column \(grouped(column)) is NaN"
            case .infinity(let column): "column \(grouped(column)) is infinite"
            case .overflow: "a number overflows f32 (its magnitude is above 3.4028235e38)"
            case .squaredNormOverflow: "the squared norm overflows f32 (it is above 3.4028235e38)"
            case .zeroVector: "the vector is zero, which has no direction for cosine"
            case .squaredNormUnderflow: "the squared norm is below 1.1754944e-38, too small to be normalised for cosine"
            }
        }
    }

    /// Rows that were checked.
    public private(set) var rowCount = 0
    /// Rows with a problem.
    public private(set) var badRowCount = 0
    /// The ordinal of the first row with a problem, and what it is.
    public private(set) var first: (row: Int, problem: Problem)?

    private let dimensions: Int
    private let refusesZeroVectors: Bool
    /// Magnitudes between these, as bit patterns, need no closer look.
    private let suspiciousBelow: Int32
    private let suspiciousFrom: Int32

    /// - Parameter refusesZeroVectors: for cosine, under which rows are divided by their norms.
    public init(dimensions: Int, refusesZeroVectors: Bool) {
        precondition(dimensions >= 1)
        self.dimensions = dimensions
        self.refusesZeroVectors = refusesZeroVectors
        // If even `dimensions` squares of the largest value stay below the largest float, so does the norm.
        let largest = (Float.greatestFiniteMagnitude / Float(dimensions)).squareRoot() * 0.99
        suspiciousFrom = Int32(bitPattern: largest.bitPattern)
        // One square of 2^-62 is 2^-124, a normal float.
        suspiciousBelow = refusesZeroVectors ? Int32(bitPattern: Float(0x1p-62).bitPattern) : -1
    }

    /// Checks the next `rowCount` rows, which lie at the front of `batch`.
    ///
    /// - Parameter overflowedRows: the reader's `overflowedRows` for this batch.
    /// - Complexity: one pass over the floats, at memory speed.
    public mutating func check(_ batch: Span<Float>, rowCount rows: Int, overflowedRows: [Int] = []) {
        precondition(rows >= 0 && rows <= batch.count / dimensions)
        var nextOverflow = overflowedRows.startIndex
        for row in 0..<rows {
            var overflows = false
            if nextOverflow < overflowedRows.endIndex, overflowedRows[nextOverflow] == row {
                overflows = true
                nextOverflow += 1
            }
            let largest = largestMagnitude(batch, row * dimensions..<(row + 1) * dimensions)
            guard largest >= suspiciousFrom || largest < suspiciousBelow || overflows else { continue }
            if let problem = problem(batch, row, overflows: overflows) {
                badRowCount += 1
                if first == nil { first = (rowCount + row, problem) }
            }
        }
        rowCount += rows
    }

    /// Throws an error about the first bad row, if there is one, with the number of all.
    ///
    /// - Parameter reader: where the rows came from; it must not have been rewound since.
    public func throwIfBad(in reader: VectorReader) throws(InputError) {
        guard let first else { return }
        let location = reader.location(ofRow: first.row)
        throw InputError(
            .invalidValue, file: location.file, row: first.row, badRowCount: badRowCount,
            first.problem.message
                + (location.row == first.row ? "" : " (row \(grouped(location.row)) of this file)")
                + "; \(grouped(badRowCount)) of \(grouped(rowCount)) rows cannot be used: correct or remove them")
    }

    private func problem(_ batch: Span<Float>, _ row: Int, overflows: Bool) -> Problem? {
        var squaredNorm = 0.0
        var infiniteColumn: Int?
        for column in 0..<dimensions {
            let value = batch[row * dimensions + column]
            if value.isNaN { return .notANumber(column: column) }
            if value.isInfinite { infiniteColumn = infiniteColumn ?? column }
            squaredNorm += Double(value) * Double(value)
        }
        if overflows { return .overflow }
        if let infiniteColumn { return .infinity(column: infiniteColumn) }
        if Float(squaredNorm).isInfinite { return .squaredNormOverflow }
        guard refusesZeroVectors else { return nil }
        if squaredNorm == 0 { return .zeroVector }
        return squaredNorm < Double(Float.leastNormalMagnitude) ? .squaredNormUnderflow : nil
    }
}

/// The largest magnitude in `range` as a bit pattern, in whose order NaN lies above infinity.
///
/// Integers, because their maximum may be taken in any order and so in vectors.
private func largestMagnitude(_ floats: Span<Float>, _ range: Range<Int>) -> Int32 {
    precondition(range.lowerBound >= 0 && range.upperBound <= floats.count)
    var largest: Int32 = 0
    for index in range {
        largest = max(largest, Int32(bitPattern: floats[index].bitPattern & 0x7FFF_FFFF))
    }
    return largest
}
