import Foundation
import TestSupport
import Testing
import VecDB

/// The example of the README, compiled and run here; the last test holds the two texts together.
private func example(at path: String) throws -> [String] {
    // begin README example
    try VectorDatabase.build(
        at: path,
        from: .memory(
            vectors: [0.9, 0.1, 0.2, 0.8, 0.7, 0.6],
            dimensions: 2,
            ids: ["Heat (1995)", "Emma (1996)", "Fargo (1996)"],
            metadata: [#"{"year":1995}"#, #"{"year":1996}"#, #"{"year":1996}"#]))

    let movies = try VectorDatabase.open(path)
    let options = SearchOptions(k: 2, excludedIDs: ["Heat (1995)"], includesMetadata: true)
    var lines: [String] = []
    for hit in try movies.search([1, 0.5], options: options) {
        lines.append("\(hit.id ?? "") \(hit.score) \(hit.metadata ?? "")")
    }
    // end README example
    return lines
}

@Test func `the README's example answers what it says`() throws {
    let place = try TemporaryDirectory()
    #expect(
        try example(at: place.file("movies.vecdb"))
            == [#"Fargo (1996) 1.0 {"year":1996}"#, #"Emma (1996) 0.6 {"year":1996}"#])
}

@Test func `the README shows the example that is tested`() throws {
    let here = URL(fileURLWithPath: #filePath)
    let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
    let source = try String(contentsOf: here, encoding: .utf8)
    let parts = source.components(separatedBy: "    // begin README example\n")
    let body = try #require(parts[1].components(separatedBy: "    // end README example\n").first)
    let shown = body.split(separator: "\n", omittingEmptySubsequences: false)
        .map { $0.hasPrefix("    ") ? String($0.dropFirst(4)) : String($0) }.joined(separator: "\n")
    #expect(shown.count > 200)
    #expect(readme.contains(shown))
}
