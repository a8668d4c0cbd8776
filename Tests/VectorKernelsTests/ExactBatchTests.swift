import CVectorKernels
import Testing

@testable import VectorKernels

extension StoredRows {
    /// What the kernels make of rows and queries that end where memory ends, with gaps between the scores of one query and the
    /// next.
    func scores(_ kernels: Kernels, _ form: ScoreForm, queries: [[Float]]) throws -> [[Float]] {
        let (rows, guardedQueries) = (try GuardedBytes(bytes), try GuardedBytes(Array(queries.joined())))
        let gap = 3
        let scratch = try GuardedBytes(
            [Float](repeating: .nan, count: vk_batch_scratch(dimensions, queries.count)))
        let outputStride = values.count + gap
        let output = try GuardedBytes([Float](repeating: -7, count: queries.count * outputStride - gap))
        // Proof: every object holds what the lengths say and outlives the call.
        unsafe kernels.table.pointee.exact_scores_batch(
            form.code, element.code, guardedQueries.pointer(Float.self), queries.count, dimensions,
            rows.pointer(UInt8.self), stride, values.count, scratch.pointer(Float.self), output.pointer(Float.self),
            outputStride)
        withExtendedLifetime((rows, guardedQueries, scratch)) {}
        let found = unsafe Array(
            UnsafeBufferPointer(start: output.pointer(Float.self), count: output.bytes.count / 4))
        for query in queries.indices.dropLast() {
            #expect(found[query * outputStride + values.count..<(query + 1) * outputStride].allSatisfy { $0 == -7 })
        }
        return queries.indices.map { Array(found[$0 * outputStride..<$0 * outputStride + values.count]) }
    }
}

@Suite struct ExactBatchTests {
    static let forms: [ScoreForm] = [.dot, .negatedSquaredDistance]
    static let dimensions = [1, 3, 15, 16, 17, 32, 33, 64, 79, 100, 127, 784, 4127, 4128, 4129]

    /// Queries whose elements are what `element` can store too, or any floats.
    private static func queries(
        _ count: Int, dimensions: Int, integers: Bool, element: RowElement, using generator: inout SeededGenerator
    ) -> [[Float]] {
        (0..<count).map { _ in
            guard integers else { return generator.floats(dimensions) }
            return generator.bytes(dimensions).map { element == .uint8 ? Float($0) : Float(Int8(bitPattern: $0)) }
        }
    }

    @Test(arguments: instructionSets, RowElement.allCases)
    func `scores of a batch are those of single queries`(set: InstructionSet, element: RowElement) throws {
        let kernels = try Kernels.of(set)
        for (place, dimensions) in Self.dimensions.enumerated() {
            for integers in [false, true] {
                var generator = SeededGenerator(seed: UInt64(place))
                let count = dimensions > 500 ? 17 : [1, 3, 16, 31, 64, 65, 130][place % 7]
                let queryCount = dimensions > 500 ? 5 : [4, 1, 7, 13, 3, 2, 8][(place + (integers ? 1 : 0)) % 7]
                let rows = StoredRows(
                    element, count: count, dimensions: dimensions, spare: place % 4, using: &generator)
                let queries = Self.queries(
                    queryCount, dimensions: dimensions, integers: integers, element: element, using: &generator)
                for form in Self.forms {
                    let found = try rows.scores(kernels, form, queries: queries)
                    for (query, scores) in zip(queries, found) {
                        let expected = try rows.scores(kernels, form, query: query, indices: nil)
                        #expect(firstDifference(scores, expected) == nil, "\(dimensions) dimensions, \(form)")
                    }
                }
            }
        }
    }

    /// Whatever path bytes and whole numbers take, the largest sums and the zeros come out as the definition says.
    @Test(arguments: instructionSets, [RowElement.uint8, .int8])
    func `extreme bytes and whole queries keep every bit`(set: InstructionSet, element: RowElement) throws {
        let kernels = try Kernels.of(set)
        let (low, high): (Float, Float) = element == .uint8 ? (0, 255) : (-128, 127)
        for dimensions in [1, 16, 63, 784, 4128, 4144] {
            var generator = SeededGenerator(seed: 9)
            var rows = StoredRows(element, count: 4, dimensions: dimensions, spare: 0, using: &generator)
            for (row, value) in [low, high, 0, 1].enumerated() {
                rows.values[row] = [Float](repeating: value, count: dimensions)
            }
            rows.bytes = rows.values.joined().map { UInt8(truncatingIfNeeded: Int($0)) }
            // The last ones lie just outside of what the element can store, between two of its values, or are no number.
            for value in [low, high, 0, -0.0, 1, low - 1, high + 1, 0.5, .nan, .infinity, 1e30] {
                let query = [Float](repeating: value, count: dimensions)
                var mixed = [Float](repeating: 3, count: dimensions)
                mixed[dimensions - 1] = value
                for form in Self.forms {
                    for (query, found) in zip(
                        [query, mixed, query, mixed, mixed],
                        try rows.scores(kernels, form, queries: [query, mixed, query, mixed, mixed]))
                    {
                        let expected = (0..<4).map { rows.score(form, query: query, row: $0) }
                        #expect(
                            firstDifference(found, expected) == nil, "\(value), \(dimensions) dimensions, \(form)")
                    }
                }
            }
        }
    }

    @Test(arguments: instructionSets)
    func `zeros keep their sign, and NaN and infinity go through the same sums`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        let specials: [Float] = [.nan, .infinity, -.infinity, .greatestFiniteMagnitude, -0.0, -1e-30]
        for seed in 0..<40 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let dimensions = 1 + generator.uniform(below: 40)
            var rows = StoredRows(.float32, count: 6, dimensions: dimensions, spare: 0, using: &generator)
            // Every other time all products underflow to −0.
            if seed % 2 == 0 {
                rows.values = [[Float]](repeating: [Float](repeating: -1e-30, count: dimensions), count: 6)
            }
            for row in 1..<6 {
                rows.values[row][generator.uniform(below: dimensions)] = specials[generator.uniform(below: 6)]
            }
            rows.bytes = rows.values.joined().flatMap { littleEndianBytes($0.bitPattern) }
            let queries = (0..<5).map { _ in [Float](repeating: 1e-30, count: dimensions) }
            for form in Self.forms {
                let expected = (0..<6).map { rows.score(form, query: queries[0], row: $0) }
                for found in try rows.scores(kernels, form, queries: queries) {
                    #expect(firstDifference(found, expected) == nil, "seed \(seed), \(form)")
                }
            }
        }
    }

    /// Fewer rows than a tile has need no room for one.
    @Test(arguments: instructionSets, [1, 9, 63, 64, 70])
    func `the method over spans hands everything on`(set: InstructionSet, rowCount: Int) throws {
        let kernels = try Kernels.of(set)
        var generator = SeededGenerator(seed: 8)
        for element in RowElement.allCases {
            let dimensions = 21
            let spare = element.stride(dimensions: dimensions) - element.byteCount(dimensions: dimensions)
            var rows = StoredRows(element, count: rowCount, dimensions: dimensions, spare: spare, using: &generator)
            rows.bytes += [UInt8](repeating: 0xFF, count: spare)
            let queries = Self.queries(
                6, dimensions: dimensions, integers: true, element: element, using: &generator)
            let scratchCount = Kernels.batchScratchCount(
                dimensions: dimensions, queries: queries.count, rows: rowCount)
            #expect((scratchCount == 0) == (rowCount < 64))
            var scratch = [Float](repeating: 0, count: scratchCount)
            for form in Self.forms {
                let found = [Float].filled(6 * rowCount) {
                    var scratch = scratch.mutableSpan
                    // Proof: bytes have no padding to expose.
                    unsafe kernels.exactScores(
                        form, element: element, queries: Array(queries.joined()).span, dimensions: dimensions,
                        rows: rows.bytes.span.bytes, stride: rows.stride, scratch: &scratch, into: &$0)
                }
                let expected = queries.flatMap { query in
                    (0..<rowCount).map { rows.score(form, query: query, row: $0) }
                }
                #expect(firstDifference(found, expected) == nil)
            }
        }
    }
}
