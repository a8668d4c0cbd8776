import Foundation
import TestSupport
import Testing

/// Every option that takes a number, at and beyond the limits of numbers.
struct ExtremesTests {
    private static let numbers = [
        "-1", "0", "1", "2000000000", "9223372036854775807", "9223372036854775808", "1e300", "inf", "nan",
    ]

    private static let commands: [(words: [String], options: [String])] = [
        (["query", "t.vecdb", "--vector", "[1,1]"], ["-k", "--leaves-to-search", "--reorder", "--threads"]),
        (["query", "t.vecdb", "--queries", "users.npy"], ["-k", "--threads"]),
        (["query", "t.vecdb", "--queries", "users.npy", "--exact"], ["-k", "--threads"]),
        (["query", "--from", "export", "--queries", "users.npy"], ["-k", "--threads"]),
        (
            ["eval", "t.vecdb", "--queries", "users.npy", "--passes", "1"],
            ["-k", "--threads", "--passes", "--cold", "--sweep=leaves-to-search", "--sweep=reorder"]
        ),
        (["eval", "t.vecdb", "--queries", "users.npy", "--passes", "1", "--batch"], ["-k", "--threads"]),
        (["eval", "t.vecdb", "--queries", "users.npy", "--open"], ["-k", "--passes"]),
        (["eval", "t.vecdb", "--labels", "labels.txt", "--queries", "users.npy"], ["-k", "--threads"]),
        (
            ["tune", "t.vecdb", "--queries", "users.npy", "--target-recall", "0.1"],
            ["-k", "--threads", "--target-recall", "--lock-timeout"]
        ),
        (
            ["build", "new.vecdb", "--overwrite", "--vectors", "films.npy", "--index", "tree-ah"],
            [
                "--seed", "--threads", "--memory", "--lock-timeout", "--leaves", "--dimensions-per-block",
                "--projection=pca:", "--training-iterations", "--anisotropic-threshold", "--target-recall",
            ]
        ),
    ]

    /// Gives up after this: nothing here has more to do than a fraction of a second's work.
    private static let seconds = 20

    @Test(arguments: commands.indices.map { $0 })
    func `fault 06: no number ends a command by a signal or keeps it`(index: Int) throws {
        let (words, options) = Self.commands[index]
        let (directory, _) = try Films.database()
        try Films.writeExport(to: directory)
        try directory.write("labels.txt", "42\nHeat, the film\n42\n")
        try succeed("build", "t.vecdb", "--vectors", "films.npy", "--index", "tree-ah", "--leaves", "2", in: directory)
        for option in options {
            // All numbers of an option in one shell: starting one costs more than most of them.
            var script = "export SWIFT_BACKTRACE=enable=no; ulimit -c 0\n"
            for number in Self.numbers {
                let option =
                    option.hasSuffix(":")
                    ? [option + number]
                    : option.contains("=") || option.hasPrefix("--") ? [option + "=" + number] : [option + number]
                let line = (words + option).map { "'\($0)'" }.joined(separator: " ")
                script +=
                    "timeout \(Self.seconds) \"$VECDB\" \(line) >/dev/null 2>error; echo \"$? \(number) $(head -1 error)\"\n"
            }
            for line in try shell(script, in: directory).lines {
                // 0 done, 1 failed, 7 target recall missed, 64 wrong usage; 124 is the time limit's, above are signals.
                #expect(["0 ", "1 ", "7 ", "64"].contains(line.prefix(2)), "\(words[0]) \(option): \(line)")
            }
        }
    }
}
