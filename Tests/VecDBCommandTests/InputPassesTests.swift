import Foundation
import TestSupport
import Testing

/// How often a build reads its input, which its documentation says.
@Suite struct InputPassesTests {
    private static let strace = "/usr/bin/strace"

    /// What a reader of lines reads at once, and reads again to find the dimensions each time that it begins.
    private static let chunkByteCount = 128 << 10

    /// How many times each file was read.
    ///
    /// - Parameter beginsTwice: whether each pass reads the first chunk once more.
    private func passes(
        over files: [String], beginsTwice: Bool = false, _ options: String, in directory: TemporaryDirectory
    ) throws -> [Int] {
        let output = try shell(
            "rm -f trace.*; \(Self.strace) -ff -y -e trace=read,pread64 -o trace \"$VECDB\" build d.vecdb "
                + "--overwrite --progress never " + options, in: directory)
        try #require(output.status == 0, "\(output.standardError)")
        return try files.map { file in
            let line = try shell(
                "awk -F'= ' '/\(file)>/ { read += $NF } END { print read }' trace.*; wc -c < \(file)", in: directory)
            let numbers = line.lines.compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
            try #require(numbers.count == 2)
            let passByteCount = numbers[1] + (beginsTwice ? min(Self.chunkByteCount, numbers[1]) : 0)
            return Int((Double(numbers[0]) / Double(passByteCount)).rounded())
        }
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: strace)))
    func `fault 27: a build reads every file twice, lines that hold all five times`() throws {
        let directory = try TemporaryDirectory()
        let rows = clusteredRows(2500, dimensions: 16, clusters: 9, seed: 4)
        try directory.write("v.npy", npy(rows))
        try directory.write("ids.txt", rows.indices.map { "film \($0 % 2400)\n" }.joined())
        try directory.write("m.ndjson", rows.indices.map { "{\"year\":\($0)}\n" }.joined())
        try directory.write(
            "all.ndjson",
            rows.enumerated().map { "{\"id\":\"film \($0 % 2400)\",\"vector\":\($1),\"year\":\($0)}\n" }.joined())
        let files = ["v.npy", "ids.txt", "m.ndjson"]
        let words = "--vectors v.npy --ids ids.txt --metadata m.ndjson"
        for policy in ["allow", "keep-last"] {
            #expect(
                try passes(over: files, "\(words) --duplicate-ids \(policy)", in: directory) == [2, 2, 2], "\(policy)")
        }
        #expect(
            try passes(
                over: ["all.ndjson"], beginsTwice: true, "--vectors all.ndjson --duplicate-ids allow", in: directory)
                == [5])
        #expect(try succeed("verify", "d.vecdb", "--deep", in: directory).status == 0)
    }

    @Test func `fault 27: a file of ids that is too short or too long is refused by name`() throws {
        let directory = try TemporaryDirectory()
        try Films.write(to: directory)
        for count in [0, 5, 7] {
            try directory.write("few.txt", (0..<count).map { "\($0)\n" }.joined())
            let output = try vecdb(["build", "d.vecdb", "--vectors", "films.npy", "--ids", "few.txt"], in: directory)
            #expect(output.status == 1 && output.standardError.contains("few.txt"), "\(output.standardError)")
            #expect(count == 0 || output.standardError.contains("few.txt has \(count) ids for 6 vectors"))
        }
    }
}
