/// Which rows of a segment a search may return: all but some.
///
/// Made once, however many queries share it. Where few rows are left out it is a list of them, which costs nothing to make
/// for a query of its own; where more are, a bitmap.
public struct RowFilter: Sendable {
    /// The rows left out, ascending, while they are few; otherwise one bit a row, set where it may be returned.
    private var numbers: [UInt32] = []
    private var isBitmap = false
    /// How many rows are left out.
    public private(set) var excludedCount = 0

    /// Lets all rows pass.
    public static let all = RowFilter()

    private init() {}

    /// Lets all rows pass but these.
    ///
    /// - Parameters:
    ///   - rows: in any order, repetitions allowed.
    ///   - rowCount: the segment's rows, which all of them are below. Without it no bitmap is made.
    /// - Complexity: O(n · log n) for n rows left out, and O(rowCount / 32) where a bitmap is smaller than their list.
    public init(excluding rows: [UInt32], of rowCount: Int? = nil) {
        if let rowCount, rows.count > Self.wordCount(rowCount) {
            isBitmap = true
            numbers = [UInt32](repeating: .max, count: Self.wordCount(rowCount))
            for row in rows { remove(row) }
            return
        }
        numbers = rows.sorted()
        var kept = 0
        for index in numbers.indices where index == 0 || numbers[index] != numbers[index - 1] {
            numbers[kept] = numbers[index]
            kept += 1
        }
        numbers.removeSubrange(kept...)
        excludedCount = kept
    }

    private static func wordCount(_ rowCount: Int) -> Int { (rowCount + 31) / 32 }

    private mutating func remove(_ row: UInt32) {
        let bit: UInt32 = 1 << (row % 32)
        if numbers[Int(row / 32)] & bit != 0 { excludedCount += 1 }
        numbers[Int(row / 32)] &= ~bit
    }

    /// Whether every row may be returned.
    public var passesAll: Bool { excludedCount == 0 }

    /// Lets pass what both of two filters of the same segment do.
    ///
    /// - Complexity: O(n) for n rows left out, O(rows / 32) of bitmaps.
    public func intersection(_ other: RowFilter) -> RowFilter {
        if other.passesAll { return self }
        if passesAll { return other }
        guard isBitmap else {
            return other.isBitmap ? other.intersection(self) : RowFilter(merging: numbers, other.numbers)
        }
        var both = self
        guard other.isBitmap else {
            for row in other.numbers { both.remove(row) }
            return both
        }
        for (place, word) in other.numbers.enumerated() {
            both.excludedCount += (both.numbers[place] & ~word).nonzeroBitCount
            both.numbers[place] &= word
        }
        return both
    }

    private init(merging left: [UInt32], _ right: [UInt32]) {
        numbers.reserveCapacity(left.count + right.count)
        var (mine, theirs) = (0, 0)
        while mine < left.count, theirs < right.count {
            numbers.append(min(left[mine], right[theirs]))
            (mine, theirs) = (
                mine + (left[mine] <= right[theirs] ? 1 : 0), theirs + (right[theirs] <= left[mine] ? 1 : 0)
            )
        }
        numbers += left[mine...]
        numbers += right[theirs...]
        excludedCount = numbers.count
    }

    /// The rows below `rowCount` that may be returned, ascending.
    ///
    /// - Complexity: O(rowCount).
    public func passing(of rowCount: Int) -> [UInt32] {
        var passing: [UInt32] = []
        passing.reserveCapacity(max(0, rowCount - excludedCount))
        if isBitmap {
            for (place, word) in numbers.enumerated() {
                var rest = word
                while rest != 0 {
                    let row = 32 * place + rest.trailingZeroBitCount
                    if row < rowCount { passing.append(UInt32(row)) }
                    rest &= rest - 1
                }
            }
            return passing
        }
        var next = 0
        for row in numbers where Int(row) < rowCount {
            for kept in next..<Int(row) { passing.append(UInt32(kept)) }
            next = Int(row) + 1
        }
        for kept in next..<max(next, rowCount) { passing.append(UInt32(kept)) }
        return passing
    }

    /// How many of `range` are left out.
    ///
    /// - Complexity: O(log n) for n rows left out, O(range / 32) of a bitmap.
    public func excludedCount(in range: Range<Int>) -> Int {
        if passesAll { return 0 }
        if !isBitmap { return firstIndex(notBelow: range.upperBound) - firstIndex(notBelow: range.lowerBound) }
        var count = 0
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 32) {
            count += (~bits(from: start, below: range.upperBound)).nonzeroBitCount
        }
        return count
    }

    /// Appends one bit a row of `range`, 32 to a word, set where the row may be returned; no words at all when every
    /// row may be.
    ///
    /// - Returns: where the words begin; `nil` when there are none.
    public func appendLiveMask(of range: Range<Int>, to words: inout [UInt32]) -> Int? {
        guard !passesAll else { return nil }
        guard !isBitmap else { return appendBits(of: range, to: &words) }
        let (first, end) = (firstIndex(notBelow: range.lowerBound), firstIndex(notBelow: range.upperBound))
        guard first < end else { return nil }
        let start = words.count
        words.append(contentsOf: repeatElement(.max, count: Self.wordCount(range.count)))
        for index in first..<end {
            let place = Int(numbers[index]) - range.lowerBound
            words[start + place / 32] &= ~(1 << UInt32(place % 32))
        }
        return start
    }

    private func appendBits(of range: Range<Int>, to words: inout [UInt32]) -> Int? {
        guard excludedCount(in: range) > 0 else { return nil }
        let start = words.count
        for first in stride(from: range.lowerBound, to: range.upperBound, by: 32) {
            words.append(bits(from: first, below: range.upperBound))
        }
        return start
    }

    /// The bits of 32 rows from `first` on; set for those from `end` on.
    private func bits(from first: Int, below end: Int) -> UInt32 {
        let (place, shift) = (first / 32, UInt32(first % 32))
        var bits = numbers[place] >> shift
        if shift > 0 { bits |= (place + 1 < numbers.count ? numbers[place + 1] : .max) << (32 - shift) }
        return end - first < 32 ? bits | .max << UInt32(end - first) : bits
    }

    /// As ``appendLiveMask(of:to:)`` for slots whose rows lie anywhere.
    ///
    /// - Complexity: O(slots), times log n for n rows left out where they are a list.
    public func appendLiveMask(ofSlots rows: Span<UInt32>, to words: inout [UInt32]) -> Int? {
        guard !passesAll else { return nil }
        let start = words.count
        var excludesSome = false
        words.append(contentsOf: repeatElement(.max, count: Self.wordCount(rows.count)))
        for slot in rows.indices where excludes(rows[slot]) {
            words[start + slot / 32] &= ~(1 << UInt32(slot % 32))
            excludesSome = true
        }
        if excludesSome { return start }
        words.removeSubrange(start...)
        return nil
    }

    private func excludes(_ row: UInt32) -> Bool {
        // What a file says a slot's row is may be anything.
        guard !isBitmap else { return row / 32 < numbers.count && numbers[Int(row / 32)] >> (row % 32) & 1 == 0 }
        let index = firstIndex(notBelow: Int(row))
        return index < numbers.count && numbers[index] == row
    }

    private func firstIndex(notBelow row: Int) -> Int {
        var (low, high) = (0, numbers.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(numbers[middle]) < row { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
