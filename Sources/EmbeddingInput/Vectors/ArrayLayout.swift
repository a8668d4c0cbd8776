import FileSystem

/// The most dimensions a vector may have.
let dimensionLimit = 65_535

/// A row-major array of numbers inside a file, with every number in it checked against the file's size.
struct ArrayLayout {
    let rowCount: Int
    let dimensions: Int
    let element: VectorElement
    let isBigEndian: Bool
    /// Where the array begins in the file.
    let byteOffset: Int

    /// - Parameters:
    ///   - rows, dimensions: as the file claims them.
    ///   - availableByteCount: what the file has from `byteOffset` on, or the length that it announces for this array.
    /// - Throws: `unsupported` for dimensions outside 1…65,535, `truncated` or `malformed` when the sizes disagree.
    init(
        rows: UInt64, dimensions: UInt64, element: VectorElement, isBigEndian: Bool = false, byteOffset: Int,
        availableByteCount: Int, file: String
    ) throws(InputError) {
        self.dimensions = try checkedDimensions(dimensions, file: file)
        self.element = element
        self.isBigEndian = isBigEndian
        self.byteOffset = byteOffset

        let shape = "\(grouped(rows)) rows of \(grouped(dimensions)) \(element.rawValue) values"
        let (byteCount, overflows) = rows.multipliedReportingOverflow(
            by: UInt64(self.dimensions * element.byteCount))
        guard !overflows, byteCount <= UInt64(availableByteCount) else {
            let wanted = overflows ? "more than \(grouped(UInt64.max))" : grouped(byteCount)
            throw InputError(
                .truncated, file: file,
                "announces \(shape), which take \(wanted) bytes, but has \(grouped(availableByteCount)); "
                    + "write or copy the file again")
        }
        guard byteCount == UInt64(availableByteCount) else {
            throw InputError(
                .malformed, file: file,
                "announces \(shape), which take \(grouped(byteCount)) bytes, but has "
                    + "\(grouped(UInt64(availableByteCount) - byteCount)) bytes more; "
                    + "is it in another format, or two files in one?")
        }
        rowCount = Int(rows)
    }

    /// The layout of `.fbin`, `.u8bin` and `.i8bin`: two u32 before the array.
    init(countedHeaderOf file: InputFile, element: VectorElement) throws(InputError) {
        let head = try file.prefix(8)
        guard head.count == 8 else {
            throw InputError(
                .truncated, file: file.name,
                "has \(grouped(head.count)) bytes, but row count and dimensions alone take 8; write or copy it again")
        }
        try self.init(
            rows: littleEndian(head[0..<4]), dimensions: littleEndian(head[4..<8]), element: element, byteOffset: 8,
            availableByteCount: file.byteCount - 8, file: file.name)
    }
}

/// `dimensions` when a vector may have so many.
func checkedDimensions(_ dimensions: UInt64, file: String) throws(InputError) -> Int {
    guard dimensions >= 1, dimensions <= UInt64(dimensionLimit) else {
        throw InputError(
            .unsupported, file: file,
            "has vectors of \(grouped(dimensions)) dimensions; 1 to \(grouped(dimensionLimit)) are supported")
    }
    return Int(dimensions)
}
