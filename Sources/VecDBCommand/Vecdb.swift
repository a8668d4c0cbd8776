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
            is no failure: vecdb then stops quietly with 0.
            """,
        version: "1.1.0",
        subcommands: [
            BuildCommand.self, QueryCommand.self, EvalCommand.self, TuneCommand.self, InspectCommand.self,
            VerifyCommand.self,
        ])

    static func main() {
        Interrupts.ignoreWriteSignals()
        VectorDatabase.guardAgainstTruncation()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            end(with: error)
        }
    }
}
