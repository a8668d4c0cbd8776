/// Rows that a search must not return.
///
/// Kept as a sorted list; a leaf or chunk that holds some of them gets a bit mask for its scan, all others none, so
/// that exclusions cost in proportion to where they fall and answers stay exact however many there are.
public struct ExcludedRows: Sendable {
    private let rows: [UInt32]

    public static let none = ExcludedRows([])

    /// - Parameter rows: in any order, repetitions allowed.
    public init(_ rows: [UInt32]) {
        var sorted = rows.sorted()
        var kept = 0
        for index in sorted.indices where index == 0 || sorted[index] != sorted[index - 1] {
            sorted[kept] = sorted[index]
            kept += 1
        }
        sorted.removeSubrange(kept...)
        self.rows = sorted
    }

    private init(sorted rows: [UInt32]) { self.rows = rows }

    /// These rows and others.
    ///
    /// - Complexity: O(count + other.count).
    public func union(_ other: ExcludedRows) -> ExcludedRows {
        if other.isEmpty { return self }
        if isEmpty { return other }
        var merged: [UInt32] = []
        merged.reserveCapacity(rows.count + other.rows.count)
        var (mine, theirs) = (0, 0)
        while mine < rows.count, theirs < other.rows.count {
            let (left, right) = (rows[mine], other.rows[theirs])
            merged.append(min(left, right))
            if left <= right { mine += 1 }
            if right <= left { theirs += 1 }
        }
        merged += rows[mine...]
        merged += other.rows[theirs...]
        return ExcludedRows(sorted: merged)
    }

    /// The rows below `rowCount` that may be returned, ascending.
    ///
    /// - Complexity: O(rowCount).
    public func remaining(of rowCount: Int) -> [UInt32] {
        var remaining: [UInt32] = []
        remaining.reserveCapacity(max(0, rowCount - rows.count))
        var next = 0
        for row in rows where Int(row) < rowCount {
            for kept in next..<Int(row) { remaining.append(UInt32(kept)) }
            next = Int(row) + 1
        }
        for kept in next..<max(next, rowCount) { remaining.append(UInt32(kept)) }
        return remaining
    }

    public var count: Int { rows.count }
    public var isEmpty: Bool { rows.isEmpty }

    /// How many of `range` are excluded.
    ///
    /// - Complexity: O(log count).
    public func count(in range: Range<Int>) -> Int {
        isEmpty ? 0 : firstIndex(notBelow: range.upperBound) - firstIndex(notBelow: range.lowerBound)
    }

    /// Appends one bit a row of `range`, 32 to a word, set where the row may be returned; no words at all when every
    /// row may be.
    ///
    /// - Returns: where the words begin; `nil` when there are none.
    public func appendLiveMask(of range: Range<Int>, to words: inout [UInt32]) -> Int? {
        guard !isEmpty else { return nil }
        let (first, end) = (firstIndex(notBelow: range.lowerBound), firstIndex(notBelow: range.upperBound))
        guard first < end else { return nil }
        let start = words.count
        words.append(contentsOf: repeatElement(.max, count: (range.count + 31) / 32))
        for index in first..<end {
            let place = Int(rows[index]) - range.lowerBound
            words[start + place / 32] &= ~(1 << UInt32(place % 32))
        }
        return start
    }

    /// As ``appendLiveMask(of:to:)`` for slots whose rows lie anywhere.
    ///
    /// - Complexity: O(slots · log count).
    public func appendLiveMask(ofSlots rows: Span<UInt32>, to words: inout [UInt32]) -> Int? {
        guard !isEmpty else { return nil }
        let start = words.count
        var excludesSome = false
        words.append(contentsOf: repeatElement(.max, count: (rows.count + 31) / 32))
        for slot in rows.indices where contains(rows[slot]) {
            words[start + slot / 32] &= ~(1 << UInt32(slot % 32))
            excludesSome = true
        }
        if excludesSome { return start }
        words.removeSubrange(start...)
        return nil
    }

    private func contains(_ row: UInt32) -> Bool {
        let index = firstIndex(notBelow: Int(row))
        return index < rows.count && rows[index] == row
    }

    private func firstIndex(notBelow row: Int) -> Int {
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(rows[middle]) < row { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
