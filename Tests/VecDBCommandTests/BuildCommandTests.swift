import Foundation
import SchemaChecks
import TestSupport
import Testing

struct BuildCommandTests {
    @Test func `a build says what it made`() throws {
        let (_, output) = try Films.database()
        #expect(output.standardOutput.hasPrefix("built films.vecdb: generation 1 · dot · 6 rows × 2 · exact\n"))
        #expect(output.standardOutput.contains("stored queries: 3\n"))
        #expect(output.standardOutput.contains("\npart "))
        #expect(output.standardOutput.contains("\nphase "))
        #expect(output.standardOutput.contains("\ncatalog "))
    }

    @Test(arguments: ["exact", "tree-ah"])
    func `the JSON summary follows its schema`(index: String) throws {
        let (_, output) = try Films.database("--json", "--index", index, "--metric", "l2")
        let summary = try output.json()
        try expectValid(summary, "build")
        #expect(summary["rows"]?.number == 6)
        #expect(summary["dimensions"]?.number == 2)
        #expect(summary["metric"]?.string == "l2")
        #expect(summary["index"]?.string == index)
        #expect(summary["queries"]?.number == 3)
        #expect(summary["bytes"]?.array?.last?["name"]?.string == "catalog")
    }

    @Test func `fault 22: the most memory that was used is shown, and grows with what is held`() throws {
        let directory = try TemporaryDirectory()
        func peak(_ file: String, _ rows: Int) throws -> Double {
            try directory.write(
                file, npy(rows: rows, dimensions: 256, content: [UInt8](repeating: 0, count: 1024 * rows)))
            let output = try succeed(
                "build", file + ".vecdb", "--vectors", file, "--index", "exact", "--json", in: directory)
            return try #require(try output.json()["peak_memory_bytes"]?.number)
        }
        // A batch of rows is 4 MiB.
        let (few, many) = (try peak("few.npy", 1), try peak("many.npy", 8_192))
        let mebibyte = 1_048_576.0
        #expect(few > mebibyte && many > few + 3 * mebibyte, "\(few) and \(many)")
        let (_, output) = try Films.database()
        #expect(output.lines.contains { $0.hasPrefix("memory: ") && $0.hasSuffix("MiB at most, beside mapped files") })
    }

    @Test func `fault 14: where all rows are alike the summary says that nothing could be measured`() throws {
        let directory = try TemporaryDirectory()
        for (name, value) in [("zeros", Float(0)), ("ones", 1)] {
            try directory.write("\(name).npy", npy([[Float]](repeating: [value, value], count: 300)))
            for metric in ["dot", "l2"] {
                let output = try succeed(
                    "build", "d.vecdb", "--vectors", "\(name).npy", "--metric", metric, "--index", "tree-ah",
                    "--overwrite", in: directory)
                let settings = output.lines.filter { $0.hasPrefix("search defaults: ") }
                #expect(settings.count == 1)
                let text = " · recall@10: nothing could be measured with the candidates"
                #expect(settings.first?.hasSuffix(text) == true, "\(settings)")
                let tune = try vecdb("tune", "d.vecdb", in: directory)
                #expect(tune.status == 1 && tune.standardError.contains("no query tells settings apart"))
            }
        }
    }

    @Test func `elsewhere than on a terminal each phase has a plain line on standard error`() throws {
        let (_, output) = try Films.database("--index", "tree-ah", "--leaves", "2")
        let phases = output.standardError.split(separator: "\n").map { $0.split(separator: " ")[1] }
        #expect(
            phases.map { $0.trimmingCharacters(in: .punctuationCharacters) }
                == ["read", "train", "assign", "encode", "write", "sync", "tune", "sync"])
        #expect(!output.standardError.contains("\u{1B}"))
        let (_, silent) = try Films.database("--progress", "never")
        #expect(silent.standardError.isEmpty)
    }

    @Test func `every knob is accepted together`() throws {
        let (_, output) = try Films.database(
            "--metric", "cosine", "--index", "tree-ah", "--leaves", "3", "--dimensions-per-block", "1",
            "--projection", "pca:1", "--training-iterations", "4", "--reorder-storage", "bf16", "--duplicate-ids",
            "allow", "--seed", "42", "--threads", "2", "--memory", "2GB", "--progress", "always", "--json")
        let summary = try output.json()
        #expect(summary["leaves"]?.number == 3)
        #expect(summary["projected_dimensions"]?.number == 1)
        #expect(summary["dimensions_per_block"]?.number == 1)
        #expect(summary["reorder_storage"]?.string == "bf16")
        #expect(summary["metric"]?.string == "cosine")
    }

    @Test func `several files are one input, and standard input is one too`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("a.npy", npy([[1, 0], [0, 1]]))
        try directory.write("b.npy", npy([[5, 5]]))
        try succeed("build", "d", "--vectors", "a.npy", "b.npy", "--metric", "dot", in: directory)
        let hits = try succeed("query", "d", "--vector", "[1,1]", "-k", "1", "--format", "tsv", in: directory)
        #expect(hits.standardOutput == "0\t1\t10.0\t2\n")
        let piped = try vecdb("build", "e", "--vectors", "-", "--json", in: directory, input: directory.path + "/a.npy")
        #expect(try piped.json()["rows"]?.number == 2)
    }

    @Test func `big-endian arrays are read`() throws {
        let directory = try TemporaryDirectory()
        let content = ([1, 2, 3, 4] as [Float]).flatMap { bigEndianBytes($0.bitPattern) }
        try directory.write("big.npy", npy(rows: 2, dimensions: 2, description: ">f4", content: content))
        try succeed("build", "d", "--vectors", "big.npy", in: directory)
        let hits = try succeed("query", "d", "--vector", "[1,10]", "--format", "tsv", in: directory)
        #expect(hits.standardOutput == "0\t1\t43.0\t1\n0\t2\t21.0\t0\n")
    }

    @Test func `an existing database is replaced only by --overwrite`() throws {
        let (directory, _) = try Films.database()
        try directory.write("one.npy", npy([[9, 9, 9]]))
        let before = try directory.listing()
        let refused = try vecdb("build", "films.vecdb", "--vectors", "one.npy", in: directory)
        #expect(refused.status == 1)
        #expect(refused.standardError.contains("--overwrite"))
        #expect(try directory.listing() == before)
        #expect(try succeed("query", "films.vecdb", "--query-id", "ann", "-k1", in: directory).lines.count == 2)

        let replaced = try succeed(
            "build", "films.vecdb", "--vectors", "one.npy", "--overwrite", "--json", in: directory)
        #expect(try replaced.json()["generation"]?.number == 2)
        let hits = try succeed("query", "films.vecdb", "--vector", "[1,1,1]", "--format", "tsv", in: directory)
        #expect(hits.standardOutput == "0\t1\t27.0\t0\n")
    }

    @Test func `a database that another process writes ends with 6 and says who`() throws {
        let (directory, _) = try Films.database()
        let before = try directory.listing()
        let output = try shell(
            #"exec 9<>films.vecdb/lock; flock 9; "#
                + #""$VECDB" build films.vecdb --vectors films.npy --overwrite --lock-timeout 0.2 --progress never 9>&-"#,
            in: directory)
        #expect(output.status == 6)
        #expect(output.standardError.hasPrefix("vecdb: error: "))
        #expect(output.standardError.contains("films.vecdb"))
        #expect(try directory.listing() == before)
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script"), "script makes the terminal"))
    func `on a terminal one line is redrawn, and is gone at the end`() throws {
        let directory = try TemporaryDirectory()
        try Films.write(to: directory)
        let output = try shell(
            #"export TERM=xterm; script -qec "$VECDB build d --vectors films.npy --index tree-ah" /dev/null < /dev/null"#,
            in: directory)
        #expect(output.status == 0)
        #expect(output.standardOutput.contains("\r\u{1B}[?7lread "))
        #expect(output.standardOutput.contains("\r\u{1B}[?7lsync "))
        #expect(output.standardOutput.contains("\r\u{1B}[Kbuilt d: "))
        #expect(!output.standardOutput.contains("vecdb: "))
    }

    @Test func `duplicate ids follow the policy`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("v.npy", npy([[1, 0], [0, 1], [2, 2]]))
        try directory.write("ids.txt", "a\nb\na\n")
        let build = ["--vectors", "v.npy", "--ids", "ids.txt", "--json", "--duplicate-ids"]
        let last = try vecdb(["build", "last"] + build + ["keep-last"], in: directory).json()
        #expect(last["rows"]?.number == 2)
        #expect(last["duplicates_dropped"]?.number == 1)
        let all = try vecdb(["build", "all"] + build + ["allow"], in: directory).json()
        #expect(all["rows"]?.number == 3)
        let hits = try succeed("query", "last", "--vector", "[1,0]", "--format", "tsv", in: directory)
        #expect(hits.standardOutput == "0\t1\t2.0\ta\n0\t2\t0.0\tb\n")
    }

    @Test func `an export directory is built from its manifest`() throws {
        let directory = try TemporaryDirectory()
        try Films.writeExport(to: directory)
        let summary = try succeed("build", "d", "--from", "export", "--json", in: directory).json()
        #expect(summary["metric"]?.string == "l2")
        #expect(summary["rows"]?.number == 6)
        #expect(summary["queries"]?.number == 3)
        let hits = try succeed("query", "d", "--query-id", "bob", "-k", "1", "--format", "tsv", in: directory)
        #expect(hits.standardOutput == "bob\t1\t2.0\t七人の侍\n")
    }

    @Test func `a file whose hash is not the manifest's is refused`() throws {
        let directory = try TemporaryDirectory()
        try Films.writeExport(to: directory)
        try directory.write("export/candidates.ids.txt", Films.ids.reversed().map { $0 + "\n" }.joined())
        let before = try directory.listing()
        let output = try vecdb("build", "d", "--from", "export", in: directory)
        #expect(output.status == 1)
        #expect(output.standardError.contains("candidates.ids.txt"))
        #expect(output.standardError.contains("SHA-256"))
        #expect(try directory.listing() == before)
    }
}
