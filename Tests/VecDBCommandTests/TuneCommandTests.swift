import Foundation
import SchemaChecks
import TestSupport
import Testing

struct TuneCommandTests {
    /// 6,600 rows in 40 clusters, their first 50 as queries, under a tree whose codes are as good as `options` make them.
    private static func database(_ options: String...) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let rows = clusteredRows(6600, dimensions: 8, clusters: 40, seed: 5)
        try directory.write("base.npy", npy(rows))
        try directory.write("queries.npy", npy(Array(rows.prefix(50))))
        let output = try vecdb(
            ["build", "d.vecdb", "--vectors", "base.npy", "--metric", "l2", "--index", "tree-ah", "--leaves", "40"]
                + options, in: directory)
        #expect(output.status == 0, "\(output.standardError)")
        return directory
    }

    /// More rows than get exact scores, in one cloud of 32 dimensions of which two are coded.
    private static func vagueDatabase() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let rows = clusteredRows(8000, dimensions: 32, clusters: 1, seed: 5)
        try directory.write("base.npy", npy(rows))
        try directory.write("queries.npy", npy(Array(rows.prefix(20))))
        #expect(try vecdb(vagueBuild, in: directory).status == 0)
        return directory
    }

    private static let vagueBuild = [
        "build", "d.vecdb", "--vectors", "base.npy", "--metric", "l2", "--index", "tree-ah", "--leaves", "2",
        "--dimensions-per-block", "2", "--projection", "pca:2", "--query-vectors", "queries.npy",
    ]

    @Test(arguments: [["tune"], ["eval"]])
    func `fault 12: queries of a file are bounded`(command: [String]) throws {
        let directory = try Self.database()
        // A gibibyte and one row, all of it a hole.
        let rows = (1 << 25) + 1
        let header = npy(rows: rows, dimensions: 8, content: [])
        try directory.write("many.npy", header)
        let file = try FileHandle(forWritingTo: URL(filePath: directory.path + "/many.npy"))
        try file.truncate(atOffset: UInt64(header.count + rows * 8 * 4))
        try file.close()
        let output = try vecdb(command + ["d.vecdb", "--queries", "many.npy"], in: directory)
        #expect(output.status == 1)
        #expect(
            output.standardError.contains("many.npy: 33,554,433 queries of 8 dimensions")
                && output.standardError.contains("give at most 33,554,432"), "\(output.standardError)")
    }

    @Test(arguments: [[], ["--queries", "queries.npy"], ["--queries", "queries.npy", "-k", "20"]])
    func `the setting is stored with its recall and time, and searches use it`(options: [String]) throws {
        let directory = try Self.database()
        let output = try vecdb(["tune", "d.vecdb", "--target-recall", "0.9", "--json"] + options, in: directory)
        #expect(output.status == 0, "\(output.standardError)")
        let tuning = try JSONValue(parsing: output.standardOutput)
        try expectValid(tuning, "tune")
        #expect(tuning["generation"]?.number == 2)
        let best = try #require(tuning["best"])
        #expect(try #require(best["recall"]?.number) >= 0.9)
        #expect(best["k"]?.number == (options.last == "20" ? 20 : 10))
        #expect(best["sample_source"]?.string == (options.isEmpty ? "candidates" : "given"))

        let inspected = try JSONValue(
            parsing: try succeed("inspect", "d.vecdb", "--json", in: directory).standardOutput)
        try expectValid(inspected, "inspect")
        let isDefault = options.last != "20"
        #expect((inspected["defaults"] == best) == isDefault)
        let settings = try #require(inspected["settings"]?.array)
        #expect(settings.contains(best))
        #expect(settings.map { $0["k"]?.number } == (isDefault ? [1, 10, 100, 1_000] : [1, 10, 20, 100, 1_000]))
        let row = try JSONValue(
            parsing: try succeed(
                "eval", "d.vecdb", "--queries", "queries.npy", "-k", isDefault ? "10" : "20", "--passes", "1", "--json",
                in: directory
            ).standardOutput)[0]
        #expect(row?["leaves_to_search"] == best["leaves_to_search"] && row?["reorder"] == best["reorder"])
    }

    @Test func `a higher target takes no less work`() throws {
        let directory = try Self.database()
        let work = try ["0.5", "0.99"].map { target in
            let tuning = try JSONValue(
                parsing: try succeed(
                    "tune", "d.vecdb", "--queries", "queries.npy", "--target-recall", target, "--dry-run", "--json",
                    in: directory
                ).standardOutput)
            #expect(tuning["generation"] == nil)
            let recall = try #require(tuning["best"]?["recall"]?.number)
            #expect(recall >= Double(target) ?? 2)
            return recall
        }
        #expect(work[0] <= work[1])
        #expect(try succeed("inspect", "d.vecdb", in: directory).standardOutput.contains("generation 1 "))
    }

    @Test func `a target out of reach is said, ends with 7 and changes nothing`() throws {
        let directory = try Self.vagueDatabase()
        let before = try succeed("inspect", "d.vecdb", "--json", in: directory).standardOutput
        let output = try vecdb(
            ["tune", "d.vecdb", "--target-recall", "1"], in: directory)
        #expect(output.status == 7, "\(output.standardOutput)\(output.standardError)")
        #expect(output.standardOutput.contains("recall@10 of 1.0 is out of reach of this build"))
        #expect(output.standardError.contains("rebuild with '--dimensions-per-block 1' or '--projection random'"))
        #expect(try succeed("inspect", "d.vecdb", "--json", in: directory).standardOutput == before)
    }

    @Test func `a build that misses the recall asked for ends with 7 and is there`() throws {
        let directory = try Self.vagueDatabase()
        let output = try vecdb(
            Self.vagueBuild + ["--overwrite", "--target-recall", "1"], in: directory)
        #expect(output.status == 7, "\(output.standardOutput)\(output.standardError)")
        #expect(output.standardError.contains("no setting of the tree reaches a recall@10 of 1.0"))
        try succeed("verify", "d.vecdb", "--deep", in: directory)
    }

    @Test func `what cannot be tuned is refused`() throws {
        let (directory, _) = try Films.database()
        let output = try vecdb(["tune", "films.vecdb"], in: directory)
        #expect(output.status == 1)
        #expect(output.standardError.contains("films.vecdb: has no tree to tune"))
        #expect(try vecdb(["tune", "none.vecdb"], in: directory).status == 3)
    }
}
