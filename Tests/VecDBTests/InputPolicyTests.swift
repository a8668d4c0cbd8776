import Foundation
import TestSupport
import Testing
import VectorKernels

@testable import VecDB

/// Repeated ids, unknown ids and files that change, as the library sees them.
@Suite struct InputPolicyTests {
    @Test(arguments: [UInt64(1), 2, 3])
    func `fault 20: streaming treats repeated ids as a build does`(seed: UInt64) throws {
        let place = try TemporaryDirectory()
        var generator = SeededGenerator(seed: seed)
        let (rows, dimensions) = (600, 5)
        let vectors = (0..<rows * dimensions).map { _ in Float(generator.uniform(below: 5)) - 2 }
        let ids = (0..<rows).map { _ in "id \(generator.uniform(below: 400))" }
        let input = BuildInput.memory(
            vectors: vectors, dimensions: dimensions, ids: ids, metadata: (0..<rows).map { "{\"row\":\($0)}" })
        let queries = (0..<7 * dimensions).map { _ in Float(generator.uniform(below: 5)) - 2 }
        var options = BuildOptions()
        for policy in [DuplicateIDPolicy.keepLast, .allow] {
            (options.index, options.duplicateIDs, options.overwrite) = (.exact, policy, true)
            try VectorDatabase.build(at: place.file("a.vecdb"), from: input, options: options)
            let database = try VectorDatabase.open(place.file("a.vecdb"))
            let streaming = try StreamingSearch(input, duplicateIDs: policy)
            #expect(streaming.rows == database.info.rows)
            for k in [3, 1000] {
                let search = SearchOptions(k: k, excludedIDs: ["id 3", "id 7"], includesMetadata: true)
                #expect(
                    try streaming.search(queries, options: search, excludedIDs: [1: ["id 9"]])
                        == database.searchBatch(queries, options: search, excludedIDs: [1: ["id 9"]]))
                let plain = SearchOptions(k: k)
                #expect(try streaming.search(queries, options: plain) == database.searchBatch(queries, options: plain))
            }
        }
        options.duplicateIDs = nil
        func message(_ body: () throws -> Void) -> String? {
            do { try body() } catch { return "\(error)" }
            return nil
        }
        let refused = message { _ = try StreamingSearch(input) }
        #expect(refused?.contains("repeat an id") == true)
        #expect(
            refused
                == message { try VectorDatabase.build(at: place.file("b.vecdb"), from: input, options: options) })
    }

    @Test func `fault 20: ids that differ in bytes alone are different ids`() throws {
        let ids = ["e\u{301}", "\u{E9}", "a"]
        let search = try StreamingSearch(.memory(vectors: [1, 2, 3], dimensions: 1, ids: ids))
        #expect(search.rows == 3)
        #expect(try search.unknownIDs(among: ["\u{E9}", "\u{EA}", "\u{EA}"]).map(\.id) == ["\u{EA}"])
    }

    @Test(
        arguments: [
            ("Fargo", "Fargo (1996)"), ("fargo (1996)", "Fargo (1996)"), ("Farga (1996)", "Fargo (1996)"),
            ("Heat (1995", "Heat (1995)"), ("Haet", nil), ("zzz", nil), ("1234", nil),
            ("Toy Storys (1995)", "Toy Story (1995)"),
            ("Toy Story", "Toy Story (1995)"), ("", nil),
        ] as [(String, String?)])
    func `fault 20: an unknown id comes with the nearest one`(id: String, nearest: String?) throws {
        let place = try TemporaryDirectory()
        let ids = [
            "Fargo (1996)", "Heat (1995)", "Toy Story 2 (1999)", "Toy Story (1995)", "12345", "Fargo (1996) again",
        ]
        let input = BuildInput.memory(vectors: [1, 2, 3, 4, 5, 6], dimensions: 1, ids: ids)
        try VectorDatabase.build(at: place.file("a.vecdb"), from: input)
        let expected = [UnknownID(id: id, nearest: nearest)]
        #expect(try VectorDatabase.open(place.file("a.vecdb")).unknownIDs(among: [id, "Heat (1995)", id]) == expected)
        #expect(try StreamingSearch(input).unknownIDs(among: [id, "Heat (1995)", id]) == expected)
    }

    /// The whole table of distances, which the narrow one must agree with as far as it looks.
    private func changes(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for i in 1...a.count {
            var next = [i] + b.map { _ in 0 }
            for j in 1...b.count {
                next[j] = min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
            }
            row = next
        }
        return row[b.count]
    }

    @Test func `fault 20: a changed id is found exactly up to the limit of changes`() {
        var generator = SeededGenerator(seed: 20)
        func word(_ count: Int) -> String {
            String(
                decoding: (0..<count).map { _ in UInt8(ascii: "a") + UInt8(generator.uniform(below: 3)) }, as: UTF8.self
            )
        }
        for _ in 0..<3000 {
            let (wanted, candidate) = (word(3 + generator.uniform(below: 8)), word(1 + generator.uniform(below: 10)))
            var similar = SimilarID(to: wanted, changes: 3)
            similar.offer(candidate)
            let isNear = candidate.hasPrefix(wanted) || changes(Array(wanted.utf8), Array(candidate.utf8)) <= 3
            #expect((similar.id != nil) == isNear, "\(wanted) \(candidate)")
        }
    }

    @Test(arguments: ["candidates.npy", "candidates.ids.txt", "candidates.ndjson", "queries.npy", "queries.ids.txt"])
    func `fault 10: a file that is replaced behind its hash is not built from`(name: String) throws {
        let place = try TemporaryDirectory()
        let export = place.file("export")
        let names = try FileManager.default.subpathsOfDirectory(atPath: fixtureExport)
        try FileManager.default.createDirectory(atPath: export, withIntermediateDirectories: true)
        for name in names {
            try FileManager.default.copyItem(atPath: fixtureExport + "/" + name, toPath: export + "/" + name)
        }
        let content = try Data(contentsOf: URL(filePath: export + "/" + name))
        // Every file is asked about once while it is hashed; at the last question all others have been.
        var questions = 0
        _ = try ResolvedInput(.export(directory: export), options: BuildOptions()) {
            questions += 1
            return false
        }
        var asked = 0
        #expect {
            _ = try DatabaseError.wrapping {
                let resolved = try ResolvedInput(.export(directory: export), options: BuildOptions()) {
                    asked += 1
                    if asked == questions {
                        try? content.write(to: URL(filePath: export + "/" + name), options: .atomic)
                    }
                    return false
                }
                try resolved.source.countIDs(rows: 5, isCancelled: { false })
                try resolved.source.checkMetadata(rows: 5, isCancelled: { false })
            }
        } throws: {
            "\($0)".contains("changed while it was being read") && "\($0)".contains(name)
        }
        #expect(throws: Never.self) { try StreamingSearch(.export(directory: export), duplicateIDs: .allow) }
    }
}

/// The export that the reader of exports is tested with.
private let fixtureExport = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../EmbeddingInputTests/Fixtures/export").standardizedFileURL.path
