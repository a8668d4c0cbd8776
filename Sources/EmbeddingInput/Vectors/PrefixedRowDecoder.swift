import FileSystem

/// Reads `.fvecs` and `.bvecs`: before every row stands its dimension count, an i32 that must never change.
final class PrefixedRowDecoder: RowDecoder {
    let dimensions: Int
    private let file: InputFile
    private let element: VectorElement
    private let rowCount: Int
    private var nextRow = 0
    private var staged: [UInt8]

    private var rowByteCount: Int { 4 + dimensions * element.byteCount }

    /// What the first row's count and the file's size say.
    static func layout(of file: InputFile, element: VectorElement) throws(InputError) -> ArrayLayout {
        let head = try file.prefix(4)
        guard head.count == 4 else {
            throw InputError(
                .truncated, file: file.name,
                "has \(grouped(head.count)) bytes, but the first row's dimension count alone takes 4")
        }
        let first = Int32(truncatingIfNeeded: littleEndian(head))
        guard first >= 0 else {
            throw InputError(
                .malformed, file: file.name, row: 0,
                "has the dimension count \(grouped(first)); is the file in another format or byte order?")
        }
        let dimensions = try checkedDimensions(UInt64(first), file: file.name)
        let rowByteCount = 4 + dimensions * element.byteCount
        let (rows, rest) = file.byteCount.quotientAndRemainder(dividingBy: rowByteCount)
        guard rest == 0 else {
            throw InputError(
                .truncated, file: file.name,
                "has \(grouped(file.byteCount)) bytes, which is no multiple of \(grouped(rowByteCount)), the size of a "
                    + "row of \(grouped(dimensions)) dimensions: \(grouped(rest)) bytes follow row \(grouped(rows))")
        }
        return try ArrayLayout(
            rows: UInt64(rows), dimensions: UInt64(dimensions), element: element, byteOffset: 0,
            availableByteCount: rows * dimensions * element.byteCount, file: file.name)
    }

    init(_ file: InputFile, _ layout: ArrayLayout) {
        self.file = file
        dimensions = layout.dimensions
        element = layout.element
        rowCount = layout.rowCount
        let rowByteCount = 4 + layout.dimensions * layout.element.byteCount
        let stagedRows = min(layout.rowCount, max(1, (256 << 10) / rowByteCount))
        staged = [UInt8](repeating: 0, count: stagedRows * rowByteCount)
    }

    func decode(
        into floats: inout MutableSpan<Float>, at start: Int, rowCount wanted: Int, batch: inout RowBatch
    ) throws(InputError) -> Int {
        let rows = min(wanted, rowCount - nextRow)
        var done = 0
        while done < rows {
            let part = min(staged.count / rowByteCount, rows - done)
            try file.read(into: &staged, count: part * rowByteCount, offset: (nextRow + done) * rowByteCount)
            for row in 0..<part {
                try decodeRow(
                    row, into: &floats, at: start + (done + row) * dimensions,
                    ordinal: batch.firstOrdinal + batch.rowCount + done + row)
            }
            done += part
        }
        nextRow += rows
        return rows
    }

    private func decodeRow(
        _ row: Int, into floats: inout MutableSpan<Float>, at start: Int, ordinal: Int
    ) throws(InputError) {
        let rowStart = row * rowByteCount
        let count = Int32(truncatingIfNeeded: littleEndian(staged[rowStart..<rowStart + 4]))
        guard Int(count) == dimensions else {
            throw InputError(
                .malformed, file: file.name, row: ordinal,
                "has \(grouped(count)) dimensions where the first row has \(grouped(dimensions))")
        }
        if element == .uint8 {
            widen(staged, from: rowStart + 4, count: dimensions, isSigned: false, into: &floats, at: start)
        } else {
            assembleFloats(staged, from: rowStart + 4, count: dimensions, into: &floats, at: start)
        }
    }
}

/// Floats out of bytes that lie at any address, lowest byte first.
private func assembleFloats(
    _ bytes: [UInt8], from first: Int, count: Int, into floats: inout MutableSpan<Float>, at start: Int
) {
    precondition(first >= 0 && count >= 0 && first <= bytes.count - 4 * count)
    precondition(start >= 0 && start <= floats.count - count)
    let bytes = bytes.span.extracting(first..<first + 4 * count)
    for index in 0..<count {
        let byte = 4 &* index
        let low = UInt32(bytes[byte]) | UInt32(bytes[byte &+ 1]) << 8
        let high = UInt32(bytes[byte &+ 2]) | UInt32(bytes[byte &+ 3]) << 8
        floats[start &+ index] = Float(bitPattern: low | high << 16)
    }
}
