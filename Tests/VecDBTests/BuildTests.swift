import Foundation
import FileSystem
import SegmentFile
import TestSupport
import Testing

@testable import VecDB

private let films = (
    vectors: [1, 0, 0, 1, 1, 1] as [Float], ids: ["one", "two", "three"],
    metadata: ["{\"year\":1990}", "{\"year\":1991,\"cast\":[\"x\"]}", "{\"title\":\"Ü\"}"]
)

@Test func `ids and metadata come back with the hits`() throws {
    let place = try TemporaryDirectory()
    try VectorDatabase.build(
        at: place.file("a.vecdb"),
        from: .memory(vectors: films.vectors, dimensions: 2, ids: films.ids, metadata: films.metadata))
    let database = try VectorDatabase.open(place.file("a.vecdb"))
    let hits = try database.search([1, 0.5], options: SearchOptions(k: 5, includesMetadata: true))
    #expect(hits.map(\.id) == ["three", "one", "two"])
    #expect(hits.map(\.score) == [1.5, 1, 0.5])
    #expect(hits.map(\.metadata) == [films.metadata[2], films.metadata[0], films.metadata[1]])
    #expect(try database.metadata(id: "two") == [films.metadata[1]])
    #expect(try database.metadata(id: "four").isEmpty)
    #expect(place.names == ["a.vecdb"])
}

@Test(arguments: [0, 1, 31, 32, 33, 255, 256, 257], [IndexKind.exact, .treeAH])
func `any number of rows builds and verifies`(_ rows: Int, _ index: IndexKind) throws {
    let place = try TemporaryDirectory()
    let vectors = clusteredVectors(count: rows, dimensions: 3, seed: 1)
    var options = BuildOptions()
    options.index = index
    options.metric = .l2
    let summary = try VectorDatabase.build(
        at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: 3), options: options)
    #expect(summary.rows == rows)
    #expect((summary.leaves > 0) == (index == .treeAH && rows > 0) && summary.leaves <= rows)
    let database = try VectorDatabase.open(place.file("a.vecdb"))
    let hits = try database.search([0, 0, 0], options: SearchOptions(k: 1000))
    #expect(hits.map(\.ordinal).sorted() == (0..<UInt64(rows)).map { $0 })
    #expect(hits.map(\.score) == hits.map(\.score).sorted())
    #expect(try VectorDatabase.verify(place.file("a.vecdb"), deep: true).damage.isEmpty)
}

@Test func `rows of one repeated vector are no trouble`() throws {
    let place = try TemporaryDirectory()
    let vectors = [Float](repeating: 0.5, count: 300 * 4)
    var options = BuildOptions()
    options.index = .treeAH
    try VectorDatabase.build(
        at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: 4), options: options)
    let database = try VectorDatabase.open(place.file("a.vecdb"))
    let hits = try database.search(
        [1, 1, 1, 1], options: SearchOptions(k: 5, leavesToSearch: 1_000_000, reorder: 1000))
    #expect(hits.map(\.ordinal) == [0, 1, 2, 3, 4])
}

@Test func `what a killed build left beside a database goes with the next build, and nothing else`() throws {
    let place = try TemporaryDirectory()
    let files = FileManager.default
    let sibling = ".a.vecdb.building-"
    let (abandoned, atWork, link) = (
        sibling + "0123456789abcdef", sibling + "fedcba9876543210", sibling + "0000000000000000"
    )
    let kept = [atWork, link, sibling + "notes-of-ours-16", sibling + "beef", "elsewhere"]
    for name in ["elsewhere", atWork, sibling + "notes-of-ours-16", sibling + "beef"] {
        try files.createDirectory(atPath: place.file(name), withIntermediateDirectories: false)
        try Data().write(to: URL(fileURLWithPath: place.file(name) + "/lock"))
    }
    try files.createSymbolicLink(atPath: place.file(link), withDestinationPath: "elsewhere")
    let lock = try #require(
        try WriterLock.acquire(in: try Directory(opening: place.file(atWork)), timeoutSeconds: 0, holder: "test"))
    var options = BuildOptions()
    for isOverwriting in [false, true] {
        try files.createDirectory(atPath: place.file(abandoned), withIntermediateDirectories: false)
        for name in ["catalog.sqlite", "lock"] {
            try Data().write(to: URL(fileURLWithPath: place.file(abandoned) + "/" + name))
        }
        options.overwrite = isOverwriting
        try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: [1, 2], dimensions: 1), options: options)
        #expect(place.names == (kept + ["a.vecdb"]).sorted())
    }
    withExtendedLifetime(lock) {}
    #expect(try files.contentsOfDirectory(atPath: place.file("elsewhere")) == ["lock"])
}

@Test func `an overwritten database keeps its readers' snapshot until they refresh`() throws {
    let place = try TemporaryDirectory()
    let path = place.file("a.vecdb")
    try VectorDatabase.build(at: path, from: .memory(vectors: [1, 2], dimensions: 1, ids: ["old", "older"]))
    let reader = try VectorDatabase.open(path)
    var options = BuildOptions()
    options.overwrite = true
    let summary = try VectorDatabase.build(
        at: path, from: .memory(vectors: [3], dimensions: 1, ids: ["new"]), options: options)
    #expect(summary.generation == 2)
    #expect(try reader.search([1]).map(\.id) == ["older", "old"])
    #expect(try reader.refresh())
    #expect(try reader.search([1]).map(\.id) == ["new"])
    #expect(try !reader.refresh())
    // Nobody pins the old segment any more: the next writer removes it.
    try VectorDatabase.build(at: path, from: .memory(vectors: [4], dimensions: 1), options: options)
    #expect(try reader.refresh())
    try VectorDatabase.build(at: path, from: .memory(vectors: [5], dimensions: 1), options: options)
    let segments = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".vseg") }
    #expect(segments.count == 2)  // the newest, and the one that `reader` pins
}

@Test func `a search after a refresh meets fewer dimensions than the one before`() throws {
    let place = try TemporaryDirectory()
    var options = BuildOptions()
    options.index = .treeAH
    let path = place.file("a.vecdb")
    let wide = clusteredVectors(count: 60, dimensions: 9, seed: 4)
    try VectorDatabase.build(at: path, from: .memory(vectors: wide, dimensions: 9), options: options)
    let database = try VectorDatabase.open(path)
    let search = SearchOptions(k: 3, leavesToSearch: 2, reorder: 10)
    #expect(try database.search(Array(wide[0..<9]), options: search).count == 3)

    options.overwrite = true
    let narrow = clusteredVectors(count: 60, dimensions: 4, seed: 5)
    try VectorDatabase.build(at: path, from: .memory(vectors: narrow, dimensions: 4), options: options)
    #expect(try database.refresh())
    #expect(try database.search(Array(narrow[0..<4]), options: search).count == 3)
}

@Test(arguments: IndexKind.allCases)
func `text builds although its rows are not counted in advance`(_ index: IndexKind) throws {
    let place = try TemporaryDirectory()
    let text = (0..<40).map { "\($0 % 7),\($0 % 5),1" }.joined(separator: "\n")
    try text.write(toFile: place.file("rows.csv"), atomically: false, encoding: .utf8)
    var options = BuildOptions()
    options.index = index
    let files = BuildFiles(vectors: [place.file("rows.csv")])
    let summary = try VectorDatabase.build(at: place.file("a.vecdb"), from: .files(files), options: options)
    #expect(summary.rows == 40 && summary.index == (index == .treeAH ? .treeAH : .exact))
}

@Test func `keep-last keeps the last candidate of each id`() throws {
    let place = try TemporaryDirectory()
    var options = BuildOptions()
    options.duplicateIDs = .keepLast
    for index in [IndexKind.exact, .treeAH] {
        options.index = index
        options.overwrite = true
        let summary = try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: [1, 2, 3, 4], dimensions: 1, ids: ["a", "b", "a", "c"]),
            options: options)
        #expect(summary.duplicatesDropped == 1)
        let hits = try VectorDatabase.open(place.file("a.vecdb")).search([1])
        #expect(hits.map(\.id) == ["c", "a", "b"])
        #expect(hits.map(\.ordinal) == [3, 2, 1])
        #expect(try VectorDatabase.verify(place.file("a.vecdb"), deep: true).damage.isEmpty)
    }
}

@Test func `a refused build changes nothing and says which row`() throws {
    let place = try TemporaryDirectory()
    func refusal(_ vectors: [Float], ids: [String]? = nil, metric: Metric = .dot) -> DatabaseError? {
        var options = BuildOptions()
        options.metric = metric
        do {
            try VectorDatabase.build(
                at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: 2, ids: ids), options: options)
            return nil
        } catch { return error }
    }
    #expect(refusal([1, 2, .nan, 4, 5, .infinity])?.message.contains("row 1") == true)
    #expect(refusal([1, 2, .nan, 4, 5, .infinity])?.message.contains("2 of 3") == true)
    #expect(refusal([1, 2, 0, 0], metric: .cosine)?.code == .invalidInput)
    #expect(refusal([1, 2, 3, 4], ids: ["same", "same"])?.message.contains("'same'") == true)
    #expect(refusal([1, 2, 3, 4], ids: ["one"])?.code == .invalidInput)
    #expect(refusal([3e38, 3e38])?.code == .invalidInput)
    #expect(place.names.isEmpty)
}

@Test(arguments: BuildPhase.allCases)
func `a build that is cancelled in any phase leaves nothing behind`(_ phase: BuildPhase) throws {
    let place = try TemporaryDirectory()
    var options = BuildOptions()
    options.index = .treeAH
    let cancellation = Cancellation()
    options.cancellation = cancellation
    var reached = false
    #expect {
        try VectorDatabase.build(
            at: place.file("a.vecdb"),
            from: .memory(
                vectors: clusteredVectors(count: 500, dimensions: 4, seed: 2), dimensions: 4,
                ids: (0..<500).map { "id \($0)" }),
            options: options
        ) { progress in
            if progress.phase == phase { reached = true }
            if reached { cancellation.cancel() }
        }
    } throws: { ($0 as? DatabaseError)?.code == .cancelled }
    #expect(reached)
    #expect(place.names.isEmpty)
}

@Test func `a file that is damaged anywhere is found, and never searched silently`() throws {
    let place = try TemporaryDirectory()
    let path = place.file("a.vecdb")
    var options = BuildOptions()
    options.index = .treeAH
    options.metric = .cosine
    let vectors = clusteredVectors(count: 300, dimensions: 5, seed: 4)
    try VectorDatabase.build(
        at: path, from: .memory(vectors: vectors, dimensions: 5, ids: (0..<300).map { "\($0)!" }), options: options)
    let name = try #require(FileManager.default.contentsOfDirectory(atPath: path).first { $0.hasSuffix(".vseg") })
    let original = try Data(contentsOf: URL(fileURLWithPath: path + "/" + name))
    #expect(try VectorDatabase.verify(path).isIntact)
    for offset in stride(from: 0, to: original.count, by: 997) {
        var bytes = original
        bytes[offset] ^= 0x40
        try bytes.write(to: URL(fileURLWithPath: path + "/" + name))
        let report: VerificationReport?
        do { report = try VectorDatabase.verify(path) } catch {
            #expect(error.code == .unsupportedVersion)
            report = nil
        }
        #expect(report?.isIntact != true, "flipped bit at \(offset)")
    }
    for length in [0, 1, 4095, 8191, 8192, original.count - 4096, original.count - 1] {
        try original.prefix(length).write(to: URL(fileURLWithPath: path + "/" + name))
        #expect(throws: DatabaseError.self) { try VectorDatabase.open(path) }
    }
}

@Test func `what a killed writer left half written is no problem while its journal waits for the next reader`() throws {
    let place = try TemporaryDirectory()
    try VectorDatabase.build(at: place.file("a.vecdb"), from: .memory(vectors: films.vectors, dimensions: 2))
    let left = "a.vecdb/segment-" + String(repeating: "0", count: 32) + ".vseg"
    try Data(count: 100).write(to: URL(fileURLWithPath: place.file(left)))
    #expect(try VectorDatabase.inspect(place.file("a.vecdb")).segments.count == 1)
    // The header of a journal, and nobody holds a lock: SQLite must roll it back before anybody reads.
    let pages = try Data(contentsOf: URL(fileURLWithPath: place.file("a.vecdb/catalog.sqlite"))).count / 4096
    let fields = [0, 7, pages, 512, 4096].flatMap { value in [24, 16, 8, 0].map { UInt8(value >> $0 & 255) } }
    let journal = [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7] + fields + [UInt8](repeating: 0, count: 484)
    try Data(journal).write(to: URL(fileURLWithPath: place.file("a.vecdb/catalog.sqlite-journal")))
    let found = try VectorDatabase.inspect(place.file("a.vecdb"))
    #expect(found.recoveryPending)
    #expect(found.segments.count == 2)
    #expect(found.problems.isEmpty)
}
