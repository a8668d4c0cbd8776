import Foundation
import SchemaChecks
import TestSupport
import Testing

/// The built `vecdb`, which `swift test` puts beside the tests.
private let executable: URL = {
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") } ?? Bundle.main
    let candidates = [
        Bundle.main.executableURL?.deletingLastPathComponent(),
        bundle.bundleURL.deletingLastPathComponent(),
        URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent(),
    ]
    let found = candidates.compactMap { $0?.appending(path: "vecdb") }
        .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    return found ?? URL(filePath: "/vecdb-was-not-found-beside-the-tests")
}()

/// A run of a program whose output goes to files, so that no full pipe can stop it.
final class RunningProcess {
    private let process = Process()
    private let outputs: TemporaryDirectory

    /// - Parameters:
    ///   - directory: where it runs.
    ///   - input: a file for standard input; nothing when `nil`.
    init(_ program: URL, _ arguments: [String], in directory: String, input: String? = nil) throws {
        // A test run in the background may inherit an ignored SIGINT, and would hand it on.
        _ = signal(SIGINT, SIG_DFL)
        outputs = try TemporaryDirectory()
        process.executableURL = program
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: directory)
        process.standardInput =
            try input.map { try FileHandle(forReadingFrom: URL(filePath: $0)) } ?? FileHandle.nullDevice
        process.standardOutput = try outputs.handle("stdout")
        process.standardError = try outputs.handle("stderr")
        try process.run()
    }

    /// What it has said on standard error so far.
    var standardError: String { outputs.text("stderr") }

    /// Whether it has the file at `path` open.
    func hasOpen(_ path: String) -> Bool {
        let (files, list) = (FileManager.default, "/proc/\(process.processIdentifier)/fd")
        let name = URL(filePath: path).resolvingSymlinksInPath().path
        return ((try? files.contentsOfDirectory(atPath: list)) ?? []).contains {
            (try? files.destinationOfSymbolicLink(atPath: list + "/" + $0)) == name
        }
    }

    func send(_ number: Int32) {
        kill(process.processIdentifier, number)
    }

    /// Waits until `condition` holds, or the process has ended; fails the test after `seconds`.
    func wait(seconds: Double = 120, until condition: () -> Bool = { false }) throws {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while process.isRunning, !condition() {
            guard Date() < deadline else {
                process.terminate()
                send(SIGKILL)
                throw Problem("still running after \(seconds) seconds; it said: \(standardError)")
            }
            usleep(1000)
        }
    }

    /// Waits for the end.
    func finish(seconds: Double = 120) throws -> Output {
        try wait(seconds: seconds)
        process.waitUntilExit()
        return Output(
            status: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal,
            standardOutput: outputs.text("stdout"), standardError: outputs.text("stderr"))
    }
}

/// What a finished process left.
struct Output {
    let status: Int32
    let wasKilled: Bool
    let standardOutput: String
    let standardError: String

    var lines: [String] {
        standardOutput.split(separator: "\n", omittingEmptySubsequences: false).map(String.init).dropLast()
    }

    /// Standard output as JSON.
    func json() throws -> JSONValue {
        try JSONValue(parsing: standardOutput)
    }

    /// Each line of standard output as JSON.
    func jsonLines() throws -> [JSONValue] {
        try lines.map { try JSONValue(parsing: $0) }
    }
}

struct Problem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func start(_ arguments: [String], in directory: TemporaryDirectory, input: String? = nil) throws -> RunningProcess {
    try RunningProcess(executable, arguments, in: directory.path, input: input)
}

/// Runs `vecdb` to its end.
func vecdb(_ arguments: String..., in directory: TemporaryDirectory, input: String? = nil) throws -> Output {
    try start(arguments, in: directory, input: input).finish()
}

func vecdb(_ arguments: [String], in directory: TemporaryDirectory, input: String? = nil) throws -> Output {
    try start(arguments, in: directory, input: input).finish()
}

/// Runs a line of bash in which `"$VECDB"` is the program.
func shell(_ script: String, in directory: TemporaryDirectory) throws -> Output {
    try RunningProcess(
        URL(filePath: "/usr/bin/env"), ["VECDB=\(executable.path)", "bash", "-c", script], in: directory.path
    ).finish()
}

/// Runs `vecdb`, which must succeed.
@discardableResult
func succeed(
    _ arguments: String..., in directory: TemporaryDirectory, sourceLocation: SourceLocation = #_sourceLocation
) throws -> Output {
    let output = try vecdb(arguments, in: directory)
    try #require(output.status == 0, "\(arguments): \(output.standardError)", sourceLocation: sourceLocation)
    return output
}
