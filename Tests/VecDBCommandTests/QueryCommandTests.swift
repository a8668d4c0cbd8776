import Foundation
import SchemaChecks
import TestSupport
import Testing

struct QueryCommandTests {
    @Test(arguments: ["exact", "tree-ah"])
    func `a table shows rank, score and id`(index: String) throws {
        let (directory, _) = try Films.database("--index", index)
        let output = try succeed("query", "films.vecdb", "--vector", "[1, 0.5]", "-k", "4", in: directory)
        #expect(
            output.standardOutput == """
                rank  score  id
                   1  3.5    tab\\there
                   2  3.0    \\back
                   3  1.0    Amélie (2001)
                   4  1.0    Heat, the film

                """)
        #expect(output.standardError.isEmpty)
    }

    @Test func `several queries in a table have headings`() throws {
        let (directory, _) = try Films.database()
        let byID = try succeed("query", "films.vecdb", "--query-id", "ann", "bob", "-k", "1", in: directory)
        #expect(
            byID.standardOutput == """
                query "ann"
                rank  score  id
                   1  4.0    tab\\there

                query "bob"
                rank  score  id
                   1  2.0    七人の侍

                """)
        let byFile = try succeed("query", "films.vecdb", "--queries", "users.npy", "-k", "1", in: directory)
        #expect(byFile.lines.filter { $0.hasPrefix("query") } == ["query 0", "query 1", "query 2"])
    }

    @Test func `an export is searched without a database`() throws {
        let directory = try TemporaryDirectory()
        try Films.writeExport(to: directory)
        try succeed("build", "d", "--from", "export", "--index", "exact", in: directory)
        for arguments in [
            ["--query-id", "ann", "bob"], ["--queries", "export/queries.npy", "-k", "2", "--exclude", "42"],
            ["--vector", "[0.3, 1]", "--with-metadata", "--format", "ndjson"],
        ] {
            let streamed = try vecdb(["query", "--from", "export"] + arguments, in: directory)
            #expect(streamed.status == 0, "\(streamed.standardError)")
            let built = try vecdb(["query", "d"] + arguments, in: directory)
            #expect(streamed.standardOutput == built.standardOutput)
        }
        let unknown = try vecdb(["query", "--from", "export", "--query-id", "zoe"], in: directory)
        #expect(unknown.status == 3 && unknown.standardError.contains("no stored query has the id 'zoe'"))
        #expect(try vecdb(["query", "--from", "none", "--vector", "[1]"], in: directory).status == 3)
    }

    @Test func `query ids may begin with a dash`() throws {
        let (directory, _) = try Films.database()
        let output = try succeed("query", "films.vecdb", "--query-id=-5", "-k1", "--format", "tsv", in: directory)
        #expect(output.standardOutput == "-5\t1\t2.0\tHeat, the film\n")
    }

    @Test func `lines of NDJSON follow their schema`() throws {
        let (directory, _) = try Films.database()
        let output = try succeed(
            "query", "films.vecdb", "--query-id", "ann", "bob", "-k", "2", "--format", "ndjson", in: directory)
        #expect(
            output.lines.first
                == #"{"query":0,"query_id":"ann","hits":[{"rank":1,"id":"tab\there","score":4.0},"#
                + #"{"rank":2,"id":"\\back","score":4.0}]}"#)
        let lines = try output.jsonLines()
        for line in lines { try expectValid(line, "query") }
        #expect(lines.map { $0["query"]?.number } == [0, 1])
        #expect(lines.map { $0["query_id"]?.string } == ["ann", "bob"])

        let byFile = try succeed(
            "query", "films.vecdb", "--queries", "users.npy", "--format", "ndjson", in: directory)
        #expect(try byFile.jsonLines().allSatisfy { $0["query_id"] == nil && $0["hits"]?.array?.count == 6 })
    }

    @Test func `metadata is a document in NDJSON and TSV, and columns in a table`() throws {
        let (directory, _) = try Films.database()
        let query = ["query", "films.vecdb", "--vector", "[1,0.5]", "-k", "3", "--with-metadata", "--format"]
        let ndjson = try vecdb(query + ["ndjson"], in: directory).json()
        try expectValid(ndjson, "query")
        #expect(ndjson["hits"]?[0]?["metadata"]?["title"] == .string("A \"tab\""))
        #expect(ndjson["hits"]?[2]?["metadata"]?["tags"] == .array([.string("a"), .string("b")]))
        let tsv = try vecdb(query + ["tsv"], in: directory)
        #expect(tsv.lines[1] == "0\t2\t3.0\t\\\\back\t{\"title\":\"Back\",\"year\":1980}")
        #expect(tsv.lines[0].hasPrefix("0\t1\t3.5\ttab\\there\t{\"title\":\"A \\\\\"tab\\\\\"\""))
        let table = try vecdb(query + ["table"], in: directory)
        #expect(
            table.standardOutput == """
                rank  score  id             title    year  tags
                   1  3.5    tab\\there      A "tab"
                   2  3.0    \\back          Back     1980
                   3  1.0    Amélie (2001)  Amélie   2001  ["a","b"]

                """)
    }

    @Test func `excluded ids never come back, and others take their places`() throws {
        let (directory, _) = try Films.database()
        let output = try succeed(
            "query", "films.vecdb", "--vector", "[1,0.5]", "-k", "2", "--format", "tsv", "--exclude", "Heat, the film",
            "--exclude", "tab\there", "--exclude=-unknown", "--exclude", "\\back", in: directory)
        #expect(output.standardOutput == "0\t1\t1.0\tAmélie (2001)\n0\t2\t0.375\t42\n")
        let everything = try vecdb(
            ["query", "films.vecdb", "--vector", "[1,0.5]", "--format", "ndjson"]
                + Films.ids.flatMap { ["--exclude", $0] }, in: directory)
        #expect(everything.standardOutput == "{\"query\":0,\"hits\":[]}\n")
    }

    @Test func `a file excludes ids for all queries or for each`() throws {
        let (directory, _) = try Films.database()
        try directory.write("all.txt", "\u{FEFF}tab\there\r\n\\back\n")
        let query = ["query", "films.vecdb", "--queries", "users.npy", "-k", "1", "--format", "tsv", "--exclude-file"]
        #expect(
            try vecdb(query + ["all.txt"], in: directory).lines
                == ["0\t1\t2.0\tHeat, the film", "1\t1\t2.0\t七人の侍", "2\t1\t2.0\tHeat, the film"])
        try directory.write(
            "each.ndjson", "\n {\"query\":1,\"ids\":[\"七人の侍\"]}\n{\"query\":0,\"ids\":[\"tab\\there\"]}\n")
        #expect(
            try vecdb(query + ["each.ndjson"], in: directory).lines
                == ["0\t1\t4.0\t\\\\back", "1\t1\t0.0\tHeat, the film", "2\t1\t2.0\tHeat, the film"])
        try directory.write("far.ndjson", "{\"query\":7,\"ids\":[\"x\"]}\n")
        #expect(try vecdb(query + ["far.ndjson"], in: directory).standardError.contains("query 7"))
        let piped = try shell(
            #""$VECDB" query films.vecdb --vector '[1,1]' -k1 --format tsv --exclude-file <(printf 'tab\there\n')"#,
            in: directory)
        #expect(piped.standardOutput == "0\t1\t4.0\t\\\\back\n")
    }

    @Test func `explain says what was done`() throws {
        let (directory, _) = try Films.database("--index", "tree-ah", "--leaves", "2")
        let query = ["query", "films.vecdb", "--vector", "[1,1]", "--explain"]
        let ndjson = try vecdb(query + ["--format", "ndjson", "--leaves-to-search", "2"], in: directory).json()
        try expectValid(ndjson, "query")
        #expect(ndjson["explain"]?["exact"]?.bool == false)
        #expect(ndjson["explain"]?["leaves"]?.number == 2)
        #expect(ndjson["explain"]?["leaves_searched"]?.number == 2)
        #expect(ndjson["explain"]?["codes_scanned"]?.number == 6)
        #expect(ndjson["explain"]?["ignored"]?.array?.isEmpty == true)
        let table = try vecdb(query, in: directory)
        #expect(table.standardOutput.hasPrefix("rank  score"))
        #expect(table.standardError.hasPrefix("explain query 0\n  search "))
    }

    @Test func `explain names the knobs that an exact search ignores`() throws {
        let (directory, _) = try Films.database("--index", "exact")
        let query = [
            "query", "films.vecdb", "--vector", "[1,1]", "--explain", "--leaves-to-search", "9", "--reorder", "5",
        ]
        let ndjson = try vecdb(query + ["--format", "ndjson"], in: directory).json()
        #expect(ndjson["explain"]?["ignored"] == .array([.string("leaves_to_search"), .string("reorder")]))
        #expect(ndjson["explain"]?["exact"]?.bool == true)
        let table = try vecdb(query, in: directory)
        #expect(table.standardError.contains("--leaves-to-search and --reorder: this search is exact"))
    }

    @Test func `explain changes no answer`() throws {
        let (directory, _) = try Films.database("--index", "tree-ah", "--leaves", "2")
        let query = ["query", "films.vecdb", "--queries", "users.npy", "--format", "tsv", "--exclude", "42"]
        let plain = try vecdb(query, in: directory)
        #expect(plain.lines.count == 15)
        #expect(try vecdb(query + ["--explain"], in: directory).standardOutput == plain.standardOutput)
    }

    @Test func `k above the number of candidates gives all of them`() throws {
        let (directory, _) = try Films.database()
        for k in ["7", "9223372036854775807"] {
            let output = try succeed(
                "query", "films.vecdb", "--vector", "[1,1]", "-k", k, "--format", "tsv", in: directory)
            #expect(output.lines.count == 6)
        }
    }

    @Test func `files of queries are answered batch by batch, at any number of threads`() throws {
        let directory = try TemporaryDirectory()
        let rows = clusteredRows(300, dimensions: 3, clusters: 10, seed: 11)
        try directory.write("v.npy", npy(rows))
        try directory.write("q.npy", npy((0..<2500).map { rows[$0 % 300] }))
        try succeed("build", "d", "--vectors", "v.npy", "--metric", "l2", in: directory)
        let query = ["query", "d", "--queries", "q.npy", "-k", "1", "--format", "tsv", "--threads"]
        let output = try vecdb(query + ["1"], in: directory)
        #expect(output.lines == (0..<2500).map { "\($0)\t1\t0.0\t\($0 % 300)" })
        #expect(try vecdb(query + ["3"], in: directory).standardOutput == output.standardOutput)
    }

    @Test func `queries in NDJSON bring their ids`() throws {
        let (directory, _) = try Films.database()
        try directory.write("q.ndjson", "{\"id\":\"eve\",\"vector\":[0,1]}\n")
        let output = try succeed(
            "query", "films.vecdb", "--queries", "q.ndjson", "-k", "1", "--format", "ndjson", in: directory)
        #expect(
            output.standardOutput.hasPrefix(#"{"query":0,"query_id":"eve","hits":[{"rank":1,"id":"Heat, the film""#))
    }

    @Test func `a reader that has seen enough is no failure`() throws {
        let (directory, _) = try Films.database()
        try directory.write("many.npy", npy([[Float]](repeating: [1, 1], count: 20_000)))
        let output = try shell(
            #"set -o pipefail; "$VECDB" query films.vecdb --queries many.npy --format ndjson | head -n 1"#,
            in: directory)
        #expect(output.status == 0)
        #expect(output.lines.count == 1)
        #expect(output.standardError.isEmpty)
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
    func `output that cannot be written is a failure`() throws {
        let (directory, _) = try Films.database()
        let output = try shell(#""$VECDB" query films.vecdb --vector '[1,1]' > /dev/full"#, in: directory)
        #expect(output.status == 1)
        #expect(output.standardError.hasPrefix("vecdb: error: standard output could not be written: No space left"))
    }
}
