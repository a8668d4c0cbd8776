/// Where things lie in a block of 32 slots: `Formats/segment.md`, section 6.
public struct CodeBlockLayout: Sendable, Equatable {
    public static let slotsPerBlock = 32

    /// Pairs of subspaces: bytes a slot.
    public let pairs: Int
    /// Whether biases follow the scales: always for squared distances and cosines, for inner products where errors lie along
    /// the centroids.
    public let hasBiases: Bool

    public init(pairs: Int, hasBiases: Bool) {
        self.pairs = pairs
        self.hasBiases = hasBiases
    }

    public var scalesOffset: Int { 32 * pairs }
    public var biasesOffset: Int { scalesOffset + 64 }
    public var byteCount: Int { biasesOffset + (hasBiases ? 128 : 0) }

    /// Blocks that `slotCount` slots fill; the last may be partial.
    public static func blockCount(slotCount: Int) -> Int { (slotCount + slotsPerBlock - 1) / slotsPerBlock }
}
