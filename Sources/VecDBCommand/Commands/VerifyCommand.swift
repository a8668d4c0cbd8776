import ArgumentParser
import VecDB
import VecDBJSON

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every checksum of a database; with --deep also that its parts agree.",
        discussion: """
            --deep adds SQLite's integrity check, the match of catalog and segments, codes computed again from the \
            stored vectors, and sampled searches. Ends with 4 when something is damaged and names it.
            """)

    @Argument(help: "The database directory.")
    var database: String

    @Flag(help: "Also compare the parts of the database with each other.")
    var deep = false

    @Option(
        help: ArgumentHelp(
            "Show progress on standard error: redrawn on a terminal, a line per check elsewhere.", valueName: "when"))
    var progress: ProgressMode = .auto

    @Flag(help: "Print JSON (Formats/schemas/verify.schema.json).")
    var json = false

    func run() throws {
        let progressLine = ProgressLine(progress)
        defer { progressLine.erase() }
        let report = try VectorDatabase.verify(database, deep: deep) { check, completed, total in
            progressLine.show(check, completed: completed, total: total)
        }
        progressLine.erase()
        try StandardOutput.print(json ? JSONDocument(report).text(.indented) : printableLines(verificationText(report)))
        guard report.isIntact else {
            throw DatabaseError(
                .corrupt,
                "\(report.database) is damaged (\(counted(report.damage.count, "finding"))); "
                    + "restore a backup or rebuild it with 'vecdb build'")
        }
    }
}
