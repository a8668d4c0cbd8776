import ArgumentParser
import EmbeddingInput
import VecDB
import VecDBJSON

struct BuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Build a database from embeddings.",
        usage: """
            vecdb build <database> --from <directory> [<options>]
            vecdb build <database> --vectors <file> ... [--ids <file>] [--metadata <file>] [<options>]
            """,
        discussion: """
            Vectors are .npy, .fbin, .u8bin, .i8bin, .fvecs, .bvecs, .safetensors, .tsv, .csv, .ndjson, or .vec and \
            .txt as word2vec and GloVe write them (a word and numbers a line; the word is the id), recognised by \
            content, then by extension. They are streamed, never loaded whole. Ctrl-C leaves nothing behind.

            A .tsv or .csv file holds numbers only, and may begin with a header. A first line that may be either, such \
            as '0,1,2', and a header whose first column is named like ids or row numbers, is refused until \
            '--header' or '--id-column' says what it is.
            """)

    @Argument(help: "The directory to make; name it before '--vectors', which takes all words up to the next option.")
    var database: String

    @OptionGroup(title: "Input") var input: InputOptions
    @OptionGroup(title: "Index") var index: IndexOptions

    @Option(help: "Seed of all random choices: the same input, options and seed give the same index.")
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("Threads to use (default: one for each core).", valueName: "count"))
    var threads: Int?

    @Option(
        help: ArgumentHelp("Memory for vectors at a time, such as 512MB or 2GB (default: 192MiB).", valueName: "size"),
        transform: ByteSize.parse)
    var memory: Int?

    @Flag(help: "Replace the contents of an existing database; its readers keep what they see.")
    var overwrite = false

    @Option(help: ArgumentHelp("Wait so long for another writer.", valueName: "seconds"))
    var lockTimeout: Double = 10

    @Flag(help: "Write to a network file system, although its locks and syncs cannot be trusted.")
    var allowNetworkFileSystem = false

    @Option(
        help: ArgumentHelp(
            "Show progress on standard error: redrawn on a terminal, a line per phase elsewhere ('always': more).",
            valueName: "when"))
    var progress: ProgressMode = .auto

    @Flag(help: "Print the summary as JSON (Formats/schemas/build.schema.json).")
    var json = false

    func validate() throws {
        try check("--threads", threads, atLeast: 1)
        try checkSeconds("--lock-timeout", lockTimeout)
    }

    func run() throws {
        Interrupts.catchThem()
        let progressLine = ProgressLine(progress)
        defer { progressLine.erase() }
        var memory = PeakMemory()
        let summary = try VectorDatabase.build(at: database, from: input.buildInput, options: options) { report in
            memory.sample()
            progressLine.show(report.phase.rawValue, completed: report.completed, total: report.total)
        }
        progressLine.erase()
        noteWhatHadNoEffect(summary)
        try StandardOutput.print(
            json
                ? JSONDocument(summary, peakMemoryBytes: memory.bytes).text(.indented)
                : printableLines(summaryText(summary, peakMemoryBytes: memory.bytes)),
            whenDone:
                "\(printable(database)) was built: generation \(summary.generation), \(counted(summary.rows, "row"))")
        for note in summary.notes { StandardError.note("note: \(note)") }
        if let wanted = index.targetRecall, summary.defaultsAreBruteForce {
            StandardError.note(
                "no setting of the tree reaches a recall@10 of \(wanted): searches without knobs are brute force; "
                    + "try '--dimensions-per-block', '--projection' or '--index exact'")
            throw ExitCode.targetMissed
        }
    }

    private func noteWhatHadNoEffect(_ summary: BuildSummary) {
        if summary.rows == 0 { StandardError.note("note: the input has no rows; the database is empty") }
        if summary.index == .treeAH, summary.leaves == 1, index.soar == true {
            StandardError.note("note: without effect: '--soar'; a tree of one leaf has no second partition")
        }
        guard summary.index == .exact, let options = quotedList(index.treeOptionsGiven) else { return }
        StandardError.note(
            "note: without effect: \(options); \(counted(summary.rows, "row")) got an exact index, '--index tree-ah' "
                + "builds a tree of any number")
    }

    private var options: BuildOptions {
        var options = BuildOptions()
        options.cancellation = Cancellation { Interrupts.requested }
        index.set(&options)
        options.seed = seed
        options.threads = threads
        options.memoryBytes = memory
        options.overwrite = overwrite
        options.lockTimeoutSeconds = lockTimeout
        options.allowsNetworkFileSystem = allowNetworkFileSystem
        return options
    }
}

/// Where the candidates come from.
struct InputOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A trainer's export directory with its manifest.json.", valueName: "directory"))
    var from: String?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Files of vectors, read one after the other; '-' is standard input.", valueName: "file"))
    var vectors: [String] = []

    @Option(help: ArgumentHelp("The format of all vector files (default: recognised).", valueName: "format"))
    var inputFormat: VectorFileFormat?

    @Option(help: ArgumentHelp("Which tensor of a .safetensors file.", valueName: "name"))
    var tensor: String?

    @OptionGroup var textLayout: TextLayoutOptions

    @Option(
        help: ArgumentHelp("Ids, one a line (default: those that come with the rows, or 0, 1, 2 …).", valueName: "file")
    )
    var ids: String?

    @Option(
        help: ArgumentHelp(
            "Metadata: .ndjson, or .tsv or .csv with a header, a line per candidate.", valueName: "file"))
    var metadata: String?

    @Option(help: ArgumentHelp("The query tower as a table: vectors for 'query --query-id'.", valueName: "file"))
    var queryVectors: String?

    @Option(help: ArgumentHelp("The ids of '--query-vectors', one a line (default: 0, 1, 2 …).", valueName: "file"))
    var queryIds: String?

    func validate() throws {
        if queryIds != nil, queryVectors == nil {
            throw ValidationError("'--query-ids' names the rows of '--query-vectors'; give both.")
        }
        guard from != nil else {
            if vectors.isEmpty { throw ValidationError("Give '--vectors <file>' or '--from <directory>'.") }
            if ids != nil, textLayout.idColumn != nil {
                throw ValidationError("'--ids' and '--id-column' both say what the ids are; give one of them.")
            }
            return
        }
        let given: [(String, Bool)] = [
            ("--vectors", !vectors.isEmpty), ("--input-format", inputFormat != nil), ("--tensor", tensor != nil),
            ("--ids", ids != nil), ("--metadata", metadata != nil), ("--query-vectors", queryVectors != nil),
            ("--header", textLayout.header != nil), ("--id-column", textLayout.idColumn != nil),
        ]
        if let (option, _) = given.first(where: \.1) {
            throw ValidationError("'--from' takes everything from the manifest; leave out '\(option)'.")
        }
    }

    var buildInput: BuildInput {
        if let from { return .export(directory: from) }
        return .files(
            BuildFiles(
                vectors: vectors, inputFormat: inputFormat?.rawValue, tensor: tensor, hasHeader: textLayout.hasHeader,
                idColumn: textLayout.idColumn, ids: ids, metadata: metadata, queryVectors: queryVectors,
                queryIDs: queryIds))
    }
}

/// What is built of them.
struct IndexOptions: ParsableArguments {
    @Option(help: "How nearness is measured (default: the manifest's, or dot).")
    var metric: Metric?

    @Option(help: ArgumentHelp("What to build; 'auto' is exact below about 20,000 rows.", valueName: "kind"))
    var index: IndexKind = .auto

    @Option(
        help: ArgumentHelp(
            "Partitions of the tree (default: about twice the square root of the rows).", valueName: "count"))
    var leaves: Int?

    @Option(
        help: ArgumentHelp("Dimensions that share one 4-bit code (default: from the dimensions).", valueName: "count"))
    var dimensionsPerBlock: Int?

    @Option(
        help: ArgumentHelp("How residuals are turned before coding; 'pca:K' keeps K principal axes.", valueName: "kind")
    )
    var projection: ProjectionChoice = .auto

    @Option(help: ArgumentHelp("Rounds of k-means (default: 10).", valueName: "count"))
    var trainingIterations: Int?

    @Flag(
        inversion: .prefixedNo,
        help: ArgumentHelp(
            "Give every row a second partition (SOAR): fewer leaves for the same recall, twice the codes (default: no)."
        ))
    var soar: Bool?

    @Option(
        help: ArgumentHelp(
            "Code so that errors along a candidate weigh more, from this share of its length on, 0 to 1; dot and cosine.",
            valueName: "share"))
    var anisotropicThreshold: Double?

    @Option(
        help: ArgumentHelp(
            "What exact scores are computed from; 'auto' keeps u8 and i8 input as it is, else f32.", valueName: "type"))
    var reorderStorage: ReorderStorage = .auto

    @Option(
        help: ArgumentHelp(
            "Recall that the stored search settings aim at (default: 0.95).", valueName: "share"))
    var targetRecall: Double?

    @Option(
        name: .customShort("k", allowingJoined: true),
        help: ArgumentHelp(
            "Another number of hits to store search settings for, beside 1, 10, 100 and 1,000. Repeat it for more.",
            valueName: "count"))
    var k: [Int] = []

    @Option(
        help: ArgumentHelp(
            "Candidates with the same id (default: the manifest's policy, or error).", valueName: "policy"))
    var duplicateIds: DuplicateIDPolicy?

    func validate() throws {
        try check("--leaves", leaves, atLeast: 1)
        for count in k { try check("-k", count, atLeast: 1) }
        try check("--dimensions-per-block", dimensionsPerBlock, atLeast: 1)
        try check("--training-iterations", trainingIterations, atLeast: 1)
        try checkShare("--target-recall", targetRecall)
        if index == .exact, let options = quotedList(treeOptionsGiven) {
            throw ValidationError("'--index exact' builds no tree; leave out \(options).")
        }
        if let anisotropicThreshold, !(0..<1 ~= anisotropicThreshold) {
            throw ValidationError("'--anisotropic-threshold' is \(anisotropicThreshold); it lies from 0 up to below 1")
        }
    }

    /// The options that only a tree has, as far as they were given.
    var treeOptionsGiven: [String] {
        let options: [(String, Bool)] = [
            ("--leaves", leaves != nil), ("--dimensions-per-block", dimensionsPerBlock != nil),
            ("--projection", projection != .auto), ("--training-iterations", trainingIterations != nil),
            ("--soar", soar == true), ("--anisotropic-threshold", anisotropicThreshold != nil),
            ("--target-recall", targetRecall != nil), ("-k", !k.isEmpty),
        ]
        return options.filter(\.1).map(\.0)
    }

    func set(_ options: inout BuildOptions) {
        options.metric = metric
        options.index = index
        options.leaves = leaves
        options.dimensionsPerBlock = dimensionsPerBlock
        options.projection = projection
        options.trainingIterations = trainingIterations
        options.secondAssignments = soar
        options.anisotropicThreshold = anisotropicThreshold
        options.reorderStorage = reorderStorage
        if let targetRecall { options.targetRecall = targetRecall }
        options.measuredCounts = k
        options.duplicateIDs = duplicateIds
    }
}
