import Foundation
import GRDB
import Testing

@testable import Catalog

private func column(_ name: String, _ type: CatalogColumnType = .text) -> CatalogColumn {
    CatalogColumn(name: name, type: type)
}

@Test(arguments: [
    "title", "with space", "quo\"te", "two\"\"quotes", "sem;icolon", "apo'strophe", "select", "TABLE", "größe", "片名",
    "🎬",
    "a.b", "--", "$x", "[x]", "`x`", "column_1", "new\nline", "\u{E9}", "?1", ":name",
])
func `a usable name is the column's name in SQL`(name: String) throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    let columns = try staging.beginMetadata([column(name, .integer)])
    #expect(columns.map(\.sqlName) == [name])
    try staging.stageMetadata([CatalogMetadataRow(ordinal: 0, document: Array("{}".utf8), values: [.integer(-7)])])
    _ = try writer.publish(staging, record(1), expecting: 0, replacing: .all)
    let snapshot = try openReader(scratch).snapshot()
    #expect(try snapshot.columns(of: snapshot.segments[0]).map { Array($0.name.utf8) } == [Array(name.utf8)])
    #expect(try snapshot.metadata(in: snapshot.segments[0], after: nil, limit: 1)[0].values == [.integer(-7)])
    #expect(try scratch.query("SELECT \(Schema.identifier(name)) FROM metadata_1") == -7)
}

@Test func `names that SQL cannot use or tell apart get others`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    let long = String(repeating: "x", count: 64)
    let names = ["", "ordinal", "Document", "ROWID", "year", "Year", "é", "É", long, "column_1", "e\u{301}", "_rowid_"]
    let columns = try staging.beginMetadata(names.map { column($0) })
    #expect(
        columns.map(\.sqlName) == [
            "column_1_", "column_2", "column_3", "column_4", "year", "column_6", "é", "É", "column_9", "column_1",
            "e\u{301}", "column_12",
        ])
    #expect(columns.map(\.name) == names)
    _ = try writer.publish(staging, record(0), expecting: 0, replacing: .all)
    let snapshot = try openReader(scratch).snapshot()
    #expect(try snapshot.columns(of: snapshot.segments[0]) == columns)
}

@Test func `NUL in a name, a name twice and too many columns are refused`() throws {
    let scratch = try Scratch()
    let staging = try makeWriter(scratch).beginStaging(segmentUUID: segmentUUID(1))
    #expect(code { try staging.beginMetadata([column("a\0b")]) } == .invalidArgument)
    #expect(code { try staging.beginMetadata([column("a"), column("a")]) } == .invalidArgument)
    #expect(code { try staging.beginMetadata((0...1000).map { column("c\($0)") }) } == .invalidArgument)
    #expect(code { try staging.stageMetadata([]) } == .invalidArgument)
    #expect(try staging.beginMetadata((0..<1000).map { column("c\($0)") }).count == 1000)
    #expect(code { try staging.beginMetadata([]) } == .invalidArgument)
    let row = CatalogMetadataRow(ordinal: 0, document: [], values: (0..<1000).map { .text("\($0)") })
    try staging.stageMetadata([row])
}

@Test func `values of every type come back, and a text with NUL is NULL beside its document`() throws {
    let scratch = try Scratch()
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    try staging.beginMetadata([column("i", .integer), column("r", .real), column("t"), column("b", .bool)])
    let rows = [
        CatalogMetadataRow(
            ordinal: 0, document: Array("one".utf8), values: [.integer(.min), .real(-0.5), .text("é"), .bool(true)]),
        CatalogMetadataRow(
            ordinal: 5, document: Array("two\0".utf8), values: [.integer(.max), .real(3), .text(""), .bool(false)]),
        CatalogMetadataRow(ordinal: 9, document: [], values: [.null, .null, .null, .null]),
    ]
    try staging.stageMetadata(rows)
    try staging.stageMetadata([
        CatalogMetadataRow(ordinal: 10, document: [1], values: [.null, .integer(4), .text("a\0b"), .null])
    ])
    _ = try writer.publish(staging, record(11), expecting: 0, replacing: .all)
    let snapshot = try openReader(scratch).snapshot()
    let found = try snapshot.metadata(in: snapshot.segments[0], after: nil, limit: 99)
    #expect(Array(found[..<3]) == rows)
    #expect(found[3].values == [.null, .real(4), .null, .null])
}

@Test func `values that do not fit their columns are refused`() throws {
    let scratch = try Scratch()
    let staging = try makeWriter(scratch).beginStaging(segmentUUID: segmentUUID(1))
    try staging.beginMetadata([column("i", .integer), column("r", .real)])
    let wrong: [[CatalogValue]] = [
        [.text("1"), .null], [.real(1), .null], [.bool(true), .null], [.null, .real(.nan)], [.null, .real(.infinity)],
        [.null], [.null, .null, .null],
    ]
    for values in wrong {
        let row = CatalogMetadataRow(ordinal: 0, document: [], values: values)
        #expect(code { try staging.stageMetadata([row]) } == .invalidArgument, "\(values)")
    }
    #expect(staging.documentCount == 0)
}

// MARK: - Documents

private func makeFile() throws -> CatalogFile { try CatalogFile(path: "catalog.sqlite", checksum: crc32c) }

private func noise(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
    }
}

@Test func `documents of every kind survive packing`() throws {
    let file = try makeFile()
    let dictionary = Array("{\"title\":\"\",\"genres\":[\"Comedy\",\"Drama\"]}".utf8)
    var documents: [[UInt8]] = (0...300).map { Array(repeating: UInt8(ascii: "x"), count: $0) }
    documents += (0...40).map { noise($0 * 7, seed: UInt64($0)) }
    documents += [dictionary, dictionary + dictionary, noise(1 << 20, seed: 1)]
    documents.append([UInt8]((0..<100_000).flatMap { Array("row \($0)".utf8) }))
    for dictionary in [[], dictionary, noise(65_536, seed: 2)] {
        let compressor = LZ4Compressor(dictionary: dictionary)
        for (ordinal, document) in documents.enumerated() {
            let blob = DocumentPacking.pack(document, ordinal: UInt64(ordinal), compressor: compressor, file: file)
            #expect(blob.count <= document.count + DocumentPacking.headerByteCount)
            let found = try DocumentPacking.unpack(
                blob, ordinal: UInt64(ordinal), dictionary: dictionary, file: file)
            #expect(found == document, "document \(ordinal), seed \(ordinal), dictionary of \(dictionary.count) bytes")
        }
    }
}

@Test func `the example of the specification is read as it says`() throws {
    let file = try makeFile()
    let blob: [UInt8] = [
        0x01, 0x10, 0x00, 0x00, 0x00, 0x1E, 0x2C, 0xE7, 0x05, 0x06, 0x15, 0x00, 0x60, 0x41, 0x6E, 0x74, 0x7A, 0x22,
        0x7D,
    ]
    let dictionary = Array("{\"title\":\"Toy Story\"}".utf8)
    let document = try DocumentPacking.unpack(blob, ordinal: 7, dictionary: dictionary, file: file)
    #expect(String(decoding: document, as: UTF8.self) == "{\"title\":\"Antz\"}")
}

@Test func `a dictionary saves most of small documents`() throws {
    let file = try makeFile()
    let documents = (0..<500).map {
        Array("{\"movie_id\":\($0),\"title\":\"Film \($0 * 7919)\",\"genres\":[\"Comedy\",\"Drama\"]}".utf8)
    }
    let dictionary = DocumentPacking.dictionary(sampling: documents)
    #expect(!dictionary.isEmpty && dictionary.count <= DocumentPacking.dictionaryByteLimit)
    let compressor = LZ4Compressor(dictionary: dictionary)
    let packed = documents.map { DocumentPacking.pack($0, ordinal: 0, compressor: compressor, file: file).count }
    let plain = documents.reduce(0) { $0 + $1.count }
    #expect(packed.reduce(dictionary.count, +) < plain * 7 / 10)
}

@Test func `a flipped bit anywhere in a packed document is noticed`() throws {
    let file = try makeFile()
    let dictionary = Array("{\"title\":\"Toy Story\",\"year\":1995}".utf8)
    let compressor = LZ4Compressor(dictionary: dictionary)
    for document in [Array("{\"title\":\"Toy Story 2\",\"year\":1999}".utf8), noise(20, seed: 3), []] {
        let blob = DocumentPacking.pack(document, ordinal: 3, compressor: compressor, file: file)
        #expect(try DocumentPacking.unpack(blob, ordinal: 3, dictionary: dictionary, file: file) == document)
        for bit in 0..<8 * blob.count {
            var damaged = blob
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            let result = try? DocumentPacking.unpack(damaged, ordinal: 3, dictionary: dictionary, file: file)
            // Two LZ4 blocks may give the same bytes; other bytes must never come back.
            #expect(result == nil || result == document, "bit \(bit)")
        }
        #expect(
            code { _ = try DocumentPacking.unpack(blob, ordinal: 4, dictionary: dictionary, file: file) } == .corrupt)
        for count in 0..<blob.count {
            let cut = Array(blob[..<count])
            #expect(
                code { _ = try DocumentPacking.unpack(cut, ordinal: 3, dictionary: dictionary, file: file) } == .corrupt
            )
        }
    }
}

@Test func `a claimed length beyond 16 MiB or the payload is refused`() throws {
    let file = try makeFile()
    let huge: [[UInt8]] = [
        [0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0], [1, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0, 0, 0x10, 0x41],
        [1, 0, 0, 0, 1, 0, 0, 0, 0, 0x10, 0x41], [1, 1, 0, 0, 1, 0, 0, 0, 0, 0x10, 0x41], [2, 0, 0, 0, 0, 0, 0, 0, 0],
    ]
    for blob in huge {
        #expect(code { _ = try DocumentPacking.unpack(blob, ordinal: 0, dictionary: [], file: file) } == .corrupt)
    }
}

@Test func `random bytes are no LZ4 block that writes elsewhere`() {
    for seed in 0..<2000 {
        let block = noise(1 + seed % 60, seed: UInt64(seed))
        let count = 60 + seed % 200
        let found = lz4Decompress(block[...], dictionary: noise(seed % 100, seed: 9), count: count)
        #expect(found == nil || found?.count == count, "seed \(seed)")
    }
}

@Test func `the densest document unpacks, and no denser one is allocated for`() throws {
    let file = try makeFile()
    let document = [UInt8](repeating: 1, count: 1 << 20)
    let blob = DocumentPacking.pack(document, ordinal: 0, compressor: LZ4Compressor(dictionary: []), file: file)
    #expect(blob.count < document.count / 200)
    #expect(lz4Decompress(blob[9...], dictionary: [], count: document.count) == document)
    #expect(lz4Decompress([0x1F, 1, 1, 0, 255, 255, 0, 0x10, 1], dictionary: [], count: 16 << 20) == nil)
}

@Test func `a document of 16 MiB is the largest`() throws {
    let scratch = try Scratch()
    let staging = try makeWriter(scratch).beginStaging(segmentUUID: segmentUUID(1))
    try staging.beginMetadata([])
    let large = CatalogMetadataRow(ordinal: 0, document: [UInt8](repeating: 1, count: (16 << 20) + 1), values: [])
    #expect(code { try staging.stageMetadata([large]) } == .invalidArgument)
    #expect(staging.documentCount == 0)
}
