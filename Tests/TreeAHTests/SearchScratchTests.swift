import Testing
import VectorKernels

@testable import TreeAH

@Suite struct SearchScratchTests {
    /// Scratch memory that has kept the slots 0 … count − 1 of one leaf, all with the same estimate.
    private func scratch(slots count: Int) -> SearchScratch {
        var scratch = SearchScratch()
        scratch.begin(queryCount: 1, keeping: max(1, count))
        let codes = [UInt8](repeating: 0, count: (count + 31) / 32 * 96)
        let (table, factors) = ([UInt8](repeating: 0, count: 32), [TableFactors(step: 1, offset: 0)])
        let leaf = [ScanLeaf(firstBlock: 0, slotCount: count, firstNumber: 0, constant: 2)]
        unsafe scratch.estimates.scan(
            leaf.span, codes: codes.span.bytes, blockByteCount: 96, pairs: 1, hasBiases: false, tables: table.span,
            factors: factors.span, live: Span(), kernels: .best)
        return scratch
    }

    private func collect(
        _ slots: Range<Int>, _ slotRows: [UInt32], below rowCount: Int, _ scratch: inout SearchScratch
    ) -> Bool {
        scratch.collectRows(ofSlots: slots, of: scratch.estimates.allNumbers, in: slotRows.span, rowCount: rowCount)
    }

    @Test(arguments: seeds, [1, 3, 64, 500])
    func `rows of slots come once each, in the order of their slots`(seed: UInt64, count: Int) {
        var generator = SeededGenerator(seed: seed)
        var scratch = scratch(slots: count)
        // Numbers from anywhere, so that some share a hash, and some of them repeated.
        let pool = (0...count / 2).map { _ in UInt32(truncatingIfNeeded: generator.next()) }
        let slotRows = (0..<count).map { _ in pool[generator.uniform(below: pool.count)] }
        let places = scratch.estimates.places(of: 0)
        #expect(places.count == count)
        #expect(collect(places, slotRows, below: .max, &scratch))
        var expected: [UInt32] = []
        for place in places {
            let row = slotRows[Int(scratch.estimates.allNumbers[place])]
            if !expected.contains(row) { expected.append(row) }
        }
        #expect(scratch.rows == expected)
        // Memory that was used before does no harm.
        #expect(collect(places.prefix(1), slotRows, below: .max, &scratch))
        #expect(scratch.rows == [expected[0]])
    }

    @Test func `a row that is none is damage`() {
        var scratch = scratch(slots: 3)
        let places = scratch.estimates.places(of: 0)
        let slotRows: [UInt32] = [4, 9, 2]
        #expect(!collect(places, slotRows, below: 9, &scratch))
        #expect(collect(places, slotRows, below: 10, &scratch))
    }

    @Test func `the list comes in the order of leaves, but each query's best leaf in front`() {
        var scratch = SearchScratch()
        scratch.begin(queryCount: 3, keeping: 1)
        let leaves: [(query: Int, tag: UInt32)] = [(0, 3), (0, 1), (0, 4), (1, 1), (1, 3), (2, 4), (2, 0), (2, 1)]
        for leaf in leaves {
            scratch.queue.append(
                ScanLeaf(
                    query: leaf.query, firstBlock: 0, slotCount: 1, firstNumber: 0, constant: 0, tag: leaf.tag))
        }
        scratch.orderQueue(leafCount: 5)
        let expected = [(1, 1), (0, 3), (2, 4), (2, 0), (0, 1), (2, 1), (1, 3), (0, 4)]
        #expect(scratch.queue.map(\.query) == expected.map(\.0))
        #expect(scratch.queue.map { Int($0.tag) } == expected.map(\.1))
        scratch.begin(queryCount: 1, keeping: 1)
        scratch.orderQueue(leafCount: 5)
        #expect(scratch.queue.isEmpty)
    }

    @Test func `the k-th best score is found among the first of them`() {
        var scratch = SearchScratch()
        scratch.scores = [3, -1, 7, 7, 5, 100]
        #expect(scratch.kthBestScore(1, count: 5, kernels: .best) == orderKey(7))
        #expect(scratch.kthBestScore(2, count: 5, kernels: .best) == orderKey(7))
        #expect(scratch.kthBestScore(4, count: 5, kernels: .best) == orderKey(3))
        #expect(scratch.kthBestScore(5, count: 5, kernels: .best) == .min)
        #expect(scratch.kthBestScore(6, count: 5, kernels: .best) == .min)
    }

    @Test func `scores of rows are appended without those excluded, under the numbers that rows have`() {
        var scratch = SearchScratch()
        scratch.candidates.reset(keeping: 10)
        scratch.scores = [5, 6, 7, 8]
        let filter = RowFilter(excluding: [11, 40])
        scratch.appendScores(rows: 10..<13, filter: filter, numbering: Span(), kernels: .best)
        let names: [UInt32] = [70, 71]
        scratch.appendScores(rows: 40..<42, filter: filter, numbering: names.span, kernels: .best)
        scratch.candidates.select(kernels: .best)
        let count = scratch.candidates.count
        #expect(count == 3)
        #expect(Array(scratch.candidates.numbers[..<count]).sorted() == [10, 12, 71])
        #expect(scratch.candidates.scores[..<count].sorted() == [5, 6, 7])
    }

    @Test func `room for floats grows and never shrinks`() {
        var floats: [Float] = [1, 2]
        floats.reserveFloats(1)
        #expect(floats == [1, 2])
        floats.reserveFloats(5)
        #expect(floats.count == 5)
    }
}
