import Foundation
import FoundationXML
import SchemaChecks
import TestSupport
import Testing

struct EvalCommandTests {
    /// 600 rows in 20 clusters, their first 30 as queries, and a tree of 24 leaves.
    private static func database() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let rows = clusteredRows(600, dimensions: 8, clusters: 20, seed: 3)
        try directory.write("base.npy", npy(rows))
        try directory.write("queries.npy", npy(Array(rows.prefix(30))))
        try succeed(
            "build", "d.vecdb", "--vectors", "base.npy", "--metric", "l2", "--index", "tree-ah", "--leaves", "24",
            in: directory)
        return directory
    }

    @Test func `a sweep measures every combination, and more work finds no less`() throws {
        let directory = try Self.database()
        let output = try succeed(
            "eval", "d.vecdb", "--queries", "queries.npy", "--sweep", "leaves-to-search=1,24;reorder=10,600",
            "--passes", "1", "--json", in: directory)
        let rows = try #require(try JSONValue(parsing: output.standardOutput).array)
        try expectValid(.array(rows), "eval")
        #expect(rows.map { $0["leaves_to_search"]?.number } == [1, 1, 24, 24])
        #expect(rows.map { $0["reorder"]?.number } == [10, 600, 10, 600])
        let recalls = rows.compactMap { $0["recall"]?.number }
        #expect(recalls[3] == 1)
        #expect(recalls[0] < 1 && recalls[0] <= recalls[1] && recalls[0] <= recalls[2])
    }

    @Test(arguments: [["--exact"], ["--batch"], ["--threads", "2"], ["--cold", "2"]])
    func `other ways to measure give the same rows`(options: [String]) throws {
        let directory = try Self.database()
        let output = try vecdb(
            ["eval", "d.vecdb", "--queries", "queries.npy", "--passes", "1", "--json"] + options, in: directory)
        #expect(output.status == 0, "\(output.standardError)")
        let rows = try #require(try JSONValue(parsing: output.standardOutput).array)
        try expectValid(.array(rows), "eval")
        let recall = try #require(rows.first?["recall"]?.number)
        #expect(options == ["--exact"] ? recall == 1 : recall > 0.5)
        #expect((rows.first?["p99_us"] == .null) == (options == ["--batch"]))
    }

    @Test func `a table for people`() throws {
        let directory = try Self.database()
        let output = try succeed(
            "eval", "d.vecdb", "--queries", "queries.npy", "--passes", "1", "--exact", in: directory)
        #expect(output.lines.count == 2)
        #expect(output.lines[0].hasPrefix("leaves  reorder  recall@10  mean_us"))
        #expect(output.lines[1].hasPrefix("   all      all     1.0000"))
    }

    @Test func `fault 15: what is stored for each k is shown, and a k that has nothing is noted`() throws {
        let directory = try Self.database()
        func eval(_ k: String, _ options: String...) throws -> Output {
            let arguments = ["eval", "d.vecdb", "--queries", "queries.npy", "--passes", "1", "-k", k]
            let output = try vecdb(arguments + options, in: directory)
            try #require(output.status == 0, "\(output.standardError)")
            return output
        }
        let stored = try succeed("inspect", "d.vecdb", in: directory).lines.filter { $0.hasPrefix("search defaults: ") }
        #expect(stored.count == 3 && stored[2].contains("recall@100 "))
        let known = try eval("100")
        #expect(Array(known.lines.suffix(3)) == stored && known.standardError.isEmpty)
        #expect(try eval("50").standardError.contains("no setting is stored for k = 50: the one for k = 100 serves it"))
        #expect(try eval("101").standardError.contains("the one for k = 100 serves it in proportion"))
        #expect(try eval("50", "--exact").standardError.isEmpty)
        try succeed("tune", "d.vecdb", "-k", "50", "--target-recall", "0.8", in: directory)
        #expect(try eval("50").standardError.isEmpty)
        try succeed(
            "build", "e.vecdb", "--vectors", "base.npy", "--index", "tree-ah", "-k", "7", "-k70", in: directory)
        let inspected = try JSONValue(
            parsing: try succeed("inspect", "e.vecdb", "--json", in: directory).standardOutput)
        #expect(inspected["settings"]?.array?.map { $0["k"]?.number } == [1, 7, 10, 70, 100])
    }

    @Test func `opening is measured by itself`() throws {
        let directory = try Self.database()
        let output = try succeed("eval", "d.vecdb", "--queries", "queries.npy", "--open", "--json", in: directory)
        try expectValid(try JSONValue(parsing: output.standardOutput), "eval-open")
    }

    @Test func `labels are counted for brute force and every setting`() throws {
        let directory = try Self.database()
        try directory.write("labels.txt", (0..<30).map { "\($0)\n" }.joined())
        let output = try succeed(
            "eval", "d.vecdb", "--queries", "queries.npy", "--labels", "labels.txt", "--sweep",
            "leaves-to-search=1,24;reorder=10", "--json", in: directory)
        let rows = try #require(try JSONValue(parsing: output.standardOutput).array)
        try expectValid(.array(rows), "eval-labels")
        #expect(rows.map { $0["leaves_to_search"]?.number } == [nil, 1, 24])
        // Each query is its own label, and nothing is nearer to it than itself.
        #expect(rows.allSatisfy { $0["accuracy_by_id"]?.array?.first?.number == 1 })
        let table = try succeed(
            "eval", "d.vecdb", "--queries", "queries.npy", "--labels", "labels.txt", in: directory)
        #expect(table.lines[0].hasPrefix("leaves  reorder  counted "))
        #expect(table.lines.count == 5)
    }

    @Test func `labels may be pairs with stored queries, which serve without a file too`() throws {
        let (directory, _) = try Films.database()
        // ann (1, 1) has 2 and 4 at score 4; bob (−2, 0) has 3 at 2.
        try directory.write("pairs.tsv", "ann\ttab\there\nbob\t七人の侍\nbob\tunseen\n")
        let output = try succeed("eval", "films.vecdb", "--labels", "pairs.tsv", "--json", in: directory)
        let row = try #require(try JSONValue(parsing: output.standardOutput)[0])
        #expect(row["accuracy_by_id"]?[0]?.number.map { abs($0 - 2.0 / 3) < 1e-9 } == true)
        #expect(row["unknown_labels"]?.number == 1)
        #expect(output.standardError.contains("1 label of 3 name no candidate"))
        let recall = try succeed("eval", "films.vecdb", "-k", "2", "--passes", "1", "--json", in: directory)
        #expect(try JSONValue(parsing: recall.standardOutput)[0]?["recall"]?.number == 1)
    }

    /// A labels file, the other arguments, and what the message must hold.
    static let badLabels: [(String, [String], String)] = [
        ("zoe\t42\n", [], "no stored query has the id 'zoe'"),
        ("ann 42\n", [], "line 1: is no pair"),
        ("", [], "holds no label"),
        ("ann\tnobody\n", [], "none of its labels is the id of a candidate"),
        ("42\n", ["--queries", "users.npy"], "has 1 label for 3 queries"),
        ("a\u{0}b\n", [], "NUL"),
    ]

    @Test(arguments: badLabels)
    func `labels that do not fit are refused`(content: String, options: [String], message: String) throws {
        let (directory, _) = try Films.database()
        try directory.write("labels.txt", content)
        let output = try vecdb(["eval", "films.vecdb", "--labels", "labels.txt"] + options, in: directory)
        #expect(output.status != 0 && output.standardError.contains(message), "\(output.standardError)")
    }

    /// `PATH` of a directory that holds a converter, or none.
    private func plot(_ name: String, converter script: String?, in directory: TemporaryDirectory) throws -> Output {
        try directory.makeDirectory("bin-" + name)
        if let script {
            try directory.write("bin-\(name)/rsvg-convert", "#!/bin/bash\n" + script + "\n")
            #expect(try shell("chmod +x 'bin-\(name)/rsvg-convert'", in: directory).status == 0)
        }
        return try shell(
            "PATH=\"$PWD/bin-\(name)\" \"$VECDB\" eval d.vecdb --queries queries.npy --passes 1 --plot \(name)",
            in: directory)
    }

    @Test func `fault 23: a plot is a PNG where a converter is installed`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("v.npy", npy(clusteredRows(200, dimensions: 4, clusters: 4, seed: 1)))
        try directory.write("queries.npy", npy(clusteredRows(20, dimensions: 4, clusters: 4, seed: 2)))
        try succeed("build", "d.vecdb", "--vectors", "v.npy", "--index", "tree-ah", "--leaves", "4", in: directory)
        let signature = #"printf '\x89PNG\r\n\x1a\n'"#
        let made = try plot(
            "p.png", converter: signature + "; while read -r line; do echo \"$line\"; done", in: directory)
        #expect(made.status == 0, "\(made.standardError)")
        let png = try directory.bytes("p.png")
        #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
        #expect(String(decoding: png.dropFirst(8), as: UTF8.self).contains("</svg>"))
        // Without one nothing is measured, and what is no PNG is not written.
        for (name, script, part) in [
            ("none.png", nil, "no program is installed that converts SVG to PNG; install one of rsvg-convert"),
            ("failed.PNG", signature + "; exit 3", "made no PNG of the picture (it ended with 3)"),
            ("empty.png", "exit 0", "made no PNG of the picture (it ended with 0)"),
        ] {
            let output = try plot(name, converter: script, in: directory)
            #expect(output.status == 1 && output.standardOutput.isEmpty)
            #expect(output.standardError.contains(part), "\(output.standardError)")
            #expect(!FileManager.default.fileExists(atPath: directory.path + "/" + name))
        }
    }

    @Test func `a plot is an SVG with a point for every setting`() throws {
        let directory = try Self.database()
        try succeed(
            "eval", "d.vecdb", "--queries", "queries.npy", "--sweep", "leaves-to-search=1,2,24;reorder=10,600",
            "--passes", "1", "--plot", "p.svg", in: directory)
        let svg = directory.text("p.svg")
        let document = try XMLDocument(xmlString: svg)
        #expect(document.rootElement()?.name == "svg")
        #expect(svg.components(separatedBy: "r=\"2.5\"").count == 7)
        #expect(svg.contains(": recall 1.0000, ") && svg.contains("recall@10 →"))
        let refused = try vecdb(
            ["eval", "d.vecdb", "--queries", "queries.npy", "--passes", "1", "--plot", "none/p.svg"], in: directory)
        #expect(refused.status == 1 && refused.standardError.contains("none/p.svg: could not be written"))
    }

    @Test func `truth may come from a file`() throws {
        let (directory, _) = try Films.database()
        // Users (1, 1), (−2, 0) and (0, 1); the third row is wrong on purpose.
        let rows: [[UInt32]] = [[2, 4], [3, 1], [0, 5]]
        try writeTruth(rows, to: directory)
        for file in Self.truthFiles {
            let output = try succeed(
                "eval", "films.vecdb", "--queries", "users.npy", "-k", "2", "--truth", file, "--json", in: directory)
            let row = try #require(try JSONValue(parsing: output.standardOutput)[0])
            let recall = try #require(row["recall"]?.number)
            #expect(abs(recall - 2.0 / 3) < 1e-9, "\(file)")
        }
    }

    @Test func `fault 18: truth that names no candidate is refused with row and ordinal`() throws {
        let (directory, _) = try Films.database()
        func words(_ values: UInt32...) -> [UInt8] { values.flatMap { littleEndianBytes($0) } }
        let files: [(content: [UInt8], message: String)] = [
            (words(3, 2, 4, 2, 0, 1, 1, 6), "truth.ibin, row 2: no candidate has the ordinal 6; there are 0 to 5\n"),
            (words(3, 2, 5, 3, 2, 1, 2, 6), "and it seems to count from 1: take 1 from every ordinal"),
            (words(3, 2, 4, 2, 0, 1, 1, .max), "truth.ibin, row 2: holds the negative ordinal -1 in column 1"),
        ]
        for (content, message) in files {
            try directory.write("truth.ibin", content)
            for words in [["eval", "films.vecdb"], ["tune", "films.vecdb", "--dry-run"]] {
                let output = try vecdb(
                    words + ["--queries", "users.npy", "-k", "2", "--truth", "truth.ibin"], in: directory)
                #expect(output.status == 1, "\(output.standardError)")
                #expect(output.standardError.contains(message), "\(output.standardError)")
            }
        }
    }

    @Test func `fault 18: truth that has a candidate twice for one query is refused with its row`() throws {
        let (directory, _) = try Films.database()
        let rows: [[UInt32]] = [[2, 4, 1], [3, 1, 3], [0, 5, 2]]
        try writeTruth(rows, to: directory)
        for file in Self.truthFiles {
            for words in [["eval", "films.vecdb"], ["tune", "films.vecdb", "--dry-run"]] {
                let output = try vecdb(
                    words + ["--queries", "users.npy", "-k", "2", "--truth", file], in: directory)
                #expect(output.status == 1 && output.standardOutput.isEmpty)
                #expect(
                    output.standardError.contains("\(file), row 1: names the ordinal 3 twice"),
                    "\(output.standardError)")
            }
        }
    }

    @Test func `fault 18: truth that counts from 1 is noted, and not tuned by`() throws {
        let directory = try TemporaryDirectory()
        let rows = clusteredRows(600, dimensions: 8, clusters: 6, seed: 8)
        try directory.write("base.npy", npy(rows))
        try directory.write("queries.npy", npy((0..<20).map { rows[30 * $0] }))
        try succeed(
            "build", "d.vecdb", "--vectors", "base.npy", "--metric", "l2", "--index", "tree-ah", in: directory)
        let answers = try succeed(
            "query", "d.vecdb", "--queries", "queries.npy", "-k", "10", "--exact", "--format", "ndjson", in: directory)
        let truth: [[UInt32]] = try answers.standardOutput.split(separator: "\n").map { line in
            let hits = try #require(try JSONValue(parsing: String(line))["hits"]?.array)
            return try hits.map { hit in
                let id = try #require(hit["id"]?.string)
                return try #require(UInt32(id))
            }
        }
        func outputs(_ truth: [[UInt32]]) throws -> [(file: String, eval: Output, tune: Output)] {
            try writeTruth(truth, to: directory)
            return try Self.truthFiles.map { file in
                let given = ["--queries", "queries.npy", "--truth", file, "-k", "10"]
                return (
                    file, try vecdb(["eval", "d.vecdb", "--exact"] + given, in: directory),
                    try vecdb(["tune", "d.vecdb", "--dry-run"] + given, in: directory)
                )
            }
        }
        // The first candidate is a query and its own nearest: without it no ordinal is 0, as in files that count from 1.
        for (file, eval, tune) in try outputs(truth.map { $0.map { $0 + 1 } }) {
            #expect(eval.status == 0)
            #expect(eval.standardError.contains("note: \(file): the truth looks one-based"), "\(eval.standardError)")
            #expect(tune.status == 1 && tune.standardOutput.isEmpty)
            #expect(tune.standardError.contains("\(file): the truth looks one-based"), "\(tune.standardError)")
        }
        let withoutFirst = truth.map { row in
            row.map { ordinal in ordinal == 0 ? (1..<600).first { !row.contains($0) } ?? 0 : ordinal }
        }
        for (_, eval, tune) in try outputs(truth) + outputs(withoutFirst) {
            #expect(eval.status == 0 && !eval.standardError.contains("one-based"), "\(eval.standardError)")
            #expect(tune.status != 1 && !tune.standardError.contains("one-based"), "\(tune.standardError)")
        }
    }

    private static let truthFiles = ["truth.npy", "truth.ivecs", "truth.ibin"]

    /// The same ordinals in each of the forms that truth may have.
    private func writeTruth(_ rows: [[UInt32]], to directory: TemporaryDirectory) throws {
        let (count, columns) = (UInt32(rows.count), UInt32(rows[0].count))
        try directory.write(
            "truth.npy",
            npy(
                rows: rows.count, dimensions: rows[0].count, description: "<i4",
                content: rows.joined().flatMap { littleEndianBytes($0) }))
        try directory.write("truth.ivecs", rows.flatMap { ([columns] + $0).flatMap { littleEndianBytes($0) } })
        try directory.write("truth.ibin", ([count, columns] + rows.joined()).flatMap { littleEndianBytes($0) })
    }

    @Test func `fault 18: labels and stored queries are told apart by their bytes`() throws {
        let directory = try TemporaryDirectory()
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
        try directory.write("c.npy", npy([[1, 0], [0, 1]]))
        try directory.write("ids.txt", "\(composed)\n\(decomposed)\n")
        try directory.write("q.npy", npy([[1, 0], [0, 1]]))
        try succeed(
            "build", "d.vecdb", "--vectors", "c.npy", "--ids", "ids.txt", "--query-vectors", "q.npy", "--query-ids",
            "ids.txt", in: directory)
        try directory.write("pairs.tsv", "\(composed)\t\(composed)\n\(decomposed)\t\(decomposed)\n")
        try directory.write("labels.txt", "\(composed)\n\(decomposed)\n")
        for words in [["--labels", "pairs.tsv"], ["--labels", "labels.txt", "--queries", "q.npy"]] {
            let output = try vecdb(["eval", "d.vecdb", "--exact", "--json"] + words, in: directory)
            #expect(output.status == 0, "\(output.standardError)")
            let rows = try #require(try JSONValue(parsing: output.standardOutput).array)
            #expect(rows.first?["accuracy_by_id"]?.array?.first?.number == 1)
        }
    }

    /// A truth file, its content, and what the message must hold.
    static let badTruths: [(String, [UInt8], String)] = [
        ("t.ivecs", [], "is empty"),
        ("t.ivecs", [1, 0, 0, 0, 7], "no whole number of rows"),
        ("t.ivecs", [255, 255, 255, 255], "no whole number of rows"),
        ("t.ivecs", [1, 0, 0, 0, 5, 0, 0, 255], "negative ordinal"),
        ("t.ibin", [1, 0, 0], "3 bytes"),
        ("t.ibin", [255, 255, 255, 255, 255, 255, 255, 255, 1], "which do not take"),
        ("t.txt", [1, 2, 3], "no table of ordinals"),
        ("t.npy", npy([[1, 2]]), "dtype '<f4'"),
        ("t.npy", npy(rows: 1, dimensions: 2, description: "<i8", content: [1, 2]), "which do not take"),
        ("t.npy", npy(rows: 1, dimensions: 1, description: "<i4", content: [0, 0, 0, 0]), "1 row for 3 queries"),
        ("t.ibin", [3, 0, 0, 0, 1, 0, 0, 0] + [UInt8](repeating: 0, count: 12), "fewer than 6"),
    ]

    @Test(arguments: badTruths)
    func `truth that does not fit is refused`(name: String, content: [UInt8], message: String) throws {
        let (directory, _) = try Films.database()
        try directory.write(name, content)
        let output = try vecdb(
            ["eval", "films.vecdb", "--queries", "users.npy", "-k", "6", "--truth", name], in: directory)
        #expect(output.status == 1)
        #expect(
            output.standardError.contains(name) && output.standardError.contains(message), "\(output.standardError)")
        #expect(output.standardOutput.isEmpty)
    }
}
