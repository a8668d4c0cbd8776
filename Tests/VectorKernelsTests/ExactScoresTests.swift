import CVectorKernels
import Testing

@testable import VectorKernels

/// Stored rows of one element type, and the numbers they stand for.
struct StoredRows {
    let element: RowElement
    let dimensions: Int
    let stride: Int
    var bytes: [UInt8] = []
    var values: [[Float]] = []
    var scales: [Float] = []

    /// - Parameter spare: bytes of rubbish behind each row but the last.
    init(_ element: RowElement, count: Int, dimensions: Int, spare: Int, using generator: inout SeededGenerator) {
        (self.element, self.dimensions) = (element, dimensions)
        stride = element.byteCount(dimensions: dimensions) + spare
        for row in 0..<count {
            if row > 0 { bytes += generator.bytes(spare) }
            switch element {
            case .float32:
                values.append(generator.floats(dimensions))
                bytes += values[row].flatMap { littleEndianBytes($0.bitPattern) }
            case .bfloat16:
                values.append(generator.floats(dimensions).map { Float(bitPattern: $0.bitPattern & 0xFFFF_0000) })
                bytes += values[row].flatMap { littleEndianBytes($0.bitPattern >> 16, count: 2) }
            case .int8, .uint8, .scaledInt8:
                if element == .scaledInt8 {
                    scales.append(generator.uniformFloat() / 16)
                    bytes += littleEndianBytes(scales[row].bitPattern)
                }
                let elements = generator.bytes(dimensions)
                bytes += elements
                values.append(elements.map { element == .uint8 ? Float($0) : Float(Int8(bitPattern: $0)) })
            }
        }
    }

    func score(_ form: ScoreForm, query: [Float], row: Int) -> Float {
        Reference.exactScore(form, query: query, values: values[row], scale: scales.isEmpty ? nil : scales[row])
    }

    /// What the kernels make of rows and query that end where memory ends.
    func scores(_ kernels: Kernels, _ form: ScoreForm, query: [Float], indices: [UInt32]?) throws -> [Float] {
        let (rows, guardedQuery) = (try GuardedBytes(bytes), try GuardedBytes(query))
        let guardedIndices = try indices.map { try GuardedBytes($0) }
        var output = [Float](repeating: -7, count: indices?.count ?? values.count)
        // Proof: every object holds what the lengths say and outlives the call; indices are below the number of rows.
        unsafe kernels.table.pointee.exact_scores(
            form.code, element.code, guardedQuery.pointer(Float.self), dimensions, rows.pointer(UInt8.self), stride,
            guardedIndices?.pointer(UInt32.self), output.count, &output)
        withExtendedLifetime((rows, guardedQuery, guardedIndices)) {}
        return output
    }
}

@Suite struct ExactScoresTests {
    static let forms: [ScoreForm] = [.dot, .negatedSquaredDistance]
    static let dimensions = [1, 2, 3, 5, 15, 16, 17, 31, 32, 33, 47, 64, 100, 255, 784, 4097]

    @Test(arguments: instructionSets, RowElement.allCases)
    func `scores are bit-equal to the fixed order of 16 lanes`(set: InstructionSet, element: RowElement) throws {
        let kernels = try Kernels.of(set)
        for seed in seeds {
            for (place, dimensions) in Self.dimensions.enumerated() {
                var generator = SeededGenerator(seed: seed)
                let count = dimensions > 500 ? 6 : [1, 3, 4, 7, 16, 33][place % 6]
                // Strides that the format never has too: rows at odd addresses.
                let rows = StoredRows(
                    element, count: count, dimensions: dimensions, spare: place % 4, using: &generator)
                let query = generator.floats(dimensions)
                let indices = (0..<count + 21).map { _ in UInt32(generator.uniform(below: count)) }
                for form in Self.forms {
                    let expected = (0..<count).map { rows.score(form, query: query, row: $0) }
                    let all = try rows.scores(kernels, form, query: query, indices: nil)
                    #expect(firstDifference(all, expected) == nil, "seed \(seed), \(dimensions) dimensions, \(form)")
                    let some = try rows.scores(kernels, form, query: query, indices: indices)
                    let expectedOfSome = indices.map { expected[Int($0)] }
                    #expect(
                        firstDifference(some, expectedOfSome) == nil,
                        "seed \(seed), \(dimensions) dimensions, \(form), by index")
                }
            }
        }
    }

    @Test(arguments: instructionSets)
    func `lanes behind the last dimension stay out of the sum`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        for dimensions in [1, 5, 16, 20, 33] {
            var generator = SeededGenerator(seed: 1)
            // Every product underflows to −0, and sixteen of them make −0.
            var rows = StoredRows(.float32, count: 5, dimensions: dimensions, spare: 0, using: &generator)
            let tiny = [Float](repeating: -1e-30, count: dimensions)
            rows.values = [[Float]](repeating: tiny, count: 5)
            rows.bytes = rows.values.joined().flatMap { littleEndianBytes($0.bitPattern) }
            let query = [Float](repeating: 1e-30, count: dimensions)
            let expected = (0..<5).map { rows.score(.dot, query: query, row: $0) }
            #expect(firstDifference(try rows.scores(kernels, .dot, query: query, indices: nil), expected) == nil)
            // An infinite scale makes infinite differences, and NaN only of codes that are 0.
            var scaled = StoredRows(.scaledInt8, count: 5, dimensions: dimensions, spare: 0, using: &generator)
            for row in 0..<5 {
                scaled.scales[row] = .infinity
                scaled.values[row] = [Float](repeating: 3, count: dimensions)
            }
            scaled.bytes = (0..<5).flatMap { _ in
                littleEndianBytes(Float.infinity.bitPattern) + [UInt8](repeating: 3, count: dimensions)
            }
            let found = try scaled.scores(kernels, .negatedSquaredDistance, query: query, indices: nil)
            #expect(found == [Float](repeating: -.infinity, count: 5))
        }
    }

    @Test(arguments: instructionSets)
    func `NaN and infinity go through the same sums`(set: InstructionSet) throws {
        let kernels = try Kernels.of(set)
        let specials: [Float] = [.nan, .infinity, -.infinity, .greatestFiniteMagnitude, -0.0, 1]
        for seed in 0..<40 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let dimensions = 1 + generator.uniform(below: 40)
            var rows = StoredRows(.float32, count: 6, dimensions: dimensions, spare: 0, using: &generator)
            for row in 0..<6 {
                rows.values[row][generator.uniform(below: dimensions)] = specials[generator.uniform(below: 6)]
            }
            rows.bytes = rows.values.joined().flatMap { littleEndianBytes($0.bitPattern) }
            var query = generator.floats(dimensions)
            if seed % 2 == 0 { query[generator.uniform(below: dimensions)] = specials[generator.uniform(below: 6)] }
            for form in Self.forms {
                let expected = (0..<6).map { rows.score(form, query: query, row: $0) }
                let found = try rows.scores(kernels, form, query: query, indices: nil)
                #expect(firstDifference(found, expected) == nil, "seed \(seed), \(form)")
            }
        }
    }

    @Test(arguments: instructionSets)
    func `the methods over spans hand everything on`(set: InstructionSet) throws {
        // Proof for each `unsafe` below: bytes and floats have no padding to expose.
        let kernels = try Kernels.of(set)
        var generator = SeededGenerator(seed: 8)
        for element in RowElement.allCases {
            let dimensions = 21
            let spare = element.stride(dimensions: dimensions) - element.byteCount(dimensions: dimensions)
            var rows = StoredRows(element, count: 9, dimensions: dimensions, spare: spare, using: &generator)
            rows.bytes += [UInt8](repeating: 0xFF, count: spare)
            let query = generator.floats(dimensions)
            for form in Self.forms {
                let expected = (0..<9).map { rows.score(form, query: query, row: $0) }
                let all = [Float].filled(9) {
                    unsafe kernels.exactScores(
                        form, element: element, query: query.span, rows: rows.bytes.span.bytes, stride: rows.stride,
                        into: &$0)
                }
                #expect(firstDifference(all, expected) == nil)
                let indices: [UInt32] = [8, 0, 3, 3, 7]
                let some = [Float].filled(5) {
                    unsafe kernels.exactScores(
                        form, element: element, query: query.span, rows: rows.bytes.span.bytes, stride: rows.stride,
                        indices: indices.span, into: &$0)
                }
                #expect(firstDifference(some, indices.map { expected[Int($0)] }) == nil)
                let none = [Float].filled(0) {
                    unsafe kernels.exactScores(
                        form, element: element, query: query.span, rows: rows.bytes.span.bytes, stride: rows.stride,
                        indices: Span(), into: &$0)
                }
                #expect(none.isEmpty)
            }
        }
        let (a, b) = (generator.floats(37), generator.floats(37))
        let dot = Reference.exactScore(.dot, query: a, values: b, scale: nil)
        #expect(kernels.dot(a.span, b.span).bitPattern == dot.bitPattern)
        let distance = Reference.exactScore(.negatedSquaredDistance, query: a, values: b, scale: nil)
        let found = unsafe kernels.score(.negatedSquaredDistance, query: a.span, row: b.span.bytes)
        #expect(found.bitPattern == distance.bitPattern)
    }

    @Test func `strides are those of the segment file`() {
        let strides = RowElement.allCases.map { element in [1, 16, 33].map { element.stride(dimensions: $0) } }
        #expect(strides == [[16, 64, 144], [4, 32, 68], [4, 16, 36], [4, 16, 36], [8, 20, 40]])
    }
}
