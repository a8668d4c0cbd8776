import ArgumentParser
import EmbeddingInput
import VecDB
import VecDBJSON

struct EvalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract: "Measure recall and speed over a set of queries.",
        usage: """
            vecdb eval <database> [--queries <file>] [-k <count>] [--sweep 'leaves-to-search=20,40;reorder=50,100'] [<options>]
            vecdb eval <database> --labels <file> [--queries <file>] [--sweep …] [--threads <count>] [--json]
            vecdb eval <database> [--queries <file>] --open [--json]
            """,
        discussion: """
            A row per setting. Recall is the share of the true k nearest that was found, counted by ordinal. Times are \
            inside the process, one query at a time after a warm-up, without ids; the best of several passes counts.

            Without a sweep the settings that are stored for this k are measured, and all stored ones are listed behind \
            the table; where none is stored for it, a note says which one serves.

            With '--labels' instead: top-1, 5, 10, 50 and 100 categorical accuracy, brute force beside every setting, \
            counted by id and, as TensorFlow Recommenders does without ids, by score.
            """)

    @Argument(help: "The database directory.")
    var database: String

    @Option(
        help: ArgumentHelp(
            "The queries, in any format that 'build' reads; '-' is standard input (default: the stored queries).",
            valueName: "file"))
    var queries: String?

    @Option(help: ArgumentHelp("The format of '--queries' (default: recognised).", valueName: "format"))
    var inputFormat: VectorFileFormat?

    @Option(help: ArgumentHelp("Which tensor of a .safetensors file of queries.", valueName: "name"))
    var tensor: String?

    @OptionGroup var textLayout: TextLayoutOptions

    @Option(
        name: .customShort("k", allowingJoined: true),
        help: ArgumentHelp("How many hits a search returns, and recall counts (default: 10).", valueName: "count"))
    var givenK: Int?
    var k: Int { givenK ?? 10 }

    @Option(
        help: ArgumentHelp(
            "Settings: every combination of 'leaves-to-search=…' and 'reorder=…' (default: the stored ones).",
            valueName: "lists"))
    var sweep: Sweep = .defaults

    @Option(
        help: ArgumentHelp(
            "Ordinals of the true nearest, a row per query: .ivecs, .ibin or .npy (default: computed exactly).",
            valueName: "file"))
    var truth: String?

    @Option(help: ArgumentHelp("Threads that search at once.", valueName: "count"))
    var threads = 1

    @Option(
        name: .customLong("passes"),
        help: ArgumentHelp("Timed passes over the queries; the best one counts (default: 3).", valueName: "count"))
    var givenPasses: Int?
    var passes: Int { givenPasses ?? 3 }

    @Flag(help: "Hand all queries over at once (the library's searchBatch).")
    var batch = false

    @Flag(help: "Brute force instead of a sweep.")
    var exact = false

    @Option(
        help: ArgumentHelp(
            "Drop the segment's pages before each of the first so many queries, and count what is read.",
            valueName: "count"))
    var cold: Int?

    @Option(
        help: ArgumentHelp(
            "The true candidate's id for each of '--queries', one a line; without '--queries' lines of a stored query's id, a tab and the candidate's id.",
            valueName: "file"))
    var labels: String?

    @Option(
        help: ArgumentHelp(
            "Draw recall against queries per second into this SVG file, or a PNG one where a converter is installed.",
            valueName: "file"))
    var plot: String?

    @Flag(help: "Measure instead how long opening takes, and the first answer.")
    var open = false

    @Flag(help: "Print JSON (Formats/schemas/eval.schema.json).")
    var json = false

    func validate() throws {
        try check("-k", k, atLeast: 1)
        try check("--threads", threads, atLeast: 1)
        try check("--passes", passes, atLeast: 1)
        guard passes <= EvaluationOptions.passLimit else {
            throw ValidationError(
                "'--passes' is \(grouped(passes)); it can be at most \(grouped(EvaluationOptions.passLimit)).")
        }
        try check("--cold", cold, atLeast: 1)
        if exact, !sweep.isDefault { throw ValidationError("'--exact' has no settings to sweep.") }
        if cold != nil, batch || threads > 1 {
            throw ValidationError("'--cold' searches for one query at a time; leave out '--batch' and '--threads'.")
        }
        if open, cold != nil || batch || exact || truth != nil || labels != nil || plot != nil || !sweep.isDefault {
            throw ValidationError("'--open' takes no other measure; leave out the rest.")
        }
        if labels != nil, cold != nil || batch || truth != nil || plot != nil {
            throw ValidationError(
                "'--labels' counts accuracy, not recall; leave out '--truth', '--batch', '--cold' and '--plot'.")
        }
        if open, threads > 1 { throw ValidationError("'--open' measures one search at a time; leave out '--threads'.") }
        if let plot, FrontierPlot.Form(ofFile: plot) == nil {
            throw ValidationError(
                "'--plot' is '\(printable(plot))'; it draws SVG, so name a file that ends with '.svg', or one that ends with "
                    + "'.png' where a converter is installed.")
        }
        try checkQueryFileOptions(queries, truth: truth, inputFormat, tensor: tensor, textLayout)
    }

    func run() throws {
        if open { return try measureOpening() }
        let database = try openUntilExit(database)
        noteWhatHasNoEffect(database.info)
        if let labels { return try measureLabels(labels, of: database) }
        let picture = try plot.map { try FrontierPlot.Target($0) }
        let queries = try readQueries(of: database)
        let truth = try truth(of: queries, in: database)
        var rows: [EvaluationRow] = []
        let info = database.info
        let usesStored = info.index == .treeAH && !exact && sweep.isDefault
        let k = min(k, max(1, info.rows))
        if usesStored { noteMissingSetting(k: k, of: info) }
        for setting in settings(k: k, of: info) {
            if let cold {
                rows.append(try coldRow(setting, database, queries, truth, count: cold))
            } else {
                let result = try database.evaluate(
                    queries.vectors, truth: truth,
                    options: EvaluationOptions(search: setting, threads: threads, batch: batch, passes: passes))
                rows.append(EvaluationRow(shown(setting, of: database), result))
            }
        }
        if let picture { try picture.write(FrontierPlot(rows, k: k, title: self.database, info: info).svg) }
        if json { return try StandardOutput.print(JSONDocument(rows).text(.indented)) }
        let stored = usesStored ? "\n" + settingsText(info.settings, defaults: info.defaults) : ""
        try StandardOutput.print(printableLines(evaluationText(rows, k: k) + stored))
    }

    private func noteWhatHasNoEffect(_ info: DatabaseInfo) {
        if info.index == .exact, !sweep.isDefault {
            StandardError.note("note: '--sweep' has no effect: the database has no tree, every search is brute force")
        }
        if labels != nil,
            let options = quotedList((givenK == nil ? [] : ["-k"]) + (givenPasses == nil ? [] : ["--passes"]))
        {
            StandardError.note("note: without effect: \(options); '--labels' counts the top 1, 5, 10, 50 and 100, once")
        }
        if cold != nil, givenPasses != nil {
            StandardError.note("note: '--passes' has no effect: '--cold' searches once for each query")
        }
    }

    func readQueries(of database: VectorDatabase) throws -> QueryBatch {
        guard let queries else { return try storedQueries(of: database, named: self.database) }
        return try allQueries(
            queries, format: inputFormat, tensor: tensor, text: textLayout, of: database, named: self.database)
    }

    /// The searches to measure, in the order of the sweep; without knobs where the stored ones are meant.
    func settings(k: Int, of info: DatabaseInfo) -> [SearchOptions] {
        if exact { return [SearchOptions(k: k, exact: true)] }
        if info.index == .exact { return [SearchOptions(k: k)] }
        return sweep.settings.map { SearchOptions(k: k, leavesToSearch: $0.leavesToSearch, reorder: $0.reorder) }
    }

    /// A search with the knobs that it will use, so that its row says them; without any where it is brute force.
    func shown(_ setting: SearchOptions, k: Int? = nil, of database: VectorDatabase) -> SearchOptions {
        var shown = setting
        let info = database.info
        if info.index == .exact || setting.exact {
            (shown.leavesToSearch, shown.reorder) = (nil, nil)
        } else if setting.leavesToSearch == nil, setting.reorder == nil {
            let stored = database.setting(forK: k ?? setting.k)
            (shown.leavesToSearch, shown.reorder) = (stored?.leavesToSearch, stored?.reorder)
        } else {
            shown.leavesToSearch = setting.leavesToSearch ?? info.defaults?.leavesToSearch
            shown.reorder = setting.reorder ?? info.defaults?.reorder
        }
        return shown
    }

    /// Says so where searches for k hits use the setting of another k.
    func noteMissingSetting(k: Int, of info: DatabaseInfo) {
        guard let defaults = info.defaults, !info.settings.contains(where: { $0.k == k }), k != defaults.k else {
            return
        }
        let serving =
            info.settings.isEmpty
            ? "the one for k = \(grouped(defaults.k)) serves all"
            : info.settings.first { $0.k > k }.map { "the one for k = \(grouped($0.k)) serves it" }
                ?? "the one for k = \(grouped(info.settings.last?.k ?? 0)) serves it in proportion"
        StandardError.note(
            "note: no setting is stored for k = \(grouped(k)): \(serving); 'vecdb tune \(database) -k \(k)' stores one")
    }

    private func truth(of queries: QueryBatch, in database: VectorDatabase) throws -> [[UInt64]] {
        let info = database.info
        if let truth {
            let file = try TruthFile(truth, of: queries, k: min(k, info.rows), in: database)
            if let doubt = file.doubt { StandardError.note("note: \(doubt)") }
            return file.ordinals
        }
        if info.reorderStorage == .int8 || info.reorderStorage == .bf16 {
            StandardError.note(
                "truth is computed from the stored \(info.reorderStorage.rawValue) vectors, not from the originals; "
                    + "give '--truth' to count against those")
        }
        let options = SearchOptions(k: min(k, max(1, info.rows)), exact: true, includesIDs: false)
        return try database.searchBatch(queries.vectors, options: options).map { $0.map(\.ordinal) }
    }
}
