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
    func ofRows(_ count: Int) -> Int { 16_000 + count * (48 + rowStride + rowStride / 2) }

    /// Scoring all rows, as they lie.
    var ofAllRows: Int { 16_000 + rowCount * (48 + rowStride) }

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
