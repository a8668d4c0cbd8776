import ArgumentParser
import EmbeddingInput
import VecDB
import VecDBJSON

struct TuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune",
        abstract: "Find the cheapest search settings that reach a recall, and store them.",
        usage: """
            vecdb tune <database> [--queries <file>] [--target-recall 0.95] [-k <count>] [<options>]
            """,
        discussion: """
            Settings are sought on a sample of the queries, timed one query at a time, and the fastest becomes what \
            searches for so many hits use that name none. With '-k' only that k gets another setting, without it 1, 10, \
            100 and 1,000 do. Where no setting of the tree reaches the target, nothing is stored, and the \
            exit code is 7.
            """)

    @Argument(help: "The database directory.")
    var database: String

    @Option(
        help: ArgumentHelp(
            "Queries like those to come, in any format that 'build' reads (default: the stored ones, or stored candidates).",
            valueName: "file"))
    var queries: String?

    @Option(help: ArgumentHelp("The format of '--queries' (default: recognised).", valueName: "format"))
    var inputFormat: VectorFileFormat?

    @Option(help: ArgumentHelp("Which tensor of a .safetensors file of queries.", valueName: "name"))
    var tensor: String?

    @OptionGroup var textLayout: TextLayoutOptions

    @Option(
        help: ArgumentHelp(
            "Ordinals of the true nearest of '--queries', a row each: .ivecs, .ibin or .npy (default: computed exactly).",
            valueName: "file"))
    var truth: String?

    @Option(help: ArgumentHelp("The share of the true k nearest that searches should find.", valueName: "share"))
    var targetRecall = 0.95

    @Option(
        name: .customShort("k", allowingJoined: true),
        help: ArgumentHelp(
            "How many hits a search returns, and recall counts (default: 10, and 1, 100 and 1,000 without timing them).",
            valueName: "count"))
    var k: Int?

    @Option(help: ArgumentHelp("Threads for counting recall (default: one for each core).", valueName: "count"))
    var threads: Int?

    @Flag(help: "Store nothing: only say what would be.")
    var dryRun = false

    @Option(help: ArgumentHelp("Wait so long for another writer.", valueName: "seconds"))
    var lockTimeout: Double = 10

    @Flag(help: "Write to a network file system, although its locks and syncs cannot be trusted.")
    var allowNetworkFileSystem = false

    @Flag(help: "Print JSON (Formats/schemas/tune.schema.json).")
    var json = false

    func validate() throws {
        try check("-k", k, atLeast: 1)
        try check("--threads", threads, atLeast: 1)
        try checkShare("--target-recall", targetRecall)
        try checkSeconds("--lock-timeout", lockTimeout)
        try checkQueryFileOptions(queries, truth: truth, inputFormat, tensor: tensor, textLayout)
    }

    func run() throws {
        Interrupts.catchThem()
        var vectors: [Float]?
        var nearest: [[UInt64]]?
        let k = k ?? 10
        var others = self.k == nil ? TuneOptions.standardCounts : []
        if let queries {
            let opened = try VectorDatabase.open(database)
            let batch = try allQueries(
                queries, format: inputFormat, tensor: tensor, text: textLayout, of: opened, named: database)
            vectors = batch.vectors
            nearest = try truth.map { name in
                let file = try TruthFile(name, of: batch, k: min(k, opened.info.rows), in: opened)
                if let doubt = file.doubt { throw DatabaseError(.invalidInput, doubt) }
                return file.ordinals
            }
            if let columns = nearest?.first?.count { others.removeAll { $0 > columns } }
        }
        var tuneOptions = TuneOptions(
            k: k, targetRecall: targetRecall, stores: !dryRun, threads: threads, lockTimeoutSeconds: lockTimeout,
            allowsNetworkFileSystem: allowNetworkFileSystem, cancellation: Cancellation { Interrupts.requested })
        tuneOptions.otherCounts = others
        var tuning = try VectorDatabase.tune(
            database, queries: vectors, truth: nearest, options: tuneOptions)
        tuning.advice = tuning.advice.map(withOptions)
        try StandardOutput.print(
            json ? JSONDocument(tuning).text(.indented) : printableLines(tuningText(tuning)),
            whenDone: tuning.generation.map { "\(printable(database)) has its new settings, in generation \($0)" })
        guard tuning.isReached else {
            if let advice = tuning.advice { StandardError.note(advice) }
            throw ExitCode.targetMissed
        }
    }
}
