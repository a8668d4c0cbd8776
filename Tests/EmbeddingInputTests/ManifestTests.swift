import Foundation
import TestSupport
import Testing

@testable import EmbeddingInput

@Suite struct ManifestTests {
    /// A copy of the fixture export whose manifest has `old` replaced by `new`.
    private func export(replacing old: String = "", with new: String = "") throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        for name in try FileManager.default.contentsOfDirectory(atPath: fixture("export")) {
            try directory.write(name, try bytes(of: fixture("export/" + name)))
        }
        if !old.isEmpty {
            let manifest = String(decoding: try bytes(of: directory.path + "/manifest.json"), as: UTF8.self)
            try #require(manifest.contains(old), "the fixture has no \(old)")
            try directory.write("manifest.json", manifest.replacingOccurrences(of: old, with: new))
        }
        return directory
    }

    private func loadError(replacing old: String, with new: String) throws -> InputError {
        let directory = try export(replacing: old, with: new)
        return try inputError { _ = try ExportManifest.load(directory: directory.path) }
    }

    @Test(arguments: ["", "/"])
    func `a trainer's export is loaded`(suffix: String) throws {
        let directory = try export()
        let manifest = try ExportManifest.load(directory: directory.path + suffix)
        #expect(manifest.metric == .dot)
        #expect(manifest.dimensions == 3)
        #expect(manifest.model == "a grid")
        #expect(manifest.candidates.count == 5)
        #expect(manifest.candidates.duplicateIDs == .keepLast)
        #expect(manifest.queries?.count == 2)
        #expect(manifest.test?.count == 2)
        #expect(manifest.test?.pairs.name == "test.tsv")
        #expect(try readAll(VectorReader.open([manifest.candidates.vectors.path])) == gridRows)
        #expect(try IDReader.open(try #require(manifest.candidates.ids).path).count() == 5)
        let metadata = try MetadataReader.open(try #require(manifest.candidates.metadata).path)
        #expect(try metadata.inferSchema().columns == [MetadataSchema.Column(name: "row", type: .integer)])
    }

    @Test func `optional parts may be missing, and unknown keys are ignored`() throws {
        let directory = try export()
        let hash = try ExportManifest.load(directory: directory.path).candidates.vectors.sha256
        try directory.write(
            "manifest.json",
            """
            {"format": "vecdb-embedding-export", "version": 1, "metric": "cosine", "dimensions": 3, "later": [1],
             "candidates": {"vectors": "candidates.npy", "count": 5, "later": {}},
             "sha256": {"candidates.npy": "\(hash)"}}
            """)
        let manifest = try ExportManifest.load(directory: directory.path)
        #expect(manifest.metric == .cosine)
        #expect(manifest.model == nil && manifest.queries == nil && manifest.test == nil)
        #expect(manifest.candidates.ids == nil && manifest.candidates.metadata == nil)
        #expect(manifest.candidates.duplicateIDs == nil)
    }

    @Test(arguments: [
        ("\"vecdb-embedding-export\"", "\"other\"", InputError.Code.unsupported, "\"format\""),
        ("\"version\": 1", "\"version\": 2", .unsupported, "version 1 is read"),
        ("\"version\": 1", "\"version\": \"1\"", .malformed, "\"version\" must be an integer"),
        ("\"version\": 1", "\"version\": 1.0", .malformed, "\"version\" must be an integer"),
        ("\"dot\"", "\"euclid\"", .malformed, "\"metric\" must be one of \"dot\", \"cosine\", \"l2\""),
        ("\"dimensions\": 3", "\"dimensions\": 0", .malformed, "from 1 to 65,535, found '0'"),
        ("\"dimensions\": 3", "\"dimensions\": 65536", .malformed, "from 1 to 65,535"),
        ("\"dimensions\": 3", "\"dimension\": 3", .malformed, "has no \"dimensions\""),
        ("\"count\": 5", "\"count\": -1", .malformed, "\"candidates.count\" must be an integer of at least 0"),
        ("\"count\": 5", "\"count\": null", .malformed, "\"candidates.count\""),
        ("\"keep-last\"", "\"first\"", .malformed, "\"candidates.duplicate_ids\""),
        (
            "\"vectors\": \"queries.npy\"", "\"vectors\": 7", .malformed,
            "\"queries.vectors\" must be a string, found '7'"
        ),
        ("\"pairs\": \"test.tsv\"", "\"pairs\": \"other.tsv\"", .notFound, "does not exist"),
        ("\"pairs\": \"test.tsv\"", "\"pairs\": \"manifest.json\"", .malformed, "gives no \"sha256\""),
        ("\"test.tsv\": \"", "\"test.tsv\": \"0", .malformed, "\"sha256.test.tsv\" must be 64 lowercase"),
        ("\"candidates\": {", "\"candidates\": [], \"x\": {", .malformed, "\"candidates\" must be an object"),
        ("\"sha256\"", "\"sha1\"", .malformed, "has no \"sha256\""),
        ("\"version\": 1", "\"version\": 1, \"version\": 1", .malformed, "twice"),
        ("\"version\": 1,", "\"version\": 1", .malformed, "not valid JSON at byte"),
        ("\"test.tsv\"", "\"/etc/hostname\"", .malformed, "must be relative"),
        ("\"test.tsv\"", "\"../test.tsv\"", .malformed, "must be relative"),
        ("\"test.tsv\"", "\"./test.tsv\"", .malformed, "must be relative"),
        ("\"test.tsv\"", "\"a//test.tsv\"", .malformed, "must be relative"),
        ("\"test.tsv\"", "\"\"", .malformed, "must be relative"),
        ("\"test.tsv\"", "\"test.tsv\\u0000\"", .malformed, "must be relative"),
    ])
    func `what breaks the manifest's rules is refused by its key`(
        old: String, new: String, code: InputError.Code, part: String
    ) throws {
        let error = try loadError(replacing: old, with: new)
        #expect(error.code == code)
        #expect(error.message.contains(part), "\(error)")
    }

    @Test(arguments: ["candidates.npy", "queries.ids.txt", "test.tsv"])
    func `a changed byte is found by the hash`(name: String) throws {
        let directory = try export()
        var content = try bytes(of: directory.path + "/" + name)
        content[content.count - 1] ^= 1
        try directory.write(name, content)
        let error = try inputError { _ = try ExportManifest.load(directory: directory.path) }
        #expect(error.code == .hashMismatch)
        #expect(error.file.hasSuffix("/" + name))
    }

    @Test func `links may not leave the directory`() throws {
        let directory = try export()
        let outside = try TemporaryDirectory()
        let files = FileManager.default
        try files.moveItem(atPath: directory.path + "/test.tsv", toPath: outside.path + "/test.tsv")
        try files.createSymbolicLink(
            atPath: directory.path + "/test.tsv", withDestinationPath: outside.path + "/test.tsv")
        let error = try inputError { _ = try ExportManifest.load(directory: directory.path) }
        #expect(error.code == .malformed)
        #expect(error.message.contains("inside the directory"))

        try files.removeItem(atPath: directory.path + "/test.tsv")
        try files.moveItem(atPath: outside.path + "/test.tsv", toPath: directory.path + "/pairs.tsv")
        try files.createSymbolicLink(atPath: directory.path + "/test.tsv", withDestinationPath: "pairs.tsv")
        #expect(try ExportManifest.load(directory: directory.path).test?.count == 2)
    }

    @Test func `only regular files are named`() throws {
        let directory = try export()
        try FileManager.default.removeItem(atPath: directory.path + "/test.tsv")
        try FileManager.default.createDirectory(
            atPath: directory.path + "/test.tsv", withIntermediateDirectories: false)
        #expect(try inputError { _ = try ExportManifest.load(directory: directory.path) }.code == .notAFile)
    }

    @Test func `a missing directory, a file and a directory without manifest are told apart`() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("x", "x")
        #expect(try inputError { _ = try ExportManifest.load(directory: "/nonexistent") }.code == .notFound)
        #expect(try inputError { _ = try ExportManifest.load(directory: file) }.code == .notAFile)
        let missing = try inputError { _ = try ExportManifest.load(directory: directory.path) }
        #expect(missing.code == .notFound)
        #expect(missing.file.hasSuffix("/manifest.json"))
    }

    @Test func `a manifest of another kind is refused`() throws {
        let directory = try TemporaryDirectory()
        for text in ["", "[]", "1", "{}", "not json"] {
            try directory.write("manifest.json", text)
            #expect(try inputError { _ = try ExportManifest.load(directory: directory.path) }.code == .malformed)
        }
        try directory.write("manifest.json", [UInt8](repeating: 0x20, count: (1 << 20) + 1))
        let error = try inputError { _ = try ExportManifest.load(directory: directory.path) }
        #expect(error.message.contains("1,048,577 bytes"))
    }

    @Test func `a directory in the manifest's place is no manifest`() throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: directory.path + "/manifest.json", withIntermediateDirectories: false)
        #expect(try inputError { _ = try ExportManifest.load(directory: directory.path) }.code == .notAFile)
    }

    @Test func `a hash that is no text is refused by its name`() throws {
        let directory = try export()
        let hash = try ExportManifest.load(directory: directory.path).candidates.vectors.sha256
        let error = try loadError(replacing: "\"\(hash)\"", with: "1")
        #expect(error.code == .malformed && error.message.contains("\"sha256.candidates.npy\" must be a string"))
    }

    @Test func `hashing stops when asked`() throws {
        let directory = try export()
        let error = try inputError { _ = try ExportManifest.load(directory: directory.path, isCancelled: { true }) }
        #expect(error.code == .cancelled)
    }
}
