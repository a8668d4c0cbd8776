import TestSupport
import Testing

struct UsageTests {
    @Test func `the version is all that --version prints`() throws {
        let output = try vecdb("--version", in: TemporaryDirectory())
        #expect(output.status == 0)
        #expect(output.standardOutput == "1.1.0\n")
        #expect(output.standardError.isEmpty)
    }

    @Test(arguments: [
        ["--help"], ["build", "--help"], ["query", "--help"], ["eval", "--help"], ["inspect", "--help"],
        ["verify", "--help"],
    ])
    func `help goes to standard output`(arguments: [String]) throws {
        let output = try vecdb(arguments, in: TemporaryDirectory())
        #expect(output.status == 0)
        #expect(output.standardOutput.contains("USAGE: vecdb"))
        #expect(output.standardError.isEmpty)
    }

    /// Arguments, and what the message must hold.
    static let mistakes: [([String], String)] = [
        (["frobnicate"], "frobnicate"),
        (["build"], "<database>"),
        (["build", "d"], "--vectors"),
        (["build", "d", "--from", "x", "--vectors", "films.npy"], "leave out '--vectors'"),
        (["build", "d", "--from", "x", "--ids", "films.txt"], "leave out '--ids'"),
        (["build", "d", "--from", "x", "--query-vectors", "users.npy"], "leave out '--query-vectors'"),
        (["build", "d", "--vectors", "films.npy", "--query-ids", "users.txt"], "--query-vectors"),
        (["build", "d", "--vectors", "films.npy", "--metric", "cosin"], "'dot', 'cosine' or 'l2'"),
        (["build", "d", "--vectors", "films.npy", "--index", "hnsw"], "'auto', 'exact' or 'tree-ah'"),
        (["build", "d", "--vectors", "films.npy", "--projection", "pca:0"], "'pca:K'"),
        (["build", "d", "--vectors", "films.npy", "--reorder-storage", "f16"], "bf16"),
        (["build", "d", "--vectors", "films.npy", "--duplicate-ids", "keep"], "'keep-last'"),
        (["build", "d", "--vectors", "films.npy", "--input-format", "hdf5"], "fvecs"),
        (["build", "d", "--vectors", "films.npy", "--progress", "loud"], "'never'"),
        (["build", "d", "--vectors", "films.npy", "--memory", "2XB"], "--memory"),
        (["build", "d", "--vectors", "films.npy", "--seed", "-1"], "--seed"),
        (["build", "d", "--vectors", "films.npy", "--threads", "0"], "--threads"),
        (["build", "d", "--vectors", "films.npy", "--threads=-2"], "--threads"),
        (["build", "d", "--vectors", "films.npy", "--leaves", "0"], "--leaves"),
        (["build", "d", "--vectors", "films.npy", "--dimensions-per-block", "0"], "--dimensions-per-block"),
        (["build", "d", "--vectors", "films.npy", "--training-iterations", "0"], "--training-iterations"),
        (["build", "d", "--vectors", "films.npy", "--lock-timeout=-1"], "--lock-timeout"),
        (
            ["build", "d", "--vectors", "films.npy", "--target-recall", "0"],
            "it lies above 0 and up to 1."
        ),
        (
            ["build", "d", "--vectors", "films.npy", "--target-recall", "95"],
            "it lies above 0 and up to 1."
        ),
        (["build", "d", "--vectors", "films.npy", "--shards"], "Unknown option '--shards'"),
        (["eval", "d", "--truth", "t.npy"], "give that too"),
        (["eval", "d", "--labels", "l.txt", "--batch"], "'--labels' counts accuracy"),
        (["eval", "d", "--open", "--plot", "p.svg"], "'--open' takes no other measure"),
        (["eval", "d", "--plot", "o.pdf"], "ends with '.svg'"), (["eval", "d", "--plot", "o"], "ends with '.svg'"),
        (["query", "--query-id", "7"], "Give a database or '--from <directory>'"),
        (["query", "d", "--from", "e", "--vector", "[1]"], "not both"),
        (["query", "--from", "e", "--vector", "[1]", "--explain"], "'--from' searches without one"),
        (["tune", "d", "--target-recall", "1.5"], "it lies above 0 and up to 1."),
        (["tune", "d", "--truth", "t.npy"], "give that too"),
        (["eval", "d", "--queries", "users.npy", "--sweep", "leaves=1"], "--sweep"),
        (["eval", "d", "--queries", "users.npy", "--sweep", "reorder=1,x"], "--sweep"),
        (["eval", "d", "--queries", "users.npy", "--sweep", "leaves-to-search=0"], "--sweep"),
        (["eval", "d", "--queries", "users.npy", "--sweep", "reorder=1;reorder=2"], "--sweep"),
        (["eval", "d", "--queries", "users.npy", "--exact", "--sweep", "reorder=1"], "no settings to sweep"),
        (["eval", "d", "--queries", "users.npy", "--cold", "1", "--batch"], "'--cold'"),
        (["eval", "d", "--queries", "users.npy", "--open", "--exact"], "'--open'"),
        (["eval", "d", "--queries", "users.npy", "--threads", "0"], "--threads"),
        (["query", "d"], "exactly one of"),
        (["query", "d", "--vector", "[1,2]", "--query-id", "ann"], "exactly one of"),
        (["query", "d", "--vector", "[1,2]", "--queries", "users.npy"], "exactly one of"),
        (["query", "d", "--vector", "1,2"], "JSON array"),
        (["query", "d", "--vector", "[1,two]"], "number 2"),
        (["query", "d", "--vector", "[1e40,2]"], "overflows"),
        (["query", "d", "--vector", "[1,2]", "-k", "0"], "'-k' is 0"),
        (["query", "d", "--vector", "[1,2]", "--leaves-to-search", "0"], "--leaves-to-search"),
        (["query", "d", "--vector", "[1,2]", "--threads", "0"], "--threads"),
        (["query", "d", "--vector", "[1,2]", "--format", "xml"], "'table', 'ndjson' or 'tsv'"),
        (["query", "d", "--vector", "[1,2]", "--input-format", "npy"], "--queries"),
        (["query", "d", "--vector", "[1,2]", "--where", "year < 1950"], "Unknown option '--where'"),
        (["query", "d", "--queries", "-", "--exclude-file", "-"], "Standard input"),
        (["inspect"], "<database>"),
        (["verify", "a", "b"], "b"),
    ]

    @Test(arguments: mistakes)
    func `wrong usage ends with 64 and makes nothing`(arguments: [String], message: String) throws {
        let directory = try TemporaryDirectory()
        try Films.write(to: directory)
        let before = try directory.listing()
        let output = try vecdb(arguments, in: directory)
        #expect(output.status == 64)
        #expect(output.standardOutput.isEmpty)
        #expect(output.standardError.hasPrefix("Error: "))
        #expect(output.standardError.contains(message), "\(output.standardError)")
        #expect(try directory.listing() == before)
    }
}
