import Foundation
import TestSupport
import Testing

/// A build that must be refused: what is written first, the arguments after `build d`, and what is said.
struct BadBuild: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let files: [String: [UInt8]]
    let arguments: [String]
    let status: Int32
    let message: [String]

    init(
        _ name: String, _ files: [String: [UInt8]], _ arguments: String..., status: Int32 = 1, says message: String...
    ) {
        testDescription = name
        self.files = files
        self.arguments = arguments
        self.status = status
        self.message = message
    }
}

private let good = npy([[1, 2], [3, 4], [5, 6]])

private func text(_ text: String) -> [UInt8] { Array(text.utf8) }

struct BadInputTests {
    static let builds: [BadBuild] = [
        BadBuild("a missing file", [:], "--vectors", "v.npy", status: 3, says: "v.npy", "does not exist"),
        BadBuild("an empty file", ["v.npy": []], "--vectors", "v.npy", says: "v.npy", "empty"),
        BadBuild("a truncated file", ["v.npy": good.dropLast(3)], "--vectors", "v.npy", says: "v.npy", "24", "21"),
        BadBuild("a file that is too long", ["v.npy": good + [0]], "--vectors", "v.npy", says: "v.npy", "24"),
        BadBuild("a directory instead of a file", [:], "--vectors", ".", says: "directory"),
        BadBuild("a wrong magic number", ["v.bin": text("nonsense")], "--vectors", "v.bin", says: "v.bin"),
        BadBuild(
            "another format than named", ["v.npy": good], "--vectors", "v.npy", "--input-format", "fvecs", says: "v.npy"
        ),
        BadBuild(
            "a Fortran-order array",
            ["v.npy": npy(rows: 2, dimensions: 1, fortranOrder: true, content: [UInt8](repeating: 0, count: 8))],
            "--vectors", "v.npy", says: "v.npy", "Fortran"),
        BadBuild(
            "an array of objects",
            ["v.npy": npy(rows: 2, dimensions: 1, description: "|O", content: [UInt8](repeating: 0, count: 16))],
            "--vectors", "v.npy", says: "v.npy", "object"),
        BadBuild(
            "NaN", ["v.npy": npy([[1, 2], [3, .nan], [.nan, 1]])], "--vectors", "v.npy", says: "row 1", "NaN", "2"),
        BadBuild("an infinity", ["v.npy": npy([[1, -.infinity]])], "--vectors", "v.npy", says: "row 0", "infinite"),
        BadBuild(
            "a zero vector under cosine", ["v.npy": npy([[1, 2], [0, 0]])], "--vectors", "v.npy", "--metric", "cosine",
            says: "row 1", "zero"),
        BadBuild(
            "dimension 0", ["v.npy": npy([[], []], dimensions: 0)], "--vectors", "v.npy", says: "v.npy", "65,535"),
        BadBuild(
            "dimension 65,536", ["v.npy": npy([[Float](repeating: 1, count: 65_536)])], "--vectors", "v.npy",
            says: "65,536", "65,535"),
        BadBuild(
            "too few ids", ["v.npy": good, "ids.txt": text("a\nb\n")], "--vectors", "v.npy", "--ids", "ids.txt",
            says: "ids.txt", "2", "3"),
        BadBuild(
            "too many ids", ["v.npy": good, "ids.txt": text("a\nb\nc\nd\n")], "--vectors", "v.npy", "--ids", "ids.txt",
            says: "ids.txt", "4", "3"),
        BadBuild(
            "missing ids", ["v.npy": good], "--vectors", "v.npy", "--ids", "ids.txt", status: 3, says: "ids.txt"),
        BadBuild(
            "duplicate ids", ["v.npy": good, "ids.txt": text("a\nb\na\n")], "--vectors", "v.npy", "--ids", "ids.txt",
            says: "'a'"),
        BadBuild(
            "too little metadata", ["v.npy": good, "m.ndjson": text("{}\n{}\n")], "--vectors", "v.npy", "--metadata",
            "m.ndjson", says: "m.ndjson", "2", "3"),
        BadBuild(
            "broken metadata", ["v.npy": good, "m.ndjson": text("{}\n{\"a\":}\n{}\n")], "--vectors", "v.npy",
            "--metadata", "m.ndjson", says: "m.ndjson, line 2"),
        BadBuild(
            "queries of another dimension", ["v.npy": good, "q.npy": npy([[1, 2, 3]])], "--vectors", "v.npy",
            "--query-vectors", "q.npy", says: "q.npy", "3", "2"),
        BadBuild(
            "files of different dimensions", ["v.npy": good, "w.npy": npy([[1, 2, 3]])], "--vectors", "v.npy", "w.npy",
            says: "w.npy", "3"),
        BadBuild(
            "more leaves than rows", ["v.npy": good], "--vectors", "v.npy", "--index", "tree-ah", "--leaves", "4",
            says: "4", "3"),
        BadBuild("a directory without a manifest", [:], "--from", ".", status: 3, says: "manifest.json"),
        BadBuild("a manifest that is none", ["manifest.json": text("[]")], "--from", ".", says: "manifest.json"),
        BadBuild("a missing parent directory", ["v.npy": good], "--vectors", "v.npy", says: "no/d"),
    ]

    @Test(arguments: builds)
    func `a build is refused with a clear message and leaves nothing behind`(build: BadBuild) throws {
        let directory = try TemporaryDirectory()
        for (name, content) in build.files { try directory.write(name, content) }
        let before = try directory.listing()
        let target = build.testDescription == "a missing parent directory" ? "no/d" : "d"
        let output = try vecdb(["build", target, "--progress", "never"] + build.arguments, in: directory)
        if target == "no/d" {
            #expect([1, 3].contains(output.status))  // the parent is not found; or the system refuses
        } else {
            #expect(output.status == build.status)
        }
        #expect(output.standardOutput.isEmpty)
        #expect(output.standardError.hasPrefix("vecdb: error: "), "\(output.standardError)")
        for part in build.message { #expect(output.standardError.contains(part), "\(output.standardError)") }
        #expect(try directory.listing() == before)
    }

    @Test func `a directory that is no database is not overwritten`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("v.npy", good)
        try directory.makeDirectory("home")
        try directory.write("home/letter.txt", "dear")
        let before = try directory.listing()
        let output = try vecdb("build", "home", "--vectors", "v.npy", "--overwrite", in: directory)
        #expect(output.status == 1)
        #expect(output.standardError.contains("home"))
        #expect(try directory.listing() == before)
    }

    @Test func `a failed overwrite leaves the old database as it was`() throws {
        let (directory, _) = try Films.database()
        try directory.write("bad.npy", npy([[1, 2], [.nan, 0]]))
        let query = ["query", "films.vecdb", "--queries", "users.npy", "--format", "tsv", "--with-metadata"]
        let answers = try vecdb(query, in: directory).standardOutput
        let before = try directory.listing()
        let output = try vecdb("build", "films.vecdb", "--vectors", "bad.npy", "--overwrite", in: directory)
        #expect(output.status == 1)
        #expect(try directory.listing() == before)
        #expect(try vecdb(query, in: directory).standardOutput == answers)
    }

    /// Arguments after `query films.vecdb`, the code, and what is said.
    static let queries: [([String], Int32, String)] = [
        (["--vector", "[1,2,3]"], 1, "3 dimensions"),
        (["--queries", "wide.npy"], 1, "wide.npy"),
        (["--queries", "nan.npy"], 1, "row 1"),
        (["--queries", "missing.npy"], 3, "missing.npy"),
        (["--queries", "empty.npy"], 1, "empty"),
        (["--queries", "."], 1, "directory"),
        (["--query-id", "zoe"], 3, "no stored query has the id 'zoe'; there are 3 queries"),
        (["--query-id", "ann", "zoe"], 3, "'zoe'"),
        (["--vector", "[1,2]", "--exclude-file", "missing.txt"], 3, "missing.txt"),
        (["--vector", "[1,2]", "--exclude-file", "."], 1, "irectory"),
        (["--vector", "[1,2]", "--exclude-file", "broken.ndjson"], 1, "broken.ndjson, line 2"),
        (["--vector", "[1,2]", "--exclude-file", "latin1.txt"], 1, "latin1.txt, line 2"),
    ]

    @Test(arguments: queries)
    func `a query is refused with a clear message before anything is printed`(
        arguments: [String], status: Int32, message: String
    ) throws {
        let (directory, _) = try Films.database()
        try directory.write("wide.npy", npy([[1, 2, 3]]))
        try directory.write("nan.npy", npy([[1, 2], [.nan, 0]]))
        try directory.write("empty.npy", "")
        try directory.write("broken.ndjson", "{\"query\":0,\"ids\":[]}\n{\"query\":-1,\"ids\":[]}\n")
        try directory.write("latin1.txt", [0x61, 0x0A, 0xE9, 0x0A])
        let before = try directory.listing()
        let output = try vecdb(["query", "films.vecdb"] + arguments, in: directory)
        #expect(output.status == status)
        #expect(output.standardOutput.isEmpty)
        #expect(output.standardError.hasPrefix("vecdb: error: "))
        #expect(output.standardError.contains(message), "\(output.standardError)")
        #expect(try directory.listing() == before)
    }

    @Test func `a zero query under cosine is refused`() throws {
        let (directory, _) = try Films.database("--metric", "cosine")
        let output = try vecdb("query", "films.vecdb", "--vector", "[0,0]", in: directory)
        #expect(output.status == 1)
        #expect(output.standardError.contains("zero"))
    }

    @Test(.enabled(if: geteuid() != 0, "the superuser may write everywhere"))
    func `a directory without write permission is refused`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("v.npy", good)
        try directory.makeDirectory("closed")
        try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: directory.path + "/closed")
        let output = try vecdb("build", "closed/d", "--vectors", "v.npy", in: directory)
        #expect(output.status == 1)
        #expect(output.standardError.contains("closed"))
        #expect(try directory.listing() == ["closed", "v.npy"])
    }

    @Test func `a file that may not grow any further is refused like a full disk`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("v.npy", npy(clusteredRows(4000, dimensions: 32, clusters: 5, seed: 1)))
        let before = try directory.listing()
        let output = try shell(#"ulimit -f 200; exec "$VECDB" build d --vectors v.npy --progress never"#, in: directory)
        #expect(!output.wasKilled)
        #expect(output.status == 1)
        #expect(output.standardError.hasPrefix("vecdb: error: "), "\(output.standardError)")
        #expect(try directory.listing() == before)
    }

    @Test func `a pipe that finds no room to be kept is refused`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("v.npy", npy(clusteredRows(4000, dimensions: 32, clusters: 5, seed: 1)))
        let before = try directory.listing()
        let output = try shell(#"ulimit -f 200; cat v.npy | "$VECDB" build d --vectors -"#, in: directory)
        #expect(output.status == 1)
        #expect(output.standardError.contains("temporary file"), "\(output.standardError)")
        #expect(try directory.listing() == before)
    }

    /// Whether this account may mount a small file system of its own.
    static let mayMount: Bool = {
        let script = "unshare -rm sh -c 'mount -t tmpfs -o size=1m none /mnt'"
        guard let directory = try? TemporaryDirectory() else { return false }
        return (try? shell(script, in: directory).status) == 0
    }()

    @Test(
        .enabled(if: mayMount, "mounting needs user name spaces"),
        arguments: [("size=300k", "v.npy"), ("ro", "v.npy")])
    func `a full or read-only disk is refused, and stays empty`(options: String, vectors: String) throws {
        let directory = try TemporaryDirectory()
        try directory.write(vectors, npy(clusteredRows(4000, dimensions: 32, clusters: 5, seed: 1)))
        let output = try shell(
            """
            unshare -rm bash -c 'mount -t tmpfs -o \(options) none /mnt && cp /dev/null out
                "$VECDB" build /mnt/d --vectors \(vectors) --progress never; echo $? > status; ls -A /mnt > left'
            """, in: directory)
        #expect(directory.text("status") == "1\n")
        #expect(output.standardError.contains("vecdb: error: "), "\(output.standardError)")
        #expect(directory.text("left").isEmpty)
    }
}
