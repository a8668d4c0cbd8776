@testable import EmbeddingInput

/// Files of vectors: the first byte chooses the format, the rest is the file.
final class VectorsTarget: FuzzTarget {
    private let files: [(format: VectorFileFormat?, file: ScratchFile)]

    init() throws {
        let directory = try ScratchDirectory("vectors")
        // The last one's format is found by looking into it.
        files =
            try VectorFileFormat.allCases.map { ($0, try directory.file("x.\($0.rawValue)")) }
            + [(nil, try directory.file("x"))]
    }

    func run(_ input: [UInt8]) throws {
        guard let choice = input.first else { return }
        let (format, file) = files[Int(choice & 15) % files.count]
        try file.replace(with: Array(input[1...]))
        // The high bits of the choice: a tensor by name, two files that are one input, a layout of text.
        let tensor = choice & 16 != 0 && (format ?? .safetensors) == .safetensors ? "bf16" : nil
        let paths = choice & 32 != 0 ? [file.path, file.path] : [file.path]
        let reader = try VectorReader.open(paths, format: format, tensor: tensor, text: layout(choice, format))
        precondition(1...65_535 ~= reader.dimensions)
        try read(reader)
        if choice & 64 != 0 {
            let rows = reader.rowsRead
            try reader.rewind()
            try read(reader)
            precondition(reader.rowsRead == rows, "a second pass read another number of rows")
        }
    }

    private func layout(_ choice: UInt8, _ format: VectorFileFormat?) -> TextLayout {
        guard choice & 128 != 0 else { return TextLayout() }
        let isNumbered = choice & 16 != 0
        switch format {
        case .csv, .tsv: return TextLayout(hasHeader: !isNumbered, idColumn: isNumbered ? "1" : "id")
        case .vec: return TextLayout(hasHeader: !isNumbered)
        default: return TextLayout()
        }
    }

    private func read(_ reader: VectorReader) throws {
        var validation = VectorValidation(dimensions: reader.dimensions, refusesZeroVectors: true)
        var buffer = [Float](repeating: 0, count: 3 * reader.dimensions)
        while case let rows = try reader.read(into: &buffer, maxRows: 3), rows > 0 {
            validation.check(buffer.span, rowCount: rows, overflowedRows: reader.overflowedRows)
            precondition((reader.lastIDs?.count ?? rows) == rows && (reader.lastDocuments?.count ?? rows) == rows)
        }
        if let count = reader.count { precondition(reader.rowsRead == count) }
        try validation.throwIfBad(in: reader)
    }
}

/// Files of metadata: the first byte chooses the format, the rest is the file.
final class MetadataTarget: FuzzTarget {
    private let files: [ScratchFile]

    init() throws {
        let directory = try ScratchDirectory("metadata")
        files = try MetadataFileFormat.allCases.map { try directory.file("x.\($0.rawValue)") }
    }

    func run(_ input: [UInt8]) throws {
        guard let choice = input.first else { return }
        let file = files[Int(choice) % files.count]
        try file.replace(with: Array(input[1...]))
        let reader = try MetadataReader.open(file.path)
        let schema = try reader.inferSchema()
        while let row = try reader.next() {
            // What comes out is canonical JSON, whatever went in, and says the same as the columns.
            let again = try JSONDocument(parsing: row.document)
            precondition(again.bytes == row.document)
            precondition(row.values.count == schema.columns.count)
            precondition(schema.values(of: row.document) == row.values)
        }
        precondition(reader.rowsRead == reader.rowCount)
    }
}

/// Files of ids, and tables of ordinals: the first byte chooses, the rest is the file.
final class IDsTarget: FuzzTarget {
    private let ids: ScratchFile
    private let tables: [ScratchFile]

    init() throws {
        let directory = try ScratchDirectory("ids")
        ids = try directory.file("ids.txt")
        tables = try ["npy", "ivecs", "ibin"].map { try directory.file("x.\($0)") }
    }

    func run(_ input: [UInt8]) throws {
        guard let choice = input.first else { return }
        guard choice % 4 > 0 else { return try readIDs(Array(input[1...])) }
        let file = tables[Int(choice % 4) - 1]
        try file.replace(with: Array(input[1...]))
        let rows = try OrdinalTable(file.path).rows
        precondition(rows.allSatisfy { $0.count == rows[0].count })
    }

    private func readIDs(_ content: [UInt8]) throws {
        try ids.replace(with: content)
        if let lists = try? IDLists(ids.path) {
            precondition(lists.everyQuery.isEmpty || lists.perQuery.isEmpty, "a list of ids has two forms")
        }
        let reader = try IDReader.open(ids.path)
        let count = try reader.count()
        var bytes = 0
        while let id = try reader.next() { bytes += id.utf8.count }
        precondition(reader.idsRead == count && bytes <= content.count)
    }
}

/// `manifest.json` of an export directory whose other files are sound.
final class ManifestTarget: FuzzTarget {
    private let directory: ScratchDirectory
    private let manifest: ScratchFile

    /// As the manifests of the corpus name them, with the SHA-256 that those give.
    private static let files = ["a.npy", "b.txt", "c.ndjson"]

    init() throws {
        directory = try ScratchDirectory("manifest")
        manifest = try directory.file(ExportManifest.fileName)
        for name in Self.files { try directory.write(name, Array(name.utf8)) }
    }

    func run(_ input: [UInt8]) throws {
        try manifest.replace(with: input)
        let read = try ExportManifest.load(directory: directory.path)
        precondition(read.candidates.vectors.path.utf8.starts(with: directory.path.utf8))
    }
}

/// JSON texts, as manifests and lines of NDJSON hold them.
final class JSONTarget: FuzzTarget {
    func run(_ input: [UInt8]) throws {
        let document = try JSONDocument(parsing: input)
        let again = try JSONDocument(parsing: document.bytes)
        precondition(again.bytes == document.bytes, "is not canonical")
        walk(document, document.root, depth: 0)
        var inference = MetadataSchemaInference()
        if document.kind(document.root) == .object, inference.observe(document) == nil {
            let schema = inference.schema
            precondition(schema.values(of: document.bytes).count == schema.columns.count)
        }
    }

    private func walk(_ document: JSONDocument, _ value: Range<Int>, depth: Int) {
        precondition(value.lowerBound >= 0 && value.upperBound <= document.bytes.count && depth < 2000)
        switch document.kind(value) {
        case .object:
            document.forEachMember(of: value) { key, value in
                _ = document.unescaped(key)
                walk(document, value, depth: depth + 1)
                return true
            }
            _ = document.member("id", of: value)
        case .array:
            document.forEachElement(of: value) { element in
                walk(document, element, depth: depth + 1)
                return true
            }
        case .string: precondition(document.string(value) != nil)
        case .number: _ = document.integer(value)
        case .null, .bool: precondition(!document.text(value).isEmpty)
        }
    }
}

/// Decimal numbers, in both grammars, against the standard library's own reading.
final class NumbersTarget: FuzzTarget {
    func run(_ input: [UInt8]) {
        for grammar in [NumberGrammar.json, .plain] {
            var position = 0
            let number = scanNumber(input.span, &position, end: input.count, grammar: grammar)
            precondition(position >= 0 && position <= input.count)
            guard let number, position > 0 else { continue }
            guard let expected = Float(String(decoding: input[..<position], as: UTF8.self)) else { continue }
            precondition(number.value.bitPattern == expected.bitPattern || (number.value.isNaN && expected.isNaN))
        }
    }
}
