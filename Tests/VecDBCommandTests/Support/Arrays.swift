/// A NumPy file, version 1.
///
/// - Parameter description: numpy's name of the element type, such as `<f4`.
func npy(
    rows: Int, dimensions: Int, description: String = "<f4", fortranOrder: Bool = false, content: [UInt8]
) -> [UInt8] {
    var header =
        "{'descr': '\(description)', 'fortran_order': \(fortranOrder ? "True" : "False"), "
        + "'shape': (\(rows), \(dimensions)), }"
    header += String(repeating: " ", count: (64 - (10 + header.utf8.count + 1) % 64) % 64) + "\n"
    let count = UInt16(header.utf8.count)
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + [UInt8(count & 255), UInt8(count >> 8)] + Array(header.utf8)
        + content
}

/// A NumPy file of `<f4` rows.
func npy(_ rows: [[Float]], dimensions: Int? = nil) -> [UInt8] {
    npy(
        rows: rows.count, dimensions: dimensions ?? rows.first?.count ?? 0,
        content: rows.joined().flatMap { littleEndianBytes($0.bitPattern) })
}

func littleEndianBytes(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

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
