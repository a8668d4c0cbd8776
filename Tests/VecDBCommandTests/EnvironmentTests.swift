import Foundation
import TestSupport
import Testing

/// What a command does where the system around it is hostile or poor.
struct EnvironmentTests {
    @Test func `a segment that is cut off under a running command is an error and no signal`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("base.npy", npy(clusteredRows(3000, dimensions: 64, clusters: 30, seed: 8)))
        try succeed(
            "build", "d.vecdb", "--vectors", "base.npy", "--index", "tree-ah", "--leaves", "24", in: directory)
        let output = try shell(
            """
            "$VECDB" eval d.vecdb --queries base.npy --passes 100000 & running=$!
            sleep 1.5
            truncate -s 50000 d.vecdb/*.vseg
            wait $running
            """, in: directory)
        #expect(output.status == 4, "\(output.standardError)")
        #expect(output.standardError.contains("somebody changed a file that must never change"))
    }

    @Test func `too few open files are an error, and whatever is left of a build goes with the next one`() throws {
        let (directory, _) = try Films.database()
        var codes: Set<Int32> = []
        for limit in 4...24 {
            // Under the address sanitizer, the search for leaks would need files of its own, and may wait for them for ever;
            // under the thread sanitizer, what shows where a process was stopped meets a check of the sanitizer itself.
            let settings = "ASAN_OPTIONS=\"$ASAN_OPTIONS:detect_leaks=0\" SWIFT_BACKTRACE=enable=no"
            let limited = "export \(settings); ulimit -n \(limit); \"$VECDB\""
            let query = try shell(
                "\(limited) query films.vecdb --vector [1,1] -k 1 --format tsv", in: directory)
            #expect(
                query.status == 0 ? query.standardOutput.hasPrefix("0\t1\t4.0\t") : query.standardOutput.isEmpty,
                "\(limit) descriptors, \(query.status): \(query.standardOutput)")
            let build = try shell("\(limited) build films.vecdb --overwrite --vectors films.npy", in: directory)
            // Nor is what cannot be opened said to be damaged.
            let inspect = try shell("\(limited) inspect films.vecdb", in: directory)
            // A shell may run its last command in its own place, or report that a signal ended it.
            for output in [query, build, inspect] {
                codes.insert(output.wasKilled ? 128 + output.status : output.status)
                // A trap of vecdb's own would end it by the same signal as libdispatch's.
                #expect(!output.standardError.contains("Fatal error"), "\(output.standardError)")
            }
        }
        // 132 is libdispatch's own: it stops a process to which it wants to add a descriptor and cannot.
        #expect(codes.subtracting([132]) == [0, 1])
        try succeed("verify", "films.vecdb", "--deep", in: directory)
        try succeed("build", "more.vecdb", "--vectors", "films.npy", in: directory)
        #expect(try !directory.listing().contains { $0.contains(".building-") })
    }

    /// Each file of a database, replaced by a link to the same file elsewhere.
    @Test(arguments: ["catalog.sqlite", "lock", "*.vseg"])
    func `a link where a file should be is refused and not followed`(name: String) throws {
        let (directory, _) = try Films.database()
        let linking = try shell(
            "mv films.vecdb/\(name) . && ln -s ../$(basename \(name)) films.vecdb/ && cp -L $(basename \(name)) kept",
            in: directory)
        #expect(linking.status == 0)
        let query = try vecdb(["query", "films.vecdb", "--query-id", "ann"], in: directory)
        let build = try vecdb(["build", "films.vecdb", "--overwrite", "--vectors", "films.npy"], in: directory)
        // Readers need no lock, and what replaces a segment does not look into it.
        let (refused, other) = name == "lock" ? (build, query) : (query, build)
        #expect(refused.status != 0 && refused.standardError.contains("symbolic link"), "\(refused.standardError)")
        #expect((other.status == 0) == (name != "catalog.sqlite"), "\(other.standardError)")
        #expect(try shell("cmp kept \(name)", in: directory).status == 0)
    }

    @Test func `a database may be reached through a link`() throws {
        let (directory, _) = try Films.database()
        #expect(try shell("ln -s films.vecdb link", in: directory).status == 0)
        try succeed("query", "link", "--query-id", "ann", in: directory)
        try succeed("build", "link", "--overwrite", "--vectors", "films.npy", in: directory)
        try succeed("verify", "films.vecdb", "--deep", in: directory)
    }

    @Test func `a copy answers as the original does, wherever it lies`() throws {
        let (directory, _) = try Films.database("--index", "tree-ah")
        let arguments = ["--queries", "users.npy", "--format", "ndjson", "--with-metadata"]
        let original = try vecdb(["query", "films.vecdb"] + arguments, in: directory)
        let copying = "mkdir elsewhere && cp -r films.vecdb elsewhere/copy && chmod -R a-w elsewhere"
        #expect(try shell(copying, in: directory).status == 0)
        #expect(
            try vecdb(["query", "elsewhere/copy"] + arguments, in: directory).standardOutput == original.standardOutput)
        try succeed("verify", "elsewhere/copy", "--deep", in: directory)
        #expect(try shell("chmod -R u+w elsewhere", in: directory).status == 0)
    }
}
