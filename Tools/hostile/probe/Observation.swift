import VecDB

/// What a database is asked: fixed once, by the undamaged one.
struct Questions {
    private static let searchCount = 2
    private static let lookupCount = 4

    var vectors: [[Float]]
    var ids: [String]
    var queryIDs: [String]
    /// Whether the ids' stored rows are asked for as well.
    var asksLookups: Bool

    /// - Throws: when the database cannot answer, which an undamaged one can.
    init(for path: String, asksLookups: Bool) throws(DatabaseError) {
        let database = try VectorDatabase.open(path)
        let info = database.info
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        vectors = (0..<Self.searchCount).map { _ in
            (0..<info.dimensions).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Float(Int64(bitPattern: state) >> 40) / 8_388_608
            }
        }
        let hits = try database.search(vectors[0], options: SearchOptions(k: Self.lookupCount))
        ids = hits.compactMap(\.id)
        queryIDs = try database.storedQueries(from: 0, limit: Self.lookupCount).map(\.id)
        self.asksLookups = asksLookups
    }
}

/// Everything that users read out of a database, for comparison.
struct Answers: Equatable {
    var searches: [[Hit]] = []
    var rows: Int
    var storedQueries: [String] = []
    var storedVectors: [[Float]] = []
    var lookups = Lookups()
    /// A score that the harness must notice.
    var plantedScore: Float?

    /// What SQLite finds through its indexes by ids: their rows, documents and stored queries, and a search without them.
    struct Lookups: Equatable {
        var ordinals: [[UInt64]] = []
        var documents: [[String]] = []
        var queryVectors: [[Float]?] = []
        var searchWithout: [Hit] = []
        var recall = 0.0
    }

    /// Opens the database as a new process would, and asks everything.
    init(of path: String, _ questions: Questions) throws(DatabaseError) {
        try self.init(from: try VectorDatabase.open(path), questions)
    }

    init(from database: VectorDatabase, _ questions: Questions) throws(DatabaseError) {
        rows = database.info.rows
        let first = questions.vectors[0]
        searches.append(try database.search(first, options: SearchOptions(includesMetadata: true)))
        searches.append(try database.search(first, options: SearchOptions(k: 3, leavesToSearch: 2, reorder: 5)))
        searches.append(try database.search(first, options: SearchOptions(exact: true)))
        searches += try database.searchBatch(
            Array(questions.vectors.joined()), options: SearchOptions(leavesToSearch: .max, reorder: .max), threads: 1)
        let stored = try database.storedQueries(from: 0, limit: 100)
        (storedQueries, storedVectors) = (stored.map(\.id), stored.map(\.vector))
        guard questions.asksLookups else { return }
        lookups.searchWithout = try database.search(first, options: SearchOptions(excludedIDs: questions.ids))
        for id in questions.ids {
            lookups.ordinals.append(try database.ordinals(id: id))
            lookups.documents.append(try database.metadata(id: id))
        }
        lookups.recall = try database.evaluate(
            questions.vectors.flatMap { $0 }, truth: questions.vectors.map { _ in searches[2].map(\.ordinal) },
            options: EvaluationOptions(passes: 1)
        ).recall
        for id in questions.queryIDs { lookups.queryVectors.append(try database.queryVector(id: id)) }
    }

    /// A score that JSON cannot hold; `nil` when there is none, as there never must be.
    var scoreThatIsNoNumber: Float? {
        plantedScore ?? (searches.joined() + lookups.searchWithout).first { $0.score.isNaN }?.score
    }

    /// Whether these are the expected answers but for ids that are not found any more.
    func lacksOnlyIDs(of expected: Answers) -> Bool {
        guard searches == expected.searches, rows == expected.rows, storedQueries == expected.storedQueries,
            storedVectors == expected.storedVectors
        else { return false }
        let (found, known) = (lookups, expected.lookups)
        return zip(found.ordinals, known.ordinals).allSatisfy { $0 == $1 || $0.isEmpty }
            && zip(found.documents, known.documents).allSatisfy { $0 == $1 || $0.isEmpty }
            && zip(found.queryVectors, known.queryVectors).allSatisfy { $0 == $1 || $0 == nil }
    }

    /// Where they are not those of the undamaged database.
    func difference(from expected: Answers) -> String {
        if rows != expected.rows { return "\(rows) rows, expected \(expected.rows)" }
        for (number, pair) in zip(searches, expected.searches).enumerated() where pair.0 != pair.1 {
            let place = zip(pair.0, pair.1).enumerated().first { $0.element.0 != $0.element.1 }
            return
                "search \(number) finds \(pair.0.count) hits, the first other one \(place.map { "\($0)" } ?? "missing")"
        }
        if storedQueries != expected.storedQueries || storedVectors != expected.storedVectors {
            return "\(storedQueries.count) stored queries, or others"
        }
        return "lookups of ids \(lookups), expected \(expected.lookups)"
    }
}

/// What a database says about itself: the lines of `verify`, or why there are none.
enum Verdict {
    case intact
    case damaged(String)
    case refused(DatabaseError)

    init(of path: String, deep: Bool) {
        do throws(DatabaseError) {
            let report = try VectorDatabase.verify(path, deep: deep)
            self = report.isIntact ? .intact : .damaged(report.damage.joined(separator: "\n"))
        } catch { self = .refused(error) }
    }

    var name: String {
        switch self {
        case .intact: "intact"
        case .damaged: "damaged"
        case .refused(let error): error.code.rawValue
        }
    }

    var text: String {
        switch self {
        case .intact: ""
        case .damaged(let lines): lines
        case .refused(let error): error.message
        }
    }
}
