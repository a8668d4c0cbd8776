import FileSystem

/// One file of vectors whose header has been read.
struct VectorSource {
    let file: InputFile
    let format: VectorFileFormat
    let dimensions: Int
    let element: VectorElement
    /// `nil` where only reading tells.
    let rowCount: Int?
    let hasIDs: Bool
    private let text: TextLayout
    private let content: Content

    /// How the rows lie in the file.
    private enum Content {
        case array(ArrayLayout)
        case prefixedRows(ArrayLayout)
        case delimited(DelimitedRecordReader.Dialect)
        case ndjson
        case words
    }

    init(
        _ file: InputFile, isStandardInput: Bool, format: VectorFileFormat?, tensor: String?,
        text: TextLayout = TextLayout()
    ) throws(InputError) {
        guard file.byteCount > 0 else {
            throw InputError(.empty, file: file.name, "is empty (0 bytes); was it written to the end?")
        }
        self.file = file
        self.text = text
        if let format {
            self.format = format
        } else {
            self.format = try Self.recognize(file, isStandardInput: isStandardInput)
        }

        switch self.format {
        case .npy: content = .array(try NPYHeader.layout(of: file))
        case .fbin: content = .array(try ArrayLayout(countedHeaderOf: file, element: .float32))
        case .u8bin: content = .array(try ArrayLayout(countedHeaderOf: file, element: .uint8))
        case .i8bin: content = .array(try ArrayLayout(countedHeaderOf: file, element: .int8))
        case .safetensors: content = .array(try SafetensorsHeader.layout(of: file, tensor: tensor))
        case .fvecs: content = .prefixedRows(try PrefixedRowDecoder.layout(of: file, element: .float32))
        case .bvecs: content = .prefixedRows(try PrefixedRowDecoder.layout(of: file, element: .uint8))
        case .tsv: content = .delimited(.tsv)
        case .csv: content = .delimited(.csv)
        case .ndjson: content = .ndjson
        case .vec: content = .words
        }
        switch content {
        case .array(let layout), .prefixedRows(let layout):
            (dimensions, element, rowCount, hasIDs) = (layout.dimensions, layout.element, layout.rowCount, false)
        case .delimited(let dialect):
            let decoder = try DelimitedRowDecoder(file, dialect: dialect, layout: text)
            (dimensions, element, rowCount, hasIDs) = (decoder.dimensions, .text, nil, decoder.hasIDs)
        case .ndjson:
            let decoder = try NDJSONRowDecoder(file)
            (dimensions, element, rowCount, hasIDs) = (decoder.dimensions, .text, nil, decoder.hasIDs)
        case .words:
            // What '.txt' holds is a guess until the caller says something of it.
            let isNamed = format != nil || text.hasHeader != nil || fileExtension(file.name) == "vec"
            dimensions = try WordRowDecoder(file, layout: text, isNamed: isNamed).dimensions
            (element, rowCount, hasIDs) = (.text, nil, true)
        }
    }

    /// A reader of the file's rows from the first on.
    func makeDecoder() throws(InputError) -> RowDecoder {
        switch content {
        case .array(let layout): return ArrayRowDecoder(file, layout)
        case .prefixedRows(let layout): return PrefixedRowDecoder(file, layout)
        case .delimited(let dialect): return try DelimitedRowDecoder(file, dialect: dialect, layout: text)
        case .ndjson: return try NDJSONRowDecoder(file)
        case .words: return try WordRowDecoder(file, layout: text, isNamed: true)
        }
    }

    /// Throws, naming both files, unless the two can be parts of one input.
    func checkAgreement(with first: VectorSource) throws(InputError) {
        guard dimensions == first.dimensions else {
            throw disagreement("\(grouped(dimensions)) dimensions", "\(grouped(first.dimensions))", first)
        }
        guard element == first.element else {
            throw disagreement("\(element.rawValue) values", "\(first.element.rawValue)", first)
        }
        guard (format == .ndjson) == (first.format == .ndjson) else {
            throw disagreement("the format \(format.rawValue)", "\(first.format.rawValue)", first)
        }
        guard hasIDs == first.hasIDs else {
            throw disagreement(hasIDs ? "ids" : "no ids", first.hasIDs ? "ids" : "none", first)
        }
    }

    private func disagreement(_ mine: String, _ theirs: String, _ first: VectorSource) -> InputError {
        InputError(
            .mismatch, file: file.name,
            "has \(mine), but \(first.file.name) has \(theirs); files of one input must agree")
    }

    /// How many bytes a pipe may bring of which the beginning is given, so that nothing is kept in vain; `nil` where only its
    /// end tells. Throws for what will not be read anyway.
    static func byteLimit(
        _ beginning: InputFile, isStandardInput: Bool, format: VectorFileFormat?
    ) throws(InputError) -> Int? {
        let isNPY: Bool
        if let format {
            isNPY = format == .npy
        } else if isStandardInput {
            isNPY = try recognize(beginning, isStandardInput: true) == .npy
        } else {
            isNPY = try beginning.prefix(NPYHeader.magic.count).elementsEqual(NPYHeader.magic)
        }
        return isNPY ? try NPYHeader.byteCount(announcedBy: beginning) : nil
    }

    private static func recognize(
        _ file: InputFile, isStandardInput: Bool
    ) throws(InputError) -> VectorFileFormat {
        guard isStandardInput else { return try VectorFileFormat.recognize(file) }
        let head = try file.prefix(ForeignFormat.headByteCount)
        if head.starts(with: NPYHeader.magic) { return .npy }
        try ForeignFormat.refuse(file, head: head, ending: nil)
        if head.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") { return .ndjson }
        throw InputError(
            .unsupported, file: file.name, remedy: .inputFormat,
            "is neither .npy nor NDJSON; if it is one of these, name it: \(VectorFileFormat.allNames)")
    }
}
