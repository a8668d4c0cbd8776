import Foundation
import TestSupport
import Testing

/// Ctrl-C during a build. The input is large enough for every phase to take its time.
@Suite(.serialized)
struct InterruptTests {
    private static let arguments = [
        "build", "d", "--vectors", "v.npy", "--index", "tree-ah", "--leaves", "64", "--progress", "always",
    ]

    private func directoryWithVectors() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        try directory.write("v.npy", npy(clusteredRows(30_000, dimensions: 32, clusters: 50, seed: 3)))
        return directory
    }

    @Test(arguments: ["read", "train", "assign", "encode", "write", "tune", "sync"])
    func `an interrupt in any phase leaves nothing behind`(phase: String) throws {
        let directory = try directoryWithVectors()
        let process = try start(Self.arguments, in: directory)
        try process.wait { process.standardError.contains("vecdb: \(phase)") }
        process.send(SIGINT)
        let output = try process.finish()
        #expect(!output.wasKilled)
        if phase == "sync", output.status == 0 {
            // Too late to stop: then the database is complete.
            try succeed("verify", "d", "--deep", in: directory)
            return
        }
        #expect(output.status == 130)
        #expect(output.standardError.hasSuffix("\nvecdb: interrupted; nothing was left behind\n"))
        #expect(output.standardOutput.isEmpty)
        #expect(try directory.listing() == ["v.npy"])
    }

    @Test(arguments: [SIGTERM, SIGHUP])
    func `other requests to end are followed too`(number: Int32) throws {
        let directory = try directoryWithVectors()
        let process = try start(Self.arguments, in: directory)
        try process.wait { process.standardError.contains("vecdb: train") }
        process.send(number)
        let output = try process.finish()
        #expect(output.status == 130)
        #expect(try directory.listing() == ["v.npy"])
    }

    @Test func `an impatient second interrupt does not disturb the cleaning up`() throws {
        let directory = try directoryWithVectors()
        let process = try start(Self.arguments, in: directory)
        try process.wait { process.standardError.contains("vecdb: train") }
        for _ in 0..<20 {
            process.send(SIGINT)
            usleep(500)
        }
        let output = try process.finish()
        #expect(!output.wasKilled)
        #expect(output.status == 130)
        #expect(try directory.listing() == ["v.npy"])
    }

    @Test func `an interrupted overwrite leaves the old database as it was`() throws {
        let (directory, _) = try Films.database()
        try directory.write("v.npy", npy(clusteredRows(30_000, dimensions: 32, clusters: 50, seed: 3)))
        let query = ["query", "films.vecdb", "--queries", "users.npy", "--format", "tsv", "--with-metadata"]
        let answers = try vecdb(query, in: directory).standardOutput
        let before = try directory.listing()
        let process = try start(
            ["build", "films.vecdb", "--overwrite"] + Self.arguments.dropFirst(2), in: directory)
        try process.wait { process.standardError.contains("vecdb: assign") }
        process.send(SIGINT)
        #expect(try process.finish().status == 130)
        #expect(try directory.listing() == before)
        #expect(try vecdb(query, in: directory).standardOutput == answers)
    }

    @Test(
        arguments: [
            ["build", "d", "--vectors", "pipe", "--input-format", "npy"],
            ["build", "d", "--vectors", "users.npy", "--ids", "pipe"],
            ["tune", "films.vecdb", "--queries", "pipe", "--input-format", "npy"],
            ["tune", "films.vecdb", "--queries", "users.npy", "--truth", "pipe"],
        ], [SIGINT, SIGTERM])
    func `fault 02: build and tune can be interrupted while they wait for a pipe`(
        arguments: [String], number: Int32
    ) throws {
        let (directory, _) = try Films.database()
        let path = directory.path + "/pipe"
        #expect(try shell("mkfifo pipe", in: directory).status == 0)
        let before = try directory.listing()
        let process = try start(arguments, in: directory)
        // Nobody ever writes to it; who reads it has it open.
        try process.wait { process.hasOpen(path) }
        process.send(number)
        let output = try process.finish(seconds: 60)
        #expect(output.status == 130 && !output.wasKilled, "\(output.standardError)")
        #expect(try directory.listing() == before)
    }

    @Test func `a build that waits for standard input can be interrupted`() throws {
        let directory = try TemporaryDirectory()
        let output = try shell(
            #"mkfifo in; sleep 30 > in & "$VECDB" build d --vectors - < in & build=$!; sleep 1; kill -TERM $build; "#
                + "wait $build; status=$?; kill %1; rm in; exit $status", in: directory)
        #expect(output.status == 130)
        #expect(try directory.listing().isEmpty)
    }
}
