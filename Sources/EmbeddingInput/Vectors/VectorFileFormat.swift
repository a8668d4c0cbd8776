/// The layout of a file of vectors.
public enum VectorFileFormat: String, CaseIterable, Sendable, Hashable {
    /// NumPy's array file, versions 1 to 3.
    case npy
    /// u32 rows, u32 dimensions, then f32 rows.
    case fbin
    /// u32 rows, u32 dimensions, then u8 rows.
    case u8bin
    /// u32 rows, u32 dimensions, then i8 rows.
    case i8bin
    /// Rows of an i32 dimension count and f32 values.
    case fvecs
    /// Rows of an i32 dimension count and u8 values.
    case bvecs
    /// Hugging Face's tensor file; one two-dimensional tensor of it.
    case safetensors
    /// Lines of numbers separated by tabs.
    case tsv
    /// Lines of numbers separated by commas.
    case csv
    /// Lines of JSON objects: `{"id": …, "vector": […], …metadata}`.
    case ndjson
    /// Lines of a word and numbers, separated by spaces, as word2vec and GloVe write them.
    case vec

    /// All names, for messages.
    static var allNames: String {
        allCases.map(\.rawValue).joined(separator: ", ")
    }

    /// Finds the format of an opened file: by magic, then by its name's extension, then by shape.
    static func recognize(_ file: InputFile) throws(InputError) -> VectorFileFormat {
        let head = try file.prefix(ForeignFormat.headByteCount)
        if head.starts(with: NPYHeader.magic) { return .npy }
        let ending = fileExtension(file.name)
        try ForeignFormat.refuse(file, head: head, ending: ending)
        if ending == "jsonl" { return .ndjson }
        if ending == "txt" { return .vec }
        if let ending, let format = VectorFileFormat(rawValue: ending) { return format }
        if head.first == UInt8(ascii: "{") { return .ndjson }
        if head.count > 8, head[8] == UInt8(ascii: "{"), littleEndian(head[0..<8]) < UInt64(file.byteCount) {
            return .safetensors
        }
        throw InputError(
            .unsupported, file: file.name, remedy: .inputFormat,
            "is in no format that can be recognised; if it is one of these, name it: \(allNames)")
    }
}

/// What a source of vectors holds, before it is widened to f32: text among it, and floats that no segment stores.
public enum VectorElement: String, CaseIterable, Sendable, Hashable {
    case float32
    case float64
    case float16
    case bfloat16
    case int8
    case uint8
    /// Decimal numbers in a text file.
    case text

    /// Bytes per value in a binary file; 0 for text.
    var byteCount: Int {
        switch self {
        case .float64: 8
        case .float32: 4
        case .float16, .bfloat16: 2
        case .int8, .uint8: 1
        case .text: 0
        }
    }
}

/// An unsigned number of up to eight bytes, lowest byte first.
func littleEndian(_ bytes: some BidirectionalCollection<UInt8>) -> UInt64 {
    bytes.suffix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
}
