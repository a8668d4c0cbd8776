import Foundation
import VecDB
import VecDBJSON

/// Builds a database from arrays, opens it again, searches it, reads metadata, writes JSON, and checks every answer.
///
/// Ends with 1 when something is wrong, and says what.
func run() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "vecdb-outsider-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: directory) }
    let path = directory.appending(path: "colours.vecdb").path

    // Red, green and blue parts.
    let ids = ["red", "green", "blue", "yellow", "grey"]
    let vectors: [Float] = [
        1, 0, 0,
        0, 1, 0,
        0, 0, 1,
        1, 1, 0,
        0.5, 0.5, 0.5,
    ]
    let metadata = ids.map { "{\"name\":\"\($0)\",\"letters\":\($0.count)}" }

    var options = BuildOptions()
    options.metric = .l2
    let summary = try VectorDatabase.build(
        at: path, from: .memory(vectors: vectors, dimensions: 3, ids: ids, metadata: metadata), options: options)
    try expect(summary.rows == 5, "the build counts \(summary.rows) rows, not 5")
    try expect(summary.dimensions == 3, "the build counts \(summary.dimensions) dimensions, not 3")

    let database = try VectorDatabase.open(path)
    let query: [Float] = [1, 0.75, 0]
    let hits = try database.search(query, options: SearchOptions(k: 3, includesMetadata: true))
    for (index, hit) in hits.enumerated() {
        print("\(index + 1)  \(hit.score)  \(hit.id ?? "?")  \(hit.metadata ?? "")")
    }
    // Red and grey are equally far: the smaller ordinal comes first.
    try expect(hits.map(\.id) == ["yellow", "red", "grey"], "the nearest are \(hits.map(\.id))")
    try expect(hits.map(\.score) == [0.0625, 0.5625, 0.5625], "their distances are \(hits.map(\.score))")
    try expect(hits.map(\.metadata) == [metadata[3], metadata[0], metadata[4]], "their metadata is \(hits)")

    let others = try database.search(query, options: SearchOptions(k: 1, excludedIDs: ["yellow", "grey"]))
    try expect(others.map(\.id) == ["red"], "without yellow and grey the nearest is \(others)")
    let batch = try database.searchBatch(query + query, options: SearchOptions(k: 3, includesMetadata: true))
    try expect(batch == [hits, hits], "a batch answers otherwise: \(batch)")
    try expect(try database.metadata(id: "blue") == [metadata[2]], "the metadata of blue is another")
    try expect(try database.metadata(id: "mauve").isEmpty, "mauve is not in the database")

    var line: [UInt8] = []
    try Answer(query: 0, hits: Array(hits.prefix(1))).writeLine { line += $0 }
    let answer = #"{"query":0,"hits":[{"rank":1,"id":"yellow","score":0.0625,"metadata":\#(metadata[3])}]}"#
    let written = String(decoding: line, as: UTF8.self)
    try expect(written == answer + "\n", "as JSON the answer is \(written)")
    struct Colour: Decodable {
        var name: String
        var letters: Int
    }
    let colours = try hits.compactMap { try $0.metadata(as: Colour.self) }
    try expect(colours.map(\.letters) == [6, 3, 4], "the metadata decode to \(colours)")
    try expect(database.count == 5, "there are \(database.count) candidates, not 5")
    try expect(try database.contains(id: "blue") && !database.contains(id: "mauve"), "ids are not those of the build")
    try expect(try database.vector(id: "yellow") == [1, 1, 0], "yellow lies elsewhere")
    try expect(try database.vectors(ordinals: [4, 0]) == [0.5, 0.5, 0.5, 1, 0, 0], "vectors come in another order")

    let limited = SearchOptions(
        k: 3, includesMetadata: true, deadline: .now + .seconds(60), cancellation: Cancellation())
    try expect(try database.search(query.span, options: limited) == hits, "limits change the answer")

    do {
        _ = try database.search([1, 2])
        throw Failure("a query of two dimensions was answered")
    } catch let error as DatabaseError {
        let json = JSONDocument(error).text(.line)
        print("refused as it should be: \(json)")
        try expect(json.hasPrefix(#"{"error":{"code":"invalid_argument","message":""#), "as JSON the error is \(json)")
    }
}

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func expect(_ condition: @autoclosure () throws -> Bool, _ message: @autoclosure () -> String) throws {
    guard try condition() else { throw Failure(message()) }
}

do {
    try run()
    print("all answers are right")
} catch {
    FileHandle.standardError.write(Data("wrong: \(error)\n".utf8))
    exit(1)
}
