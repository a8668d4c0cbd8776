import CVectorKernels
import Testing

@testable import VectorKernels

@Suite struct AssignTests {
    static let shapes: [(rows: Int, n: Int, blocks: Int)] = [
        (0, 3, 2), (1, 1, 1), (2, 5, 3), (5, 31, 4), (6, 32, 5), (7, 33, 6), (8, 17, 7), (9, 3, 13), (16, 100, 3),
        (17, 32, 63), (33, 2, 8), (3, 784, 5), (2, 4097, 4), (13, 700, 9),
    ]

    private func expected(_ rows: [Float], _ n: Int, _ origin: [Float], _ matrix: [UInt8]) -> [UInt32] {
        (0..<rows.count / n).map { row in
            let (levels, range) = Bytes.levels((0..<n).map { rows[row * n + $0] - origin[$0] })
            return Reference.indexOfLargest(Bytes.products(levels, range, matrix))
        }
    }

    /// Gives some rows a bias of −∞.
    private func close(_ matrix: inout [UInt8], columns: Int, where isClosed: (Int) -> Bool) {
        let stride = 16 * ((columns + 3) / 4 * 4) + 192
        for row in 0..<matrix.count / stride * 16 where isClosed(row) {
            let bytes = littleEndianBytes((-Float.infinity).bitPattern)
            let at = row / 16 * stride + stride - 64 + 4 * (row % 16)
            matrix.replaceSubrange(at..<at + 4, with: bytes)
        }
    }

    @Test(arguments: instructionSets)
    func `each row finds the index of its largest product`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for (seed, shape) in seeds.flatMap({ seed in Self.shapes.map { (seed, $0) } }) {
            var generator = SeededGenerator(seed: seed)
            let rows = generator.floats(shape.rows * shape.n)
            let origin = generator.floats(shape.n)
            var matrix = Bytes.matrix(blocks: shape.blocks, columns: (shape.n + 3) / 4 * 4, using: &generator)
            close(&matrix, columns: shape.n) { $0 % 11 == 4 }
            let found = kernels.assign(
                rows: rows, dimensions: shape.n, origin: origin, matrix: matrix, threads: 1)
            #expect(found == expected(rows, shape.n, origin, matrix), "seed \(seed), \(shape)")
        }
    }

    @Test(arguments: instructionSets)
    func `equal products go to the smallest index, and rows without any to index 0`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        var generator = SeededGenerator(seed: 5)
        let origin: [Float] = [0, 0]
        let rows = generator.coarseFloats(60 * 2, levels: 3)
        let block = Bytes.matrix(blocks: 1, columns: 4, using: &generator)
        var matrix = [UInt8]((0..<7).flatMap { _ in block })
        #expect(
            kernels.assign(rows: rows, dimensions: 2, origin: origin, matrix: matrix, threads: 1)
                == expected(rows, 2, origin, matrix))
        #expect(
            kernels.assign(rows: rows, dimensions: 2, origin: origin, matrix: matrix, threads: 1).allSatisfy { $0 < 16 }
        )
        close(&matrix, columns: 2) { _ in true }
        let closed = kernels.assign(
            rows: [.nan, 1, 1, 1, 0, 7], dimensions: 2, origin: origin, matrix: matrix, threads: 1)
        #expect(closed == [0, 0, 0])
    }

    @Test(arguments: instructionSets)
    func `nothing behind the rows or the matrix is read`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for (n, blockCount, rowCount) in [(1, 1, 1), (3, 5, 7), (17, 4, 6), (100, 3, 13)] {
            var generator = SeededGenerator(seed: UInt64(n))
            let groups = (n + 3) / 4
            let quantized = (0..<rowCount).map { _ in Bytes.levels(generator.floats(n)) }
            let matrix = Bytes.matrix(blocks: blockCount, columns: 4 * groups, using: &generator)
            let levels = try GuardedBytes(quantized.flatMap(\.levels))
            let ranges = try GuardedBytes(quantized.flatMap { [$0.range.low, $0.range.step] })
            let guardedMatrix = try GuardedBytes(matrix)
            let best = try GuardedBytes([UInt32](repeating: 0, count: rowCount))
            // Proof: the objects hold as much as the lengths say, and outlive the call.
            unsafe kernels.table.pointee.assign_rows(
                levels.pointer(UInt8.self), ranges.pointer(vk_level_range.self), rowCount, groups,
                guardedMatrix.pointer(UInt8.self), blockCount, best.pointer(UInt32.self))
            let found = unsafe best.bytes.withMemoryRebound(to: UInt32.self) { unsafe Array($0) }
            #expect(
                found
                    == quantized.map { Reference.indexOfLargest(Bytes.products($0.levels, $0.range, matrix)) })
            withExtendedLifetime((levels, ranges, guardedMatrix, best)) {}
        }
    }

    @Test(arguments: [1, 2, 3, 4]) func `the number of threads changes nothing`(threads: Int) {
        var generator = SeededGenerator(seed: 9)
        let rows = generator.floats(5000 * 3)
        let origin = generator.floats(3)
        let matrix = Bytes.matrix(blocks: 2, columns: 4, using: &generator)
        let found = Kernels.best.assign(rows: rows, dimensions: 3, origin: origin, matrix: matrix, threads: threads)
        #expect(found == expected(rows, 3, origin, matrix))
    }
}
