import TestSupport
import Testing

@testable import EmbeddingInput

/// Valid small files with a few bytes changed, cut or added: an `InputError` or rows, never a trap.
@Suite struct MutationTests {
    private static let seed: UInt64 = 0x5EED_2026

    private func mutate(_ original: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.insert(UInt8.random(in: 0x20..<0x7F, using: &random), at: index)
            case 3: bytes.remove(at: index)
            case 4: bytes.removeLast(Int.random(in: 0...min(4, bytes.count), using: &random))
            default: bytes[index] = [0, 0x7F, 0xFF, 0x22, 0x2C, 0x5B, 0x7B, 0x0A].randomElement(using: &random) ?? 0
            }
        }
        return bytes
    }

    @Test(arguments: [
        ("grid-f4-little.npy", VectorFileFormat.npy), ("grid-f8-big.npy", .npy), ("grid-version-3.npy", .npy),
        ("grid.fbin", .fbin), ("grid.u8bin", .u8bin), ("grid.i8bin", .i8bin), ("grid.fvecs", .fvecs),
        ("grid.bvecs", .bvecs), ("one.safetensors", .safetensors), ("many.safetensors", .safetensors),
        ("grid.tsv", .tsv), ("grid.csv", .csv), ("grid.ndjson", .ndjson),
    ])
    func `a mutated file of vectors is refused or read`(name: String, format: VectorFileFormat) throws {
        let directory = try TemporaryDirectory()
        let original = try bytes(of: fixture(name))
        var random = SplitMix(seed: Self.seed)
        var read = 0
        var refused = 0
        for round in 0..<1500 {
            let content = mutate(original, &random)
            let path = try directory.write("x", content)
            do {
                let tensor = name.hasPrefix("many") ? "bf16" : nil
                let reader = try VectorReader.open([path], format: format, tensor: tensor)
                try #require(reader.dimensions <= 65_535 && (reader.count ?? 0) <= content.count)
                var buffer = [Float](repeating: 0, count: 3 * reader.dimensions)
                var validation = VectorValidation(dimensions: reader.dimensions, refusesZeroVectors: true)
                while case let rows = try reader.read(into: &buffer, maxRows: 3), rows > 0 {
                    validation.check(buffer.span, rowCount: rows, overflowedRows: reader.overflowedRows)
                }
                read += 1
            } catch let error as InputError {
                #expect(!error.message.isEmpty, "seed \(Self.seed), round \(round)")
                refused += 1
            }
        }
        #expect(refused > 0, "seed \(Self.seed): nothing was refused")
        #expect(read > 0, "seed \(Self.seed): nothing was read")
    }

    @Test(arguments: [
        ("x.ndjson", "{\"a\": 1, \"b\": \"x\\u00e9\", \"c\": [1, {\"d\": null}]}\n{\"a\": 2.5, \"b\": null}\n"),
        ("x.csv", "a,\"b\",c\r\n1,\"x, \"\"y\"\"\",\r\n2,\"two\nlines\",3.5\r\n"), ("x.tsv", "a\tb\n1\t\"x\"\n\t2.5\n"),
    ])
    func `mutated metadata is refused or read`(name: String, text: String) throws {
        let directory = try TemporaryDirectory()
        var random = SplitMix(seed: Self.seed)
        var (read, refused) = (0, 0)
        for round in 0..<1500 {
            let path = try directory.write(name, mutate(Array(text.utf8), &random))
            do {
                let reader = try MetadataReader.open(path)
                let schema = try reader.inferSchema()
                while let row = try reader.next() {
                    // What comes out is canonical JSON, whatever went in.
                    let again = try JSONDocument(parsing: row.document)
                    try #require(again.bytes == row.document, "seed \(Self.seed), round \(round)")
                    try #require(row.values.count == schema.columns.count)
                    try #require(
                        schema.values(of: row.document) == row.values, "seed \(Self.seed), round \(round): \(row)")
                    read += 1
                }
            } catch is InputError {
                refused += 1
            }
        }
        #expect(read > 0 && refused > 0, "seed \(Self.seed): \(read) rows read, \(refused) files refused")
    }

    @Test func `a mutated manifest is refused or read`() throws {
        let directory = try TemporaryDirectory()
        for name in [
            "candidates.npy", "queries.npy", "candidates.ids.txt", "queries.ids.txt", "candidates.ndjson", "test.tsv",
        ] {
            try directory.write(name, try bytes(of: fixture("export/" + name)))
        }
        let original = try bytes(of: fixture("export/manifest.json"))
        var random = SplitMix(seed: Self.seed)
        var (read, refused) = (0, 0)
        for _ in 0..<1000 {
            try directory.write("manifest.json", mutate(original, &random))
            do {
                _ = try ExportManifest.load(directory: directory.path)
                read += 1
            } catch {
                refused += 1
            }
        }
        #expect(read > 0 && refused > 0, "seed \(Self.seed): \(read) read, \(refused) refused")
    }
}
