import VecDB
import VecDBJSON

// Measurements of a database that is not in memory yet.

extension EvalCommand {
    /// Searches for the first `count` queries, each on a file that has no page in memory.
    func coldRow(
        _ setting: SearchOptions, _ database: VectorDatabase, _ queries: QueryBatch, _ truth: [[UInt64]], count: Int
    ) throws -> EvaluationRow {
        let clock = ContinuousClock()
        let count = min(count, queries.count)
        var (times, recall) = ([Double](), 0.0)
        var (readBytes, majorFaults) = (0.0, 0.0)
        for index in 0..<count {
            database.dropPages()
            let before = ProcessCounters.now
            let began = clock.now
            let hits = try database.search(queries.vector(index), options: setting)
            times.append((clock.now - began) / .microseconds(1))
            let after = ProcessCounters.now
            readBytes += Double(after.readBytes - before.readBytes)
            majorFaults += Double(after.majorFaults - before.majorFaults)
            recall += try database.recall(
                of: hits, query: queries.vector(index), truth: Array(truth[index].prefix(setting.k)))
        }
        let mean = times.reduce(0, +) / Double(count)
        times.sort()
        var row = EvaluationRow(
            shown(setting, of: database), recall: recall / Double(count), meanUs: mean,
            p50Us: times[(count - 1) / 2], p99Us: times[(count * 99 + 99) / 100 - 1], qps: 1e6 / mean)
        row.readBytes = readBytes / Double(count)
        row.majorFaults = majorFaults / Double(count)
        return row
    }

    /// Opens the database several times and searches once each time; the quickest counts.
    func measureOpening() throws {
        let clock = ContinuousClock()
        let resident = ProcessCounters.residentBytes
        let fewest = 5
        if let givenPasses, givenPasses < fewest {
            StandardError.note("note: '--passes' has no effect below \(fewest): '--open' opens at least so many times")
        }
        var best: OpeningReport?
        for _ in 0..<max(passes, fewest) {
            let began = clock.now
            let database = try VectorDatabase.open(database)
            let opened = clock.now
            let source = try readQueries(of: database)
            let query = source.vector(0)
            let asked = clock.now
            _ = try database.search(query, options: SearchOptions(k: min(k, max(1, database.info.rows))))
            let answered = clock.now
            let report = OpeningReport(
                openUs: (opened - began) / .microseconds(1), firstAnswerUs: (answered - asked) / .microseconds(1),
                residentBeforeBytes: resident,
                residentAfterBytes: best?.residentAfterBytes ?? ProcessCounters.residentBytes)
            if report.openUs + report.firstAnswerUs < (best.map { $0.openUs + $0.firstAnswerUs } ?? .infinity) {
                best = report
            }
        }
        guard let best else { return }
        if json { return try StandardOutput.print(JSONDocument(best).text(.indented)) }
        let grown = best.residentAfterBytes - best.residentBeforeBytes
        try StandardOutput.print(
            "opened in \(fixed(best.openUs, 0)) µs · first answer \(fixed(best.firstAnswerUs, 0)) µs later · "
                + "\(byteSize(max(0, grown))) more resident memory")
    }
}
