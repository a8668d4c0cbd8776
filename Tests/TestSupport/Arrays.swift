/// A NumPy file, version 1.
///
/// - Parameter description: numpy's name of the element type, such as `<f4`.
public func npy(
    rows: Int, dimensions: Int, description: String = "<f4", fortranOrder: Bool = false, content: [UInt8]
) -> [UInt8] {
    var header =
        "{'descr': '\(description)', 'fortran_order': \(fortranOrder ? "True" : "False"), "
        + "'shape': (\(rows), \(dimensions)), }"
    header += String(repeating: " ", count: (64 - (10 + header.utf8.count + 1) % 64) % 64) + "\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + littleEndianBytes(UInt16(header.utf8.count)) + Array(header.utf8)
        + content
}

/// A NumPy file of `<f4` rows.
public func npy(_ rows: [[Float]], dimensions: Int? = nil) -> [UInt8] {
    npy(
        rows: rows.count, dimensions: dimensions ?? rows.first?.count ?? 0,
        content: littleEndianBytes(Array(rows.joined())))
}

public func littleEndianBytes<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

public func littleEndianBytes(_ values: [Float]) -> [UInt8] { values.flatMap { littleEndianBytes($0.bitPattern) } }
