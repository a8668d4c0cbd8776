import ArgumentParser
import EmbeddingInput
import VecDB
import VecDBJSON

struct QueryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Find the nearest candidates of one or many queries.",
        usage: """
            vecdb query <database> --vector '[0.12, -1.5, …]' [<options>]
            vecdb query <database> --queries <file> [<options>]
            vecdb query <database> --query-id <id> ... [<options>]
            vecdb query --from <directory> --queries <file> [<options>]
            """,
        discussion: """
            Formats: 'table' for people; 'ndjson', a line per query (Formats/schemas/query.schema.json); 'tsv', a line \
            per hit without a header: query, rank, score, id and, with --with-metadata, the JSON document, where query \
            is the query's number or, when it has one, its id. In tsv a tab is written as \\t, a newline as \\n, a \
            carriage return as \\r, a backslash as \\\\ and any other control character as \\u{1b}. Scores are the shortest decimals that read back to the \
            same float; one beyond a float's range prints as its largest value.

            Under dot and cosine larger scores are nearer; under l2 the score is the squared distance. Fewer hits \
            than k come back only when there are no more.

            With '--from' a trainer's export is searched without building anything: brute force, a pass over its \
            vectors for every thousand queries, and hits as of an exact search in a database built from it.

            A file of '--exclude-file' is of the second form when its first line is a JSON object with exactly the \
            keys "query" and "ids"; otherwise every line is an id, whatever it begins with. Ids that no candidate has \
            are noted on standard error.
            """)

    @Argument(help: "The database directory; name it before '--query-id', which takes all words up to the next option.")
    var database: String?

    @Option(help: ArgumentHelp("Search a trainer's export directory instead of a database.", valueName: "directory"))
    var from: String?

    @Option(
        help: ArgumentHelp(
            "With '--from': candidates with the same id, as in 'build' (default: the manifest's policy, or error).",
            valueName: "policy"))
    var duplicateIds: DuplicateIDPolicy?

    @OptionGroup(title: "Queries") var queries: QueryInputOptions
    @OptionGroup(title: "Search") var search: SearchArguments

    @Option(help: "How hits are printed.")
    var format: HitFormat = .table

    @Flag(help: "Add the hits' metadata: columns in a table, the document itself elsewhere.")
    var withMetadata = false

    @Flag(
        help: """
            Say what each search did and how long it took: an \"explain\" object in ndjson, text on standard error \
            otherwise.
            """)
    var explain = false

    func validate() throws {
        guard (database == nil) != (from == nil) else {
            throw ValidationError("Give a database or '--from <directory>'\(database == nil ? "" : ", not both").")
        }
        if from != nil, explain {
            throw ValidationError("'--explain' tells of a database's index; '--from' searches without one.")
        }
        if from != nil, let options = quotedList(search.treeKnobsGiven) {
            throw ValidationError("'--from' compares with every vector; leave out \(options).")
        }
        if from == nil, duplicateIds != nil {
            throw ValidationError("'--duplicate-ids' belongs to '--from'; a database has the policy of its build.")
        }
        if queries.queries == "-", search.excludeFile == "-" {
            throw ValidationError("Standard input cannot be both '--queries' and '--exclude-file'.")
        }
    }

    func run() throws {
        let searched = try searched()
        // Documents are looked up while hits are written.
        var options = search.options(rows: searched.rows)
        let exclusions = try Exclusions(ids: search.exclude, file: search.excludeFile)
        options.excludedIDs = exclusions.everyQuery
        try exclusions.noteUnknown(in: searched)
        noteWhatHasNoEffect(searched, options)

        let source = try QuerySource(queries, of: searched, named: database ?? from ?? "")
        var output = HitOutput(format)
        let batchLimit = batchLimit(k: options.k, dimensions: searched.dimensions)
        var queryCount = 0
        while let batch = try source.next(maxCount: batchLimit) {
            if batch.firstIndex == 0 { output.namesQueries = batch.count > 1 }
            if explain, case .database(let database) = searched {
                try answerOneByOne(batch, database, options, exclusions, &output)
            } else {
                let answers = try searched.searchBatch(
                    batch.vectors, options: options, excludedIDs: exclusions.inBatch(batch), threads: search.threads)
                if withMetadata { output.documents = searched.documents(of: answers) }
                for (position, hits) in answers.enumerated() {
                    let query = batch.firstIndex + position
                    try output.write(Answer(query: query, queryID: batch.id(position), hits: hits))
                }
            }
            queryCount = batch.firstIndex + batch.count
        }
        try output.finish()
        exclusions.noteUnused(queryCount: queryCount)
    }

    private func searched() throws -> Searched {
        if let from { return .export(try StreamingSearch(.export(directory: from), duplicateIDs: duplicateIds)) }
        return .database(try openUntilExit(database ?? ""))
    }

    private func noteWhatHasNoEffect(_ searched: Searched, _ options: SearchOptions) {
        // What '--explain' says of every search.
        if !explain, searched.isExact(options), let knobs = quotedList(search.treeKnobsGiven) {
            StandardError.note("note: without effect: \(knobs); this search is exact")
        }
        if withMetadata, !searched.hasMetadata {
            StandardError.note("note: '--with-metadata' has no effect: there is no metadata")
        }
    }

    private func answerOneByOne(
        _ batch: QueryBatch, _ database: VectorDatabase, _ options: SearchOptions, _ exclusions: Exclusions,
        _ output: inout HitOutput
    ) throws {
        let answers = try database.explainBatch(
            batch.vectors, options: options, excludedIDs: exclusions.inBatch(batch))
        if withMetadata { output.documents = Searched.database(database).documents(of: answers.map(\.hits)) }
        for (position, (hits, statistics)) in answers.enumerated() {
            let query = batch.firstIndex + position
            let explanation = Explanation(
                statistics, ignored: statistics.exact ? search.ignoredByExactSearch : [])
            try output.write(
                Answer(query: query, queryID: batch.id(position), hits: hits, explanation: explanation))
        }
    }

    /// Queries to hold at a time, so that neither their vectors (16 MiB) nor their hits grow without bound. At least
    /// two, so that the first batch tells whether there are several.
    private func batchLimit(k: Int, dimensions: Int) -> Int {
        max(2, min(1024, (1 << 22) / max(1, dimensions), (1 << 18) / k))
    }
}

/// What to search for.
struct QueryInputOptions: ParsableArguments {
    @Option(help: ArgumentHelp("One query as a JSON array of numbers.", valueName: "array"))
    var vector: String?

    @Option(
        help: ArgumentHelp(
            "A file of queries, in any format that 'build' reads; '-' is standard input.", valueName: "file"))
    var queries: String?

    @Option(
        name: .customLong("query-id"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Stored queries by id; write an id that starts with a dash as '--query-id=-5'.", valueName: "id"))
    var queryIDs: [String] = []

    @Option(help: ArgumentHelp("The format of '--queries' (default: recognised).", valueName: "format"))
    var inputFormat: VectorFileFormat?

    @Option(help: ArgumentHelp("Which tensor of a .safetensors file of queries.", valueName: "name"))
    var tensor: String?

    @OptionGroup var textLayout: TextLayoutOptions

    func validate() throws {
        let given = [vector != nil, queries != nil, !queryIDs.isEmpty].count(where: \.self)
        guard given == 1 else {
            throw ValidationError(
                "Give exactly one of '--vector', '--queries' and '--query-id'; \(given == 0 ? "none" : "\(given)") given."
            )
        }
        try checkQueryFileOptions(queries, truth: nil, inputFormat, tensor: tensor, textLayout)
        if let vector { _ = try parsedVector(vector) }
    }
}

/// How to search.
struct SearchArguments: ParsableArguments {
    @Option(
        name: .customShort("k", allowingJoined: true), help: ArgumentHelp("How many hits at most.", valueName: "count"))
    var k = 10

    @Option(help: ArgumentHelp("Partitions to scan (default: the database's stored value).", valueName: "count"))
    var leavesToSearch: Int?

    @Option(
        help: ArgumentHelp(
            "Candidates that get exact scores (default: the database's stored value).", valueName: "count"))
    var reorder: Int?

    @Flag(help: "Compare with every stored vector.")
    var exact = false

    @Option(help: ArgumentHelp("Threads for several queries (default: one for each core).", valueName: "count"))
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "An id that must not be returned. Repeat the option for more; write '--exclude=-5' for ids with a dash.",
            valueName: "id"))
    var exclude: [String] = []

    @Option(
        help: ArgumentHelp(
            "Ids that must not be returned: one a line, or lines of {\"query\":0,\"ids\":[…]} for single queries; the first line tells which.",
            valueName: "file"))
    var excludeFile: String?

    func validate() throws {
        try check("-k", k, atLeast: 1)
        try check("--leaves-to-search", leavesToSearch, atLeast: 1)
        try check("--reorder", reorder, atLeast: 0)
        try check("--threads", threads, atLeast: 1)
    }

    func options(rows: Int) -> SearchOptions {
        SearchOptions(
            k: min(k, max(1, rows)), leavesToSearch: leavesToSearch, reorder: reorder, exact: exact)
    }

    /// The options that exact search does not look at, as far as they were given.
    var treeKnobsGiven: [String] {
        (leavesToSearch == nil ? [] : ["--leaves-to-search"]) + (reorder == nil ? [] : ["--reorder"])
    }

    /// The same, as an explanation names them.
    var ignoredByExactSearch: [String] {
        (leavesToSearch == nil ? [] : ["leaves_to_search"]) + (reorder == nil ? [] : ["reorder"])
    }
}
