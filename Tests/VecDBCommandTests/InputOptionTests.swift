import ArgumentParser
import Foundation
import SchemaChecks
import TestSupport
import Testing

@testable import VecDBCommand

/// What the command says of files, and of options that have no effect.
struct InputOptionTests {
    // MARK: text files

    @Test func `fault 17: build, query, eval and tune take a column of ids`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("t.csv", "item,e0,e1\na,1,0\nb,0,2\n\n")
        let refused = try vecdb("build", "d", "--vectors", "t.csv", in: directory)
        #expect(refused.status == 1)
        #expect(refused.standardError.contains("t.csv, line 1: begins with a column named 'item'"))
        #expect(refused.standardError.contains("('--id-column <name>', '--header yes' or '--header no')"))
        try succeed("build", "d", "--vectors", "t.csv", "--id-column", "item", in: directory)
        let hits = try succeed(
            "query", "d", "--queries", "t.csv", "--id-column", "item", "-k", "1", "--format", "tsv", in: directory)
        #expect(hits.standardOutput == "a\t1\t1.0\ta\nb\t1\t4.0\tb\n")
        #expect(try vecdb("query", "d", "--queries", "t.csv", in: directory).status == 1)
        try succeed("eval", "d", "--queries", "t.csv", "--id-column", "item", "-k", "1", in: directory)
        // All columns are numbers then, which 'a' is not.
        #expect(try vecdb("build", "e", "--vectors", "t.csv", "--header", "yes", in: directory).status == 1)
        try directory.write("n.csv", "0,1\n1,0\n0,2\n")
        try succeed(
            "build", "tree", "--vectors", "n.csv", "--header", "no", "--index", "tree-ah", "--leaves", "1",
            in: directory)
        try succeed(
            "tune", "tree", "--queries", "n.csv", "--header", "yes", "-k", "1", "--target-recall", "0.5", in: directory)
        let rows = try succeed("build", "r", "--vectors", "n.csv", "--header", "yes", "--json", in: directory)
        #expect(try rows.json()["rows"]?.number == 2)
    }

    @Test func `fault 17: no option is named where none can help`() throws {
        let directory = try TemporaryDirectory()
        try Films.writeExport(to: directory)
        try directory.write("q.csv", "user,e0,e1\n1,1,0\n")
        let queries = try vecdb(
            "build", "d", "--vectors", "export/candidates.npy", "--query-vectors", "q.csv", in: directory)
        #expect(queries.status == 1 && queries.standardError.contains("named 'user'"))
        #expect(queries.standardError.contains("of query vectors this cannot be said: save them as .npy"))
        #expect(!queries.standardError.contains("--id-column"))
    }

    @Test func `fault 17: ids come from one place`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("t.csv", "item,e0\na,1\n")
        for arguments in [
            ["build", "d", "--vectors", "t.csv", "--id-column", "item", "--ids", "ids.txt"],
            ["build", "d", "--from", "export", "--id-column", "item"],
            ["build", "d", "--from", "export", "--header", "no"],
            ["query", "d", "--vector", "[1]", "--id-column", "item"], ["eval", "d", "--header", "yes"],
            ["tune", "d", "--id-column", "item"],
        ] {
            #expect(try vecdb(arguments, in: directory).status == 64, "\(arguments)")
        }
    }

    @Test func `fault 23: words are ids`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("w.vec", "2 2\nFargo 1 0\nHeat 0 1\n")
        try succeed("build", "d", "--vectors", "w.vec", in: directory)
        let hits = try succeed("query", "d", "--vector", "[0,1]", "-k", "1", "--format", "tsv", in: directory)
        #expect(hits.standardOutput == "0\t1\t1.0\tHeat\n")
    }

    // MARK: ids that there are not

    @Test func `fault 20: an id that nobody has is noted once, with the nearest`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("v.npy", npy([[1, 0], [0, 1], [1, 1]]))
        try directory.write("ids.txt", "Fargo (1996)\nHeat (1995)\nUp (2009)\n")
        try directory.write("q.npy", npy([[1, 0], [0, 1]]))
        try directory.write("qids.txt", "ann\nbob\n")
        try succeed(
            "build", "d", "--vectors", "v.npy", "--ids", "ids.txt", "--query-vectors", "q.npy", "--query-ids",
            "qids.txt",
            in: directory)
        let one = try succeed("query", "d", "--queries", "q.npy", "--exclude", "Fargo", in: directory)
        #expect(
            one.standardError
                == "vecdb: note: no candidate has the id to exclude: 'Fargo' (the nearest is 'Fargo (1996)')\n")
        try directory.write("ex.txt", "{sic}\nHeat (1995)\nFargo\nnobody\nnothing\n\n")
        let several = try succeed("query", "d", "--vector", "[1,0]", "--exclude-file", "ex.txt", in: directory)
        #expect(
            several.standardError
                == "vecdb: note: no candidate has 4 of the ids to exclude: '{sic}', "
                + "'Fargo' (the nearest is 'Fargo (1996)'), 'nobody', …\n")
        #expect(!several.standardOutput.contains("Heat"))
        let known = try succeed("query", "d", "--vector", "[1,0]", "--exclude", "Up (2009)", in: directory)
        #expect(known.standardError.isEmpty)
        let query = try vecdb("query", "d", "--query-id", "anna", in: directory)
        #expect(query.status == 3 && query.standardError.contains("the nearest id is 'ann'"))
    }

    @Test func `fault 20: an export is searched under its policy for repeated ids`() throws {
        let directory = try TemporaryDirectory()
        try Films.writeExport(to: directory)
        try directory.write("export/candidates.ids.txt", "a\nb\na\nc\nd\nb\n")
        let sum = try shell("sha256sum export/candidates.ids.txt", in: directory).standardOutput.prefix(64)
        let manifest = try String(contentsOfFile: directory.path + "/export/manifest.json", encoding: .utf8)
        try directory.write(
            "export/manifest.json",
            manifest.replacing(/("candidates.ids.txt": ")[0-9a-f]{64}/) { "\($0.1)\(sum)" })
        let query = ["query", "--from", "export", "--vector", "[1,1]", "--format", "tsv", "--exclude", "c"]
        let refused = try vecdb(query, in: directory)
        let build = try vecdb("build", "d", "--from", "export", "--progress", "never", in: directory)
        #expect(refused.status == 1 && build.status == 1)
        #expect(refused.standardError == build.standardError)
        #expect(refused.standardError.contains("'--duplicate-ids keep-last'"))
        for policy in ["keep-last", "allow"] {
            try succeed(
                "build", "d", "--from", "export", "--duplicate-ids", policy, "--index", "exact", "--overwrite",
                in: directory)
            let streamed = try vecdb(query + ["--duplicate-ids", policy], in: directory)
            let built = try succeed(
                "query", "d", "--vector", "[1,1]", "--format", "tsv", "--exclude", "c", in: directory)
            #expect(streamed.standardOutput == built.standardOutput)
            #expect(streamed.status == 0 && !built.standardOutput.isEmpty)
        }
    }

    // MARK: options without effect

    /// Arguments, the exit code, and what is said on standard error.
    static let withoutEffect: [([String], Int32, String)] = [
        (["build", "x", "--vectors", "films.npy", "--index", "exact", "--leaves", "2"], 64, "leave out '--leaves'"),
        (["build", "x", "--vectors", "films.npy", "--index", "exact", "--soar"], 64, "leave out '--soar'"),
        (
            [
                "build", "x", "--vectors", "films.npy", "--index", "exact", "--dimensions-per-block", "1",
                "--projection",
                "random", "--training-iterations", "3", "--anisotropic-threshold", "0.2", "--target-recall", "0.9",
                "-k", "5",
            ], 64,
            "'--dimensions-per-block', '--projection', '--training-iterations', '--anisotropic-threshold', "
                + "'--target-recall' and '-k'"
        ),
        (
            ["build", "x", "--vectors", "films.npy", "--leaves", "2"], 0,
            "without effect: '--leaves'; 6 rows got an exact index"
        ),
        (["build", "x", "--vectors", "films.npy", "--soar", "--projection", "none"], 0, "'--projection' and '--soar'"),
        (["build", "x", "--vectors", "none.csv"], 0, "the input has no rows; the database is empty"),
        (["build", "x", "--vectors", "films.npy", "--tensor", "a"], 1, "leave that out ('--tensor')"),
        (["build", "x", "--vectors", "films.npy", "--header", "yes"], 1, "leave that out ('--id-column"),
        (
            ["query", "exact", "--vector", "[1,1]", "--reorder", "5"], 0,
            "without effect: '--reorder'; this search is exact"
        ),
        (
            ["query", "tree", "--vector", "[1,1]", "--exact", "--leaves-to-search", "1", "--reorder", "5"], 0,
            "without effect: '--leaves-to-search' and '--reorder'"
        ),
        (["query", "--from", "export", "--vector", "[1,1]", "--reorder", "5"], 64, "leave out '--reorder'"),
        (["query", "exact", "--vector", "[1,1]", "--duplicate-ids", "allow"], 64, "belongs to '--from'"),
        (["query", "tree", "--vector", "[1,1]", "--with-metadata"], 0, "'--with-metadata' has no effect"),
        (
            ["eval", "exact", "--queries", "users.npy", "--sweep", "leaves-to-search=1,2;reorder=3"], 0,
            "'--sweep' has no effect"
        ),
        (["eval", "tree", "--queries", "users.npy", "--cold", "1", "--passes", "2"], 0, "'--passes' has no effect"),
        (
            ["eval", "tree", "--queries", "users.npy", "--labels", "labels.txt", "--passes", "2", "-k", "3"], 0,
            "without effect: '-k' and '--passes'"
        ),
        (["eval", "tree", "--queries", "users.npy", "--open", "--threads", "2"], 64, "leave out '--threads'"),
        (["eval", "tree", "--queries", "users.npy", "--open", "--passes", "2"], 0, "'--passes' has no effect below 5"),
        (
            ["build", "x", "--vectors", "films.npy", "--index", "tree-ah", "--leaves", "1", "--soar"], 0,
            "without effect: '--soar'"
        ),
        (["tune", "exact"], 1, "has no tree to tune"),
    ]

    @Test func `fault 21: what has no effect is said, or refused`() throws {
        let directory = try TemporaryDirectory()
        try Films.write(to: directory)
        try Films.writeExport(to: directory)
        try directory.write("none.csv", "a,b\n")
        try directory.write("labels.txt", "0\n1\n2\n")
        try succeed("build", "exact", "--vectors", "films.npy", in: directory)
        try succeed("build", "tree", "--vectors", "films.npy", "--index", "tree-ah", "--leaves", "2", in: directory)
        for (arguments, status, message) in Self.withoutEffect {
            let output = try vecdb(arguments, in: directory)
            #expect(output.status == status, "\(arguments): \(output.standardError)")
            #expect(output.standardError.contains(message), "\(arguments): \(output.standardError)")
            try? FileManager.default.removeItem(atPath: directory.path + "/x")
        }
        let swept = try succeed(
            "eval", "exact", "--queries", "users.npy", "--sweep", "leaves-to-search=1,2", "--json", in: directory)
        #expect(try swept.json().array?.count == 1)
    }

    /// Every option: in which case it has no effect and `withoutEffect` says what happens, or why there is no such case.
    static let options: [String: [String: String]] = [
        "build": [
            "from": "input", "vectors": "input", "input-format": "input", "tensor": "tried", "header": "tried",
            "id-column": "with --header: refused by the reader", "ids": "input", "metadata": "input",
            "query-vectors": "input", "query-ids": "refused without --query-vectors", "metric": "always",
            "index": "always", "leaves": "tried", "dimensions-per-block": "tried", "projection": "tried",
            "training-iterations": "tried", "soar": "tried", "no-soar": "what is so anyway",
            "anisotropic-threshold": "tried", "reorder-storage": "always", "target-recall": "tried", "k": "tried",
            "duplicate-ids": "a policy for what may not happen", "seed": "a promise that holds for exact indexes too",
            "threads": "a bound", "memory": "a bound", "overwrite": "a permission", "lock-timeout": "a bound",
            "allow-network-file-system": "a permission", "progress": "always", "json": "always",
        ],
        "query": [
            "from": "input", "duplicate-ids": "tried", "vector": "input", "queries": "input", "query-id": "input",
            "input-format": "refused without --queries", "tensor": "refused without --queries",
            "header": "refused without --queries", "id-column": "refused without --queries", "k": "always",
            "leaves-to-search": "tried", "reorder": "tried", "exact": "what is so anyway", "threads": "a bound",
            "exclude": "noted when unknown", "exclude-file": "noted when unknown or for no query", "format": "always",
            "with-metadata": "tried", "explain": "refused with --from",
        ],
        "eval": [
            "queries": "input", "input-format": "refused without --queries", "tensor": "refused without --queries",
            "header": "refused without --queries", "id-column": "refused without --queries", "k": "tried",
            "sweep": "tried", "truth": "refused without --queries", "threads": "tried", "passes": "tried",
            "batch": "refused with --labels", "exact": "what is so anyway", "cold": "refused with --labels",
            "labels": "input", "plot": "refused with --labels", "open": "refused with the rest", "json": "always",
        ],
        "tune": [
            "queries": "input", "input-format": "refused without --queries", "tensor": "refused without --queries",
            "header": "refused without --queries", "id-column": "refused without --queries",
            "truth": "refused without --queries", "target-recall": "always", "k": "always", "threads": "a bound",
            "dry-run": "always", "lock-timeout": "a bound", "allow-network-file-system": "a permission",
            "json": "always",
        ],
        "inspect": ["json": "always"],
        "verify": ["deep": "always", "progress": "always", "json": "always"],
    ]

    @Test func `fault 21: of every option it is known when it has no effect`() throws {
        for command in Vecdb.configuration.subcommands {
            let name = try #require(command.configuration.commandName)
            let help = Vecdb.helpMessage(for: command, includeHidden: false, columns: 400)
            var found: Set<String> = []
            for line in help.split(separator: "\n") {
                // The column of names begins two spaces in; what explains them stands farther right.
                guard line.hasPrefix("  -"), let names = line.dropFirst(2).split(separator: "  ").first else {
                    continue
                }
                for part in names.split(whereSeparator: { " ,/".contains($0) }) where part.hasPrefix("-") {
                    found.insert(String(part.drop { $0 == "-" }))
                }
            }
            found.subtract(["h", "help", "version"])
            #expect(found == Set(try #require(Self.options[name]).keys), "\(name)")
        }
        for (command, options) in Self.options {
            for (option, reason) in options where reason == "tried" {
                #expect(
                    Self.withoutEffect.contains { arguments, _, _ in
                        arguments[0] == command
                            && arguments.contains { $0.drop { $0 == "-" } == option && $0 != option }
                    }, "\(command) --\(option)")
            }
        }
    }

    // MARK: messages

    @Test(arguments: [
        ("bild", "did you mean 'build'?"), ("BUILD", "did you mean 'build'?"), ("qurey", "did you mean 'query'?"),
        ("inspec", "did you mean 'inspect'?"), ("verfy", "did you mean 'verify'?"),
        ("frobnicate", "there are build, query"),
    ])
    func `fault 23: a command that there is not comes with the nearest`(name: String, remedy: String) throws {
        for arguments in [[name, "d", "--vectors", "x"], ["help", name]] {
            let output = try vecdb(arguments, in: TemporaryDirectory())
            #expect(output.status == 64)
            #expect(output.standardError.hasPrefix("Error: no command '\(name)'; "), "\(output.standardError)")
            #expect(output.standardError.contains(remedy), "\(output.standardError)")
        }
    }

    @Test func `fault 23: a directory that is a link to nothing is called so`() throws {
        let directory = try TemporaryDirectory()
        try Films.write(to: directory)
        #expect(try shell("ln -s gone dangling", in: directory).status == 0)
        let build = try vecdb(["build", "dangling/x.vecdb", "--vectors", "films.npy"], in: directory)
        #expect(build.status == 3)
        #expect(build.standardError.contains("is a link to 'gone', where there is nothing"), "\(build.standardError)")
        try succeed("build", "d", "--vectors", "films.npy", in: directory)
        // Queries that cannot be read are met first by whoever measures first.
        let plot = try vecdb(
            ["eval", "d", "--queries", "missing.npy", "--plot", "dangling/x.svg"], in: directory)
        #expect(plot.status == 1)
        #expect(plot.standardError.contains("is a link to 'gone', where there is nothing"), "\(plot.standardError)")
    }

    @Test func `fault 23: what was done is said although the output cannot be written`() throws {
        let directory = try TemporaryDirectory()
        try Films.write(to: directory)
        let build = try shell(
            #""$VECDB" build d --vectors films.npy --index tree-ah --leaves 2 --progress never > /dev/full"#,
            in: directory)
        #expect(build.status == 1)
        #expect(build.standardError.contains("error: d was built: generation 1, 6 rows; only this could not be told: "))
        #expect(build.standardError.contains("No space left on device"))
        let tune = try shell(#""$VECDB" tune d -k 1 --target-recall 0.1 > /dev/full"#, in: directory)
        #expect(tune.status == 1)
        #expect(tune.standardError.contains("error: d has its new settings, in generation 2; only this"))
        for command in ["query d --vector '[1,1]'", "inspect d", "verify d", "eval d --queries users.npy"] {
            let full = try shell("\"$VECDB\" \(command) > /dev/full", in: directory)
            #expect(full.status == 1)
            #expect(full.standardError.contains("standard output could not be written: No space left on device"))
            #expect(!full.standardError.contains("only this"))
            let closed = try shell(
                "set -o pipefail; { sleep 0.2; \"$VECDB\" \(command); } | true", in: directory)
            #expect(closed.status == 0 && !closed.standardError.contains("error"), "\(closed.standardError)")
        }
    }

    @Test func `fault 23: a link that leads nowhere is called so`() throws {
        let directory = try TemporaryDirectory()
        try Films.write(to: directory)
        for name in ["d", "v.npy"] {
            try FileManager.default.createSymbolicLink(
                atPath: directory.path + "/" + name, withDestinationPath: "gone")
        }
        for arguments in [
            ["build", "x", "--vectors", "v.npy"], ["build", "d", "--vectors", "films.npy"],
            ["build", "d", "--vectors", "films.npy", "--overwrite"], ["query", "d", "--vector", "[1]"],
            ["inspect", "d"],
            ["build", "x", "--vectors", "films.npy", "--ids", "v.npy"],
        ] {
            let output = try vecdb(arguments, in: directory)
            #expect(output.status == 3, "\(arguments)")
            #expect(
                output.standardError.contains("is a link to 'gone', where there is nothing"), "\(output.standardError)")
        }
    }

    @Test func `fault 23: a link that leads back to itself is called so`() throws {
        let directory = try TemporaryDirectory()
        try Films.write(to: directory)
        #expect(try shell("ln -s loop loop; ln -s b a; ln -s a b", in: directory).status == 0)
        for arguments in [
            ["build", "x", "--vectors", "loop"], ["build", "loop", "--vectors", "films.npy"],
            ["build", "a", "--vectors", "films.npy", "--overwrite"], ["build", "loop/x", "--vectors", "films.npy"],
            ["build", "x", "--vectors", "films.npy", "--ids", "a"], ["build", "x", "--from", "loop"],
            ["build", "x", "--vectors", "loop/films.npy"], ["query", "loop", "--vector", "[1]"], ["inspect", "a"],
            ["verify", "loop/x"],
        ] {
            let output = try vecdb(arguments, in: directory)
            #expect(output.status == 3, "\(arguments): \(output.standardError)")
            #expect(output.standardError.contains("is a link that leads back to itself"), "\(output.standardError)")
        }
    }

    @Test(arguments: ["--help", "--version", "help", "help build", "query --help", "build --help", ""])
    func `fault 23: help that cannot be written is a failure`(words: String) throws {
        let directory = try TemporaryDirectory()
        let whole = try shell("\"$VECDB\" \(words)", in: directory)
        #expect(whole.status == 0 && !whole.standardOutput.isEmpty && whole.standardError.isEmpty)
        let full = try shell("\"$VECDB\" \(words) > /dev/full", in: directory)
        #expect(full.status == 1)
        #expect(full.standardError.contains("standard output could not be written: No space left on device"))
        let closed = try shell("set -o pipefail; { sleep 0.2; \"$VECDB\" \(words); } | true", in: directory)
        #expect(closed.status == 0 && closed.standardError.isEmpty, "\(closed.standardError)")
    }

    @Test func `fault 23: the command says how what the library advises is done`() throws {
        let directory = try TemporaryDirectory()
        try Films.write(to: directory)
        let missing = try vecdb(["query", "none", "--vector", "[1]"], in: directory)
        #expect(missing.standardError.contains("there is no such database; build one ('vecdb build')"))
        try succeed("build", "d", "--vectors", "films.npy", in: directory)
        try directory.write("d/catalog.sqlite", Array(try directory.bytes("d/catalog.sqlite").prefix(5000)))
        let damaged = try vecdb(["query", "d", "--vector", "[1,1]"], in: directory)
        #expect(damaged.status == 4)
        #expect(
            damaged.standardError.contains("restore a backup, or build it again ('vecdb build')"),
            "\(damaged.standardError)")
    }

    /// The library is used without a command line as well.
    @Test func `fault 23: no message of the library names an option of the command`() throws {
        let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources")
            .standardizedFileURL
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var count = 0
        for case let file as URL in files
        where file.pathExtension == "swift" && !file.path.contains("/VecDBCommand/") {
            count += 1
            for (number, line) in try String(contentsOf: file, encoding: .utf8).split(
                separator: "\n", omittingEmptySubsequences: false
            ).enumerated() where !line.drop(while: { $0 == " " }).hasPrefix("//") {
                #expect(
                    line.firstMatch(of: /".*(--[a-z]|'-[a-z]\b|vecdb (build|query|eval|tune|inspect|verify)\b)/) == nil,
                    "\(file.path), line \(number + 1)")
            }
        }
        #expect(count > 50)
    }

    @Test func `fault 23: advice of the library is told in options`() {
        #expect(
            withOptions("rebuild with 'dimensionsPerBlock = 1' or 'projection = random', not 'this'")
                == "rebuild with '--dimensions-per-block 1' or '--projection random', not 'this'")
    }
}
