/// Reads rows that follow each other without anything between them: `.npy`, `.fbin`, `.u8bin`, `.i8bin`, tensors.
///
/// f32 goes from the file straight into the caller's memory; everything else passes through at most 256 KiB of raw values.
final class ArrayRowDecoder: RowDecoder {
    let dimensions: Int
    private let file: InputFile
    private let layout: ArrayLayout
    private var nextRow = 0

    // One of them is used, by element type.
    private var bytes: [UInt8] = []
    private var halves: [UInt16] = []
    private var doubles: [UInt64] = []

    private static let stagedByteCount = 256 << 10

    init(_ file: InputFile, _ layout: ArrayLayout) {
        self.file = file
        self.layout = layout
        dimensions = layout.dimensions
        let size = layout.element.byteCount
        let count = min(layout.rowCount * layout.dimensions, Self.stagedByteCount / max(1, size))
        switch layout.element {
        case .float32, .text: break
        case .uint8, .int8: bytes = [UInt8](repeating: 0, count: count)
        case .float16, .bfloat16: halves = [UInt16](repeating: 0, count: count)
        case .float64: doubles = [UInt64](repeating: 0, count: count)
        }
    }

    func decode(
        into floats: inout MutableSpan<Float>, at start: Int, rowCount: Int, batch: inout RowBatch
    ) throws(InputError) -> Int {
        let rows = min(rowCount, layout.rowCount - nextRow)
        let offset = layout.byteOffset + nextRow * dimensions * layout.element.byteCount
        let count = rows * dimensions
        switch layout.element {
        case .float32, .text:
            try file.read(into: &floats, at: start, count: count, offset: offset)
            if layout.isBigEndian { swapBytes(&floats, start..<start + count) }
        case .uint8, .int8:
            try inChunks(of: bytes.count, count: count) { (done, part) throws(InputError) in
                try file.read(into: &bytes, count: part, offset: offset + done)
                widen(
                    bytes, from: 0, count: part, isSigned: layout.element == .int8, into: &floats, at: start + done)
            }
        case .float16, .bfloat16:
            try inChunks(of: halves.count, count: count) { (done, part) throws(InputError) in
                try file.read(into: &halves, count: part, offset: offset + 2 * done)
                if layout.isBigEndian { swapBytes(&halves, part) }
                if layout.element == .float16 {
                    widenFloat16(halves, count: part, into: &floats, at: start + done)
                } else {
                    widenBFloat16(halves, count: part, into: &floats, at: start + done)
                }
            }
        case .float64:
            try inChunks(of: doubles.count, count: count) { (done, part) throws(InputError) in
                try file.read(into: &doubles, count: part, offset: offset + 8 * done)
                if layout.isBigEndian { swapBytes(&doubles, part) }
                if narrow(doubles, count: part, into: &floats, at: start + done) {
                    noteOverflows(part, done: done, batch: &batch)
                }
            }
        }
        nextRow += rows
        return rows
    }

    private func inChunks(
        of size: Int, count: Int, _ body: (_ done: Int, _ part: Int) throws(InputError) -> Void
    ) throws(InputError) {
        var done = 0
        while done < count {
            let part = min(size, count - done)
            try body(done, part)
            done += part
        }
    }

    /// Finds the rows of the overflows in the staged doubles, of which the first is number `done` of the call.
    private func noteOverflows(_ part: Int, done: Int, batch: inout RowBatch) {
        for index in 0..<part {
            let value = Double(bitPattern: doubles[index])
            if value.isFinite, Float(value).isInfinite {
                batch.noteOverflow(row: batch.rowCount + (done + index) / dimensions)
            }
        }
    }
}
