import Testing
import VectorKernels

@testable import TreeAH

@Test func `a range without excluded rows needs no mask`() {
    var words: [UInt32] = [1]
    #expect(RowFilter(excluding: [3, 200]).appendLiveMask(of: 10..<100, to: &words) == nil)
    #expect(words == [1])
}

@Test func `excluded rows have cleared bits relative to the range`() {
    var words: [UInt32] = []
    #expect(RowFilter(excluding: [70, 5, 42, 42]).appendLiveMask(of: 10..<80, to: &words) == 0)
    #expect(words.count == 3)
    #expect(words[0] == .max)
    #expect(words[1] == ~UInt32(1 | 1 << 28))  // rows 42 and 70 are bits 0 and 28 of the second word
    #expect(words[2] == .max)
    #expect(RowFilter(excluding: [75]).appendLiveMask(of: 10..<80, to: &words) == 3)
    #expect(words[5] == ~2)
}

@Test func `slots of excluded rows have cleared bits wherever their rows lie`() {
    var words: [UInt32] = [9]
    let slots: [UInt32] = Array(100..<130) + [4, 7, 120, 5]
    #expect(RowFilter(excluding: [4, 120]).appendLiveMask(ofSlots: slots.span, to: &words) == 1)
    let masks: [UInt32] = [9, 0xFFFF_FFFF ^ 0x4010_0000, 0xFFFF_FFFE]  // slots 20, 30 and 32
    #expect(words == masks)
    #expect(RowFilter(excluding: [6]).appendLiveMask(ofSlots: slots.span, to: &words) == nil)
    #expect(words.count == 3)
}

@Test func `repeated exclusions count once`() {
    let list = RowFilter(excluding: [7, 7, 7, 1])
    #expect(list.excludedCount == 2 && !list.passesAll)
    #expect(list.excludedCount(in: 0..<7) == 1 && list.excludedCount(in: 7..<8) == 1)
    let bitmap = RowFilter(excluding: [7, 7, 7, 1], of: 40)
    #expect(bitmap.excludedCount == 2)
    #expect(bitmap.excludedCount(in: 0..<7) == 1 && bitmap.excludedCount(in: 7..<40) == 1)
    #expect(RowFilter.all.passesAll && RowFilter(excluding: [], of: 0).passesAll)
}

/// Few rows are a list, many a bitmap: nobody can tell them apart but by memory.
@Test(arguments: [1, 31, 32, 33, 64, 100, 1000])
func `fault 16: filters meet, and tell which rows they leave, as sets do`(_ rowCount: Int) {
    var generator = SeededGenerator(seed: UInt64(rowCount))
    let lists: [[UInt32]] = [0, 1, 2, 10, 50, 99, 100].map { percent in
        (0..<UInt32(rowCount)).filter { _ in generator.uniform(below: 100) < percent }
    }
    let ranges = (0..<20).map { _ -> Range<Int> in
        let ends = [generator.uniform(below: rowCount + 1), generator.uniform(below: rowCount + 1)].sorted()
        return ends[0]..<ends[1]
    }
    for left in lists {
        for right in lists {
            let excluded = Set(left + right)
            for (mine, theirs) in [(nil, nil), (nil, rowCount), (rowCount, nil), (rowCount, rowCount)] as [(Int?, Int?)]
            {
                let filter = RowFilter(excluding: left.reversed(), of: mine)
                    .intersection(RowFilter(excluding: right, of: theirs))
                #expect(filter.excludedCount == excluded.count && filter.passesAll == excluded.isEmpty)
                #expect(filter.passing(of: rowCount) == (0..<UInt32(rowCount)).filter { !excluded.contains($0) })
                for range in ranges { expectAgreement(filter, with: excluded, over: range) }
            }
        }
    }
}

private func expectAgreement(_ filter: RowFilter, with excluded: Set<UInt32>, over range: Range<Int>) {
    let left = range.map { excluded.contains(UInt32($0)) }
    #expect(filter.excludedCount(in: range) == left.count { $0 })
    var words: [UInt32] = [5]
    let slots = range.map { UInt32($0) }.reversed() + [.max]
    for (start, expected) in [
        (filter.appendLiveMask(of: range, to: &words), left),
        (filter.appendLiveMask(ofSlots: slots.span, to: &words), left.reversed() + [false]),
    ] {
        #expect((start != nil) == expected.contains(true))
        guard let start else { continue }
        for (place, isExcluded) in expected.enumerated() {
            #expect((words[start + place / 32] >> UInt32(place % 32) & 1 == 0) == isExcluded)
        }
    }
}

@Test func `rows beyond what is asked for are not counted`() {
    #expect(RowFilter(excluding: [2, 90]).passing(of: 4) == [0, 1, 3])
    #expect(RowFilter(excluding: [2]).passing(of: 0).isEmpty)
}
