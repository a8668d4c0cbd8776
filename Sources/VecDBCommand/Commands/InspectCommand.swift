import ArgumentParser
import VecDB
import VecDBJSON

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show what a database holds, and as much of a damaged one as can be read.",
        discussion: """
            Never writes. Ends with 4 when something is damaged or missing inside the database, after showing the rest, \
            with 5 when only a newer vecdb can read it, and with 3 when there is no database. Reads the segment whole, for its checksums; what lies between sections, \
            inside the codes and in the catalog is for 'verify'.
            """)

    @Argument(help: "The database directory.")
    var database: String

    @Flag(help: "Print JSON (Formats/schemas/inspect.schema.json).")
    var json = false

    func run() throws {
        let inspection = try VectorDatabase.inspect(database)
        try StandardOutput.print(
            json ? JSONDocument(inspection).text(.indented) : printableLines(inspectionText(inspection)))
        guard inspection.problems.isEmpty else {
            throw DatabaseError(
                .corrupt,
                "\(inspection.database) is damaged (\(counted(inspection.problems.count, "problem"))); "
                    + "restore a backup or rebuild it with 'vecdb build'")
        }
        guard inspection.unsupported.isEmpty else {
            throw DatabaseError(
                .unsupportedVersion, "\(inspection.database) holds what this vecdb does not know; use a newer vecdb")
        }
    }
}
