import FileSystem

/// The true nearest candidates of a set of queries, as ordinals: what recall is counted against.
///
/// Read from `.npy` (integers of 4 or 8 bytes), `.ivecs` (before every row its length, an i32) or `.ibin` (two u32: rows
/// and columns, then u32 ordinals; distances of the same shape may follow, as in the files of the Billion-scale ANN
/// benchmarks, and are not looked at). Held in memory: 8 bytes an ordinal.
public struct OrdinalTable: Sendable {
    /// A row for each query, nearest candidate first; all of the same length.
    public let rows: [[UInt64]]

    /// Reads a whole file.
    ///
    /// - Parameters:
    ///   - queryCount: a file of more rows than this is not read; it may be a hole of terabytes.
    ///   - candidateCount: nor one of more columns than this, for no query has the same candidate twice.
    ///   - isCancelled: asked while a pipe is copied; `true` throws `cancelled`.
    /// - Throws: `InputError` that names the file and, for a negative ordinal, its row and value; −1 is one as an
    ///   unsigned number as well.
    public init(
        _ path: String, queryCount: Int? = nil, candidateCount: Int? = nil, isCancelled: () -> Bool = { false }
    ) throws(InputError) {
        let source = try InputFile.open(path, spoolDirectory: nil, isCancelled: isCancelled)
        guard source.byteCount > 0 else {
            throw InputError(.empty, file: source.name, "is empty (0 bytes); was it written to the end?")
        }
        let layout = try IntegerLayout(of: source)
        if let queryCount, layout.rowCount > queryCount {
            throw InputError(
                .mismatch, file: source.name,
                "has \(grouped(layout.rowCount)) \(layout.rowCount == 1 ? "row" : "rows") for \(grouped(queryCount)) "
                    + (queryCount == 1 ? "query" : "queries"))
        }
        if let candidateCount, layout.columns > candidateCount {
            throw InputError(
                .mismatch, file: source.name,
                "has \(grouped(layout.columns)) ordinals a row, where there are \(grouped(candidateCount)) candidates: some "
                    + "would be there twice")
        }
        rows = try layout.read(source)
        try source.checkUnchanged()
    }
}

/// Where the integers of a table lie in its file; sizes are checked against the file's.
private struct IntegerLayout {
    var rowCount: Int
    var columns: Int
    var byteOffset: Int
    /// Bytes before the integers of each row.
    var prefixByteCount = 0
    var valueByteCount: Int
    var isSigned: Bool
    var isBigEndian = false

    private var rowByteCount: Int { prefixByteCount + columns * valueByteCount }

    init(of file: InputFile) throws(InputError) {
        let head = try file.prefix(8)
        if head.starts(with: NPYHeader.magic) {
            try self.init(npy: file)
        } else if fileExtension(file.name) == "ivecs" {
            try self.init(ivecs: file, head: head)
        } else if fileExtension(file.name) == "ibin" {
            try self.init(ibin: file, head: head)
        } else {
            try ForeignFormat.refuse(
                file, head: file.prefix(ForeignFormat.headByteCount), ending: fileExtension(file.name))
            throw InputError(
                .unsupported, file: file.name,
                "is no table of ordinals that is known here: .npy of integers, .ivecs or .ibin")
        }
    }

    private init(npy file: InputFile) throws(InputError) {
        let fields = try NPYHeader.fields(of: file)
        let kind: (size: Int, isSigned: Bool)? =
            switch fields.descr?.dropFirst() {
            case "i4": (4, true)
            case "u4": (4, false)
            case "i8": (8, true)
            case "u8": (8, false)
            default: nil
            }
        guard let order = fields.descr?.first, order == "<" || order == ">", let kind else {
            throw InputError(
                .unsupported, file: file.name,
                "has the dtype \(quoted((fields.descr ?? "structured").utf8)); ordinals are i4, u4, i8 or u8: save a.astype('int64')"
            )
        }
        let shape = try NPYHeader.matrixShape(fields, file: file.name)
        (valueByteCount, isSigned) = kind
        isBigEndian = order == ">"
        byteOffset = fields.byteOffset
        (rowCount, columns) = try checked(
            rows: shape.rows, columns: shape.columns, valueByteCount: valueByteCount, file: file,
            available: [file.byteCount - byteOffset])
    }

    private init(ivecs file: InputFile, head: [UInt8]) throws(InputError) {
        let length = head.count < 4 ? 0 : Int(Int32(truncatingIfNeeded: littleEndian(head[0..<4])))
        let rowByteCount = 4 + 4 * max(0, length)
        guard length > 0, file.byteCount % rowByteCount == 0 else {
            throw InputError(
                .malformed, file: file.name,
                "has \(grouped(file.byteCount)) bytes, which is no whole number of rows of \(grouped(length)) ordinals")
        }
        (rowCount, columns, byteOffset, prefixByteCount) = (file.byteCount / rowByteCount, length, 0, 4)
        (valueByteCount, isSigned) = (4, true)
    }

    private init(ibin file: InputFile, head: [UInt8]) throws(InputError) {
        guard head.count == 8 else {
            throw InputError(.truncated, file: file.name, "has \(head.count) bytes; rows and columns alone take 8")
        }
        let (rows, columns) = (littleEndian(head[0..<4]), littleEndian(head[4..<8]))
        (valueByteCount, isSigned, byteOffset) = (4, false, 8)
        (rowCount, self.columns) = try checked(
            rows: rows, columns: columns, valueByteCount: 4, file: file,
            available: [file.byteCount - 8, (file.byteCount - 8) / 2])
    }

    func read(_ file: InputFile) throws(InputError) -> [[UInt64]] {
        var bytes = [UInt8](repeating: 0, count: rowByteCount)
        var rows: [[UInt64]] = []
        rows.reserveCapacity(rowCount)
        for row in 0..<rowCount {
            try file.read(into: &bytes, count: rowByteCount, offset: byteOffset + row * rowByteCount)
            if prefixByteCount > 0, littleEndian(bytes[0..<4]) != UInt64(columns) {
                throw InputError(
                    .malformed, file: file.name, row: row, "has another length than the first row (\(grouped(columns)))"
                )
            }
            var ordinals: [UInt64] = []
            ordinals.reserveCapacity(columns)
            for column in 0..<columns {
                let start = prefixByteCount + column * valueByteCount
                let value = bytes[start..<start + valueByteCount]
                let ordinal = isBigEndian ? littleEndian(Array(value.reversed())) : littleEndian(value)
                // No candidate has the largest number: it is the −1 of those who have no unsigned one.
                let unused = UInt64.max >> UInt64(64 - 8 * valueByteCount)
                guard isSigned ? ordinal <= unused / 2 : ordinal < unused else {
                    let value = Int64(bitPattern: ordinal &- (valueByteCount == 8 ? 0 : unused + 1))
                    throw InputError(
                        .invalidValue, file: file.name, row: row,
                        "holds the negative ordinal \(value) in column \(grouped(column)); ordinals count from 0")
                }
                ordinals.append(ordinal)
            }
            rows.append(ordinals)
        }
        return rows
    }
}

/// Rows and columns, when they take just the bytes that there are.
///
/// - Parameter available: the byte counts that are right, the first of them the usual one.
private func checked(
    rows: UInt64, columns: UInt64, valueByteCount: Int, file: InputFile, available: [Int]
) throws(InputError) -> (Int, Int) {
    let (values, overflows) = rows.multipliedReportingOverflow(by: columns)
    let (byteCount, overflowsAgain) = values.multipliedReportingOverflow(by: UInt64(valueByteCount))
    guard rows > 0, columns > 0, !overflows, !overflowsAgain, available.contains(where: { UInt64($0) == byteCount })
    else {
        throw InputError(
            .malformed, file: file.name,
            "announces \(grouped(rows)) rows of \(grouped(columns)) ordinals, which do not take the "
                + "\(grouped(available[0])) bytes that follow")
    }
    return (Int(rows), Int(columns))
}
