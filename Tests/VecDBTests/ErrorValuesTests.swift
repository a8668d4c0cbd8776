import EmbeddingInput
import FileSystem
import Foundation
import SegmentFile
import TestSupport
import Testing

@testable import Catalog
@testable import VecDB

@Suite struct ErrorValuesTests {
    /// The error of a build of two-dimensional vectors in a file, with ids.
    private func refusal(
        in place: TemporaryDirectory, _ vectors: [Float], dimensions: Int = 2, ids: [String]? = nil,
        _ change: (inout BuildOptions) -> Void = { _ in }
    ) throws -> DatabaseError {
        var options = BuildOptions()
        change(&options)
        try writeNPY(vectors, dimensions: dimensions, to: place.file("v.npy"))
        var files = BuildFiles(vectors: [place.file("v.npy")])
        if let ids {
            try ids.joined(separator: "\n").write(toFile: place.file("ids.txt"), atomically: true, encoding: .utf8)
            files.ids = place.file("ids.txt")
        }
        return try #require(throws: DatabaseError.self) {
            try VectorDatabase.build(at: place.file("a.vecdb"), from: .files(files), options: options)
        }
    }

    @Test func `what a module below says is said with the same words, and keeps its values`() {
        let system = SystemError(code: ENOSPC, operation: "write", path: "a/b")
        let segment = SegmentError(.damaged, file: "s.vseg", section: "codes", isMendedByBuild: true, "is short")
        let errors: [(any Error, DatabaseError)] = [
            (system, DatabaseError(system)), (segment, DatabaseError(segment)),
            (SegmentError(.system, file: "x", "y"), DatabaseError(SegmentError(.system, file: "x", "y"))),
        ]
        for (below, error) in errors { #expect("\(below)".utf8.elementsEqual(error.message.utf8)) }
        #expect("\(segment)" == "s.vseg: section 'codes' is short; restore a backup, or build it again")
        let damage = DatabaseError(segment)
        #expect(damage.file == "s.vseg" && damage.section == "codes" && damage.remedy == .build)
        #expect(damage.problem == "is short; restore a backup, or build it again")
        #expect(DatabaseError(system).file == "a/b" && DatabaseError(system).systemCode == ENOSPC)

        let input = InputError(.malformed, file: "a.tsv", row: 1_234_567, line: 1_234_568, remedy: .tensor, "is wrong")
        let refused = DatabaseError(input)
        #expect(refused.message == "a.tsv, line 1,234,568, row 1,234,567: is wrong" && "\(input)" == refused.message)
        #expect(refused.file == "a.tsv" && refused.line == 1_234_568 && refused.row == 1_234_567)
        #expect(refused.remedy == .tensor && refused.problem == "is wrong")
    }

    @Test func `an error of the system names the catalog once, and another file beside it`() {
        let same = CatalogError(SystemError(code: EIO, operation: "read", path: "d/c"), path: "d/c")
        let other = CatalogError(SystemError(code: EIO, operation: "read", path: "d"), path: "d/c")
        #expect("\(same)".hasPrefix("d/c: cannot read: ") && "\(other)".hasPrefix("d/c: d: cannot read: "))
        let error = DatabaseError(same)
        #expect(error.message == "\(same)" && error.file == "d/c" && error.systemCode == EIO)
    }

    @Test func `an error of an input says in values which file, row and id`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let overflow = try refusal(in: place, [1, 2, .nan, 4, 5, .infinity])
        #expect(overflow.code == .invalidInput && overflow.row == 1 && overflow.badRowCount == 2)
        #expect(overflow.file == place.file("v.npy"))
        let repeated = try refusal(in: place, [1, 2, 3, 4, 5, 6], ids: ["a", "b", "a"])
        #expect(
            repeated.row == 0 && repeated.id == "a" && repeated.badRowCount == 1 && repeated.remedy == .duplicateIDs)
        let fewer = try refusal(in: place, [1, 2, 3, 4, 5, 6], ids: ["a", "b"])
        #expect(fewer.file == place.file("ids.txt") && fewer.expected == "3" && fewer.found == "2")
        #expect(fewer.message.hasPrefix(place.file("ids.txt") + " has 2 ids"))
        let leaves = try refusal(in: place, [1, 2, 3, 4]) { ($0.index, $0.leaves) = (.treeAH, 3) }
        #expect(leaves.limit == 2 && leaves.found == "3")
        let ids = ["a", String(repeating: "b", count: 1 << 20 + 1)]
        let long = #expect(throws: DatabaseError.self) {
            try VectorDatabase.build(
                at: place.file("a.vecdb"), from: .memory(vectors: [1, 2], dimensions: 1, ids: ids))
        }
        #expect(long?.ordinal == 1 && long?.limit == 1 << 20)
    }

    @Test func `an error of a database says in values what is concerned`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let path = place.file("a.vecdb")
        let missing = #expect(throws: DatabaseError.self) { try VectorDatabase.open(path) }
        #expect(missing?.file == path && missing?.remedy == .build)
        #expect(missing?.message == path + ": there is no such database; build one")
        try VectorDatabase.build(at: path, from: .memory(vectors: [1, 2, 3, 4], dimensions: 2))
        let exists = #expect(throws: DatabaseError.self) {
            try VectorDatabase.build(at: path, from: .memory(vectors: [1, 2], dimensions: 2))
        }
        #expect(exists?.file == path && exists?.remedy == .overwrite && exists?.code == .alreadyExists)
        let database = try VectorDatabase.open(path)
        let unknown = #expect(throws: DatabaseError.self) { try database.vectors(ordinals: [0, 9]) }
        #expect(unknown?.ordinal == 9)
        let shape = #expect(throws: DatabaseError.self) { try database.search([1, 2, 3]) }
        #expect(shape?.expected == "2" && shape?.found == "3" && shape?.row == nil)

        let name = try #require(
            try FileManager.default.contentsOfDirectory(atPath: path).first { $0.hasSuffix(".vseg") })
        let reader = try SegmentReader(
            in: Directory(opening: path), uuid: #require(SegmentUUID(segmentFileName: name)), pinning: false)
        let start = try #require(reader.entry(.reorderVectors)).offset
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path + "/" + name))
        bytes[start] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path + "/" + name))
        let damage = #expect(throws: DatabaseError.self) {
            try VectorDatabase.open(path).search([1, 2], options: SearchOptions(exact: true))
        }
        #expect(damage?.file == name && damage?.section == "reorder-vectors" && damage?.remedy == .build)
    }

    @Test(arguments: Metric.allCases, [1, 2])
    func `an error of a batch says which query it is`(_ metric: Metric, _ threads: Int) throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        var options = BuildOptions()
        options.metric = metric
        let vectors = clusteredVectors(count: 50, dimensions: 2, seed: 3)
        try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: 2), options: options)
        let database = try VectorDatabase.open(place.file("a.vecdb"))
        var queries = vectors
        queries[2 * 31] = .nan
        for excluded in [[:], [3: ["1"], 30: ["2"]]] {
            let error = #expect(throws: DatabaseError.self) {
                try database.searchBatch(queries, excludedIDs: excluded, threads: threads)
            }
            #expect(error?.row == 31 && error?.found == "nan")
        }
    }

    @Test func `no error of the library names an option of the command`() throws {
        let here = URL(fileURLWithPath: #filePath)
        let sources = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Sources")
        var count = 0
        for module in ["VecDB", "TreeAH", "SegmentFile", "Catalog", "EmbeddingInput", "FileSystem", "VectorKernels"] {
            let files = FileManager.default.enumerator(atPath: sources.appendingPathComponent(module).path)
            while let file = files?.nextObject() as? String {
                guard file.hasSuffix(".swift") else { continue }
                let url = sources.appendingPathComponent(module + "/" + file)
                let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
                for line in lines where !line.drop(while: { $0 == " " }).hasPrefix("//") {
                    #expect(line.firstMatch(of: /"[^"]*(--[a-z]|'vecdb [a-z])/) == nil, "\(file): \(line)")
                }
                count += 1
            }
        }
        #expect(count > 100)
    }
}
