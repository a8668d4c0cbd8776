import CVectorKernels
import Foundation
import Testing

@testable import VectorKernels

/// Every instruction set that this CPU has, the plain twin included: each is compared with the same reference.
let instructionSets = InstructionSet.available

extension Kernels {
    /// The kernels of a set that `instructionSets` lists.
    static func of(_ set: InstructionSet) throws -> Kernels { try #require(Kernels(set)) }
}

/// Seeds from which each test draws its data; a failure names the one at fault.
let seeds: [UInt64] = [1, 20_260_611]

extension SeededGenerator {
    /// Values of mixed magnitude and both signs.
    mutating func floats(_ count: Int, scale: Float = 1) -> [Float] {
        (0..<count).map { _ in approximateGaussian() * scale }
    }

    /// Few distinct values, so that equal scores are common.
    mutating func coarseFloats(_ count: Int, levels: Int = 7) -> [Float] {
        (0..<count).map { _ in Float(uniform(below: levels) - levels / 2) }
    }

    mutating func bytes(_ count: Int, below limit: Int = 256) -> [UInt8] {
        (0..<count).map { _ in UInt8(uniform(below: limit)) }
    }

    mutating func words(_ count: Int) -> [UInt32] { (0..<count).map { _ in UInt32(truncatingIfNeeded: next()) } }
}

/// The low `count` bytes of a number, lowest first.
func littleEndianBytes(_ value: UInt32, count: Int = 4) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

/// The index and the two values of the first place where the bits differ; any NaN equals any other.
func firstDifference(_ found: [Float], _ expected: [Float]) -> String? {
    guard found.count == expected.count else { return "\(found.count) values, expected \(expected.count)" }
    for index in found.indices
    where found[index].bitPattern != expected[index].bitPattern && !(found[index].isNaN && expected[index].isNaN) {
        return "[\(index)]: found \(found[index]), expected \(expected[index])"
    }
    return nil
}

/// Scores and numbers that a kernel appended, and where it stopped.
struct Appended: Equatable {
    var scores: [UInt32] = []
    var numbers: [UInt32] = []
    var position = 0

    init() {}

    init(scores: ArraySlice<Float>, numbers: ArraySlice<UInt32>, position: Int) {
        self.scores = scores.map(\.bitPattern)
        self.numbers = Array(numbers)
        self.position = position
    }
}

/// Bytes that end exactly where readable memory ends: reading one byte too many is a fault, and the test dies. The page
/// before those that they fill is unreadable as well.
@safe final class GuardedBytes {
    private let mapping: UnsafeMutableRawPointer
    private let mappedByteCount: Int
    let bytes: UnsafeMutableRawBufferPointer

    init(_ content: [UInt8]) throws {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let readable = max(1, (content.count + page - 1) / page) * page
        mappedByteCount = readable + 2 * page
        let flags = MAP_PRIVATE | Int32(MAP_ANONYMOUS)
        let address = unsafe mmap(nil, mappedByteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
        let mapped = unsafe try #require(address != MAP_FAILED ? address : nil)
        unsafe mapping = mapped
        // Proof: offsets lie inside the mapping made above.
        let first = unsafe mprotect(mapped, page, PROT_NONE)
        let last = unsafe mprotect(mapped + page + readable, page, PROT_NONE)
        try #require(first == 0 && last == 0)
        unsafe bytes = UnsafeMutableRawBufferPointer(
            start: mapped + page + readable - content.count, count: content.count)
        unsafe bytes.copyBytes(from: content)
    }

    convenience init(_ floats: [Float]) throws { try unsafe self.init(floats.withUnsafeBytes { unsafe Array($0) }) }
    convenience init(_ words: [UInt32]) throws { try unsafe self.init(words.withUnsafeBytes { unsafe Array($0) }) }

    deinit { unsafe _ = munmap(mapping, mappedByteCount) }

    /// The address of the first byte, as bytes, floats or words. Valid while the object lives.
    func pointer<Element>(_ type: Element.Type) -> UnsafeMutablePointer<Element>? {
        unsafe bytes.baseAddress?.assumingMemoryBound(to: type)
    }
}

extension Array where Element == Float {
    /// A mutable copy of `count` floats that are not what any kernel writes, handed to `body` as a span.
    static func filled(_ count: Int, by body: (inout MutableSpan<Float>) -> Void) -> [Float] {
        var result = [Float](repeating: -12345.5, count: count)
        var span = result.mutableSpan
        body(&span)
        return result
    }
}
