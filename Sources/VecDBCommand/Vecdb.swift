import ArgumentParser
import VecDB

/// The `vecdb` command: arguments in, text out. Everything between is the library's.
@main
struct Vecdb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vecdb",
        abstract: "Vector search in one directory on disk: build it from embeddings, then query it from any process.",
        discussion: """
            Results go to standard output, progress and messages to standard error.

            Exit codes: 0 done, 1 failed, 3 not found, 4 damaged, 5 unsupported format version, 6 locked by another \
            writer, 7 target recall missed, 64 wrong usage, 130 interrupted. A reader of the output that has seen enough (as in '| head') \
            is no failure: vecdb then stops quietly with 0. Output that cannot be written, as on a full disk, is one (1); \
            where 'build' or 'tune' had done their work by then, the message says so.
            """,
        version: "1.1.0",
        subcommands: [
            BuildCommand.self, QueryCommand.self, EvalCommand.self, TuneCommand.self, InspectCommand.self,
            VerifyCommand.self,
        ])

    static func main() {
        StandardStreams.fillClosed()
        Interrupts.ignoreWriteSignals()
        VectorDatabase.guardAgainstTruncation()
        do {
            let arguments = CommandLine.arguments.dropFirst()
            try refuseUnknownCommand(arguments.first)
            if arguments.first == "help" { try refuseUnknownCommand(arguments.dropFirst().first) }
            var command = try parseAsRoot()
            try command.run()
        } catch {
            end(with: error)
        }
    }

    /// The parser would only find an argument too many.
    private static func refuseUnknownCommand(_ name: String?) throws {
        let commands = configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
        guard let name, !name.hasPrefix("-"), !commands.contains(name) else { return }
        var similar = SimilarID(to: name, changes: 2)
        for command in commands { similar.offer(command) }
        let remedy = similar.id.map { "did you mean '\($0)'?" } ?? "there are \(commands.joined(separator: ", "))."
        throw ValidationError("no command '\(printable(name))'; \(remedy)")
    }
}
