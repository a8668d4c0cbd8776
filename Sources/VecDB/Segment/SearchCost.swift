/// What a search of a segment costs, by counts alone, in sixteenths of a nanosecond of a core that scans codes and reads rows
/// at the rate of memory: for choosing between ways, not a promise.
///
/// Integers, and written down in `Formats/numerics.md` (section 4): two readers take the same way.
struct SearchCost {
    let rowCount: Int
    /// Bytes from one stored row to the next.
    let rowStride: Int
    let leafCount: Int
    let slotCount: Int
    let bytesOfBlock: Int
    /// Columns of the routing centroids.
    let routingDimensions: Int

    /// Scoring rows that lie anywhere, one after the other.
    static func ofRows(_ count: Int, stride: Int) -> Int { 16_000 + count * (48 + stride + stride / 2) }

    /// Scoring all rows, as they lie.
    var ofAllRows: Int { Self.ofAllRows(rowCount, stride: rowStride) }

    static func ofAllRows(_ count: Int, stride: Int) -> Int { 16_000 + count * (48 + stride) }

    /// The slots of so many leaves of average size.
    private func averageSlots(_ leaves: Int) -> Int {
        guard leafCount > 0 else { return 0 }
        // Their product may be beyond an integer's range; a quotient below the slots is not.
        return leafCount.dividingFullWidth(slotCount.multipliedFullWidth(by: leaves)).quotient
    }

    /// Searching a tree.
    ///
    /// - Parameter slots: those scanned; `nil`: as many as so many leaves hold on average.
    func ofTree(leaves: Int, reorder: Int, slots: Int? = nil) -> Int {
        let (leaves, reorder) = (min(leaves, leafCount), min(reorder, rowCount))
        let slots = slots ?? averageSlots(leaves)
        return leafCount * routingDimensions / 2 + 320 * leaves + slots * bytesOfBlock / 32
            + reorder * (480 + rowStride)
    }
}

extension IndexSegment {
    /// What searches of the tree cost; `nil` where there is none.
    var searchCost: SearchCost? {
        guard let tree = parameters.tree else { return nil }
        return SearchCost(
            rowCount: rowCount, rowStride: rowStride, leafCount: tree.leafCount, slotCount: tree.slotCount,
            bytesOfBlock: tree.bytesOfBlock, routingDimensions: tree.routingDimensions(dimensions))
    }
}

/// What a search of a snapshot costs, as far as it goes through trees.
struct SnapshotCost {
    private let trees: [SearchCost]
    /// Of all segments, and of what is in memory.
    let rowCount: Int
    /// Of the tree that has the most.
    let leafCount: Int
    private let rowStride: Int

    /// - Parameter rowCount: of all segments, and of what is in memory.
    init?(_ trees: [SearchCost], rowCount: Int) {
        guard !trees.isEmpty else { return nil }
        (self.trees, self.rowCount) = (trees, rowCount)
        leafCount = trees.reduce(0) { max($0, $1.leafCount) }
        rowStride = trees.reduce(0) { max($0, $1.rowStride) }
    }

    func ofRows(_ count: Int) -> Int { SearchCost.ofRows(count, stride: rowStride) }

    var ofAllRows: Int { SearchCost.ofAllRows(rowCount, stride: rowStride) }

    func ofTrees(leaves: Int, reorder: Int) -> Int {
        trees.reduce(min(reorder, rowCount) * (480 + rowStride)) { $0 + $1.ofTree(leaves: leaves, reorder: 0) }
    }
}
