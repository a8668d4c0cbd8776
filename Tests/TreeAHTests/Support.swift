import Testing
import VectorKernels

@testable import TreeAH

/// Seeds from which each test draws its data; a failure names the one at fault.
let seeds: [UInt64] = [1, 20_260_611]

extension SeededGenerator {
    /// Values around 0, of both signs.
    mutating func floats(_ count: Int, scale: Float = 1) -> [Float] {
        (0..<count).map { _ in approximateGaussian() * scale }
    }
}

extension Array {
    /// Part `index` of parts of `width` elements.
    func part(_ index: Int, of width: Int) -> [Element] { Array(self[index * width..<(index + 1) * width]) }
}

extension [Float] {
    var doubles: [Double] { map { Double($0) } }
    var bits: [UInt32] { map(\.bitPattern) }
}

/// Whether two numbers agree to `relative` of the larger one, or to `absolute`.
func isNear(_ found: Double, _ expected: Double, relative: Double = 1e-5, absolute: Double = 1e-5) -> Bool {
    abs(found - expected) <= max(absolute, relative * max(abs(found), abs(expected)))
}

/// Whether all of them do.
func areNear(_ found: [Double], _ expected: [Double], relative: Double = 1e-5, absolute: Double = 1e-5) -> Bool {
    found.count == expected.count
        && zip(found, expected).allSatisfy { isNear($0, $1, relative: relative, absolute: absolute) }
}
