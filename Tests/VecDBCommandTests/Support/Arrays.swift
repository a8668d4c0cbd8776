import TestSupport

func bigEndianBytes(_ value: UInt32) -> [UInt8] {
    littleEndianBytes(value).reversed()
}

/// Rows around `clusters` centres, the same for the same seed.
func clusteredRows(_ count: Int, dimensions: Int, clusters: Int, seed: UInt64) -> [[Float]] {
    var state = seed
    func uniform() -> Float {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(state >> 40) / Float(1 << 24) - 0.5
    }
    let centres = (0..<clusters).map { _ in (0..<dimensions).map { _ in 4 * uniform() } }
    return (0..<count).map { row in centres[row % clusters].map { $0 + uniform() } }
}
