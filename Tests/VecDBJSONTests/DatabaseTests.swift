import Foundation
import SchemaChecks
import TestSupport
import Testing
import VecDB
import VecDBJSON

/// From rows to JSON, through a database.
struct DatabaseTests {
    /// Ids are text without NUL.
    private static let ids = awkwardTexts.filter { !$0.utf8.contains(0) }

    @Test(arguments: [IndexKind.exact, .treeAH])
    func `ids and documents of a database come back byte for byte`(index: IndexKind) throws {
        let place = try TemporaryDirectory()
        let path = place.file("a\"b\u{1}e\u{301}.vecdb")
        // Keys and texts of documents are no easier than ids.
        let documents = try Self.ids.map { id in
            String(decoding: try JSONEncoder().encode(["key \(id)": id + "\u{0}"]), as: UTF8.self)
        }
        var options = BuildOptions()
        options.index = index
        let summary = try VectorDatabase.build(
            at: path,
            from: .memory(
                vectors: Self.ids.indices.flatMap { [Float($0 + 1), 1] }, dimensions: 2, ids: Self.ids,
                metadata: documents),
            options: options)
        #expect(try JSONSchema("build").violations(JSONValue(parsing: JSONDocument(summary).text(.line))) == [])

        let database = try VectorDatabase.open(path)
        let search = SearchOptions(k: 100, leavesToSearch: .max, reorder: .max, includesMetadata: true)
        let (hits, statistics) = try database.explain([1, 0], options: search)
        let text = try line(Answer(query: 0, hits: hits, explanation: Explanation(statistics)))
        #expect(text.utf8.count { $0 == 0x0A } == 1)
        let value = try JSONValue(parsing: text)
        #expect(try JSONSchema("query").violations(value) == [])
        let found = value["hits"]?.array ?? []
        #expect(found.map { bytes($0["id"]?.string) } == Self.ids.reversed().map { bytes($0) })
        for (hit, id) in zip(found, Self.ids.reversed()) {
            let document = hit["metadata"]?.object ?? [:]
            #expect(bytes(document.first?.key) == bytes("key " + id))
            #expect(bytes(document.first?.value.string) == bytes(id + "\u{0}"))
        }
        // Looked up while it is written, it is the same line.
        let bare = try database.search([1, 0], options: SearchOptions(k: 100, leavesToSearch: .max, reorder: .max))
        let looked = try line(Answer(query: 0, hits: bare, explanation: Explanation(statistics))) {
            try database.metadata(ordinals: $0.map(\.ordinal))
        }
        #expect(bytes(looked) == bytes(text))

        let inspection = try JSONValue(parsing: JSONDocument(VectorDatabase.inspect(path)).text(.indented))
        #expect(try JSONSchema("inspect").violations(inspection) == [])
        #expect(bytes(inspection["database"]?.string) == bytes(path))
        #expect(inspection["metadata_columns"]?.array?.count == Self.ids.count)
        let report = JSONDocument(try VectorDatabase.verify(path, deep: true)).text(.line)
        #expect(try JSONSchema("verify").violations(JSONValue(parsing: report)) == [])
    }
}
