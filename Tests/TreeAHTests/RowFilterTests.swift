import Testing

@testable import TreeAH

@Test func `a range without excluded rows needs no mask`() {
    var words: [UInt32] = [1]
    #expect(ExcludedRows([3, 200]).appendLiveMask(of: 10..<100, to: &words) == nil)
    #expect(words == [1])
}

@Test func `excluded rows have cleared bits relative to the range`() {
    var words: [UInt32] = []
    #expect(ExcludedRows([70, 5, 42, 42]).appendLiveMask(of: 10..<80, to: &words) == 0)
    #expect(words.count == 3)
    #expect(words[0] == .max)
    #expect(words[1] == ~UInt32(1 | 1 << 28))  // rows 42 and 70 are bits 0 and 28 of the second word
    #expect(words[2] == .max)
    #expect(ExcludedRows([75]).appendLiveMask(of: 10..<80, to: &words) == 3)
    #expect(words[5] == ~2)
}

@Test func `slots of excluded rows have cleared bits wherever their rows lie`() {
    var words: [UInt32] = [9]
    let slots: [UInt32] = Array(100..<130) + [4, 7, 120, 5]
    #expect(ExcludedRows([4, 120]).appendLiveMask(ofSlots: slots.span, to: &words) == 1)
    let masks: [UInt32] = [9, 0xFFFF_FFFF ^ 0x4010_0000, 0xFFFF_FFFE]  // slots 20, 30 and 32
    #expect(words == masks)
    #expect(ExcludedRows([6]).appendLiveMask(ofSlots: slots.span, to: &words) == nil)
    #expect(words.count == 3)
}

@Test func `repeated exclusions count once`() {
    let excluded = ExcludedRows([7, 7, 7, 1])
    #expect(excluded.count == 2)
    #expect(excluded.count(in: 0..<7) == 1)
    #expect(excluded.count(in: 7..<8) == 1)
}

@Test func `fault 16: exclusions unite, and tell which rows they leave`() {
    func rows(_ excluded: ExcludedRows) -> [UInt32] {
        let left = Set(excluded.remaining(of: 40))
        return (0..<40).filter { !left.contains($0) }
    }
    let lists: [[UInt32]] = [[], [3], [0, 39], [1, 3, 5, 5], [39, 2, 3, 1], Array(0..<40)]
    for left in lists {
        #expect(ExcludedRows(left).remaining(of: 40) == (0..<40).filter { !left.contains($0) })
        for right in lists {
            let union = ExcludedRows(left).union(ExcludedRows(right))
            #expect(rows(union) == Set(left + right).sorted() && union.count == Set(left + right).count)
        }
    }
    #expect(ExcludedRows([2, 90]).remaining(of: 4) == [0, 1, 3])
    #expect(ExcludedRows([2]).remaining(of: 0).isEmpty)
}
