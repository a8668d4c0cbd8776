/// Reads the rows of one file, from the first to the last.
protocol RowDecoder: AnyObject {
    /// The length of every row.
    var dimensions: Int { get }

    /// Decodes up to `rowCount` rows into `floats`, beginning at `start`; fewer only at the end of the file.
    ///
    /// - Parameter batch: takes what comes with the rows; `batch.rowCount` rows of it are complete already.
    func decode(
        into floats: inout MutableSpan<Float>, at start: Int, rowCount: Int, batch: inout RowBatch
    ) throws(InputError) -> Int
}

/// What one `read` collected beside the floats.
struct RowBatch {
    /// The ordinal, over all files, of the batch's first row.
    let firstOrdinal: Int
    /// Rows that are in the batch.
    var rowCount = 0
    /// Rows of the batch, ascending, in which a finite number became infinite as a float.
    var overflowedRows: [Int] = []
    /// One id for each row, when the source has ids.
    var ids: [String] = []
    /// One canonical JSON object for each row, when the source has metadata.
    var documents: [[UInt8]] = []

    init(firstOrdinal: Int) {
        self.firstOrdinal = firstOrdinal
    }

    mutating func noteOverflow(row: Int) {
        if overflowedRows.last != row { overflowedRows.append(row) }
    }
}
