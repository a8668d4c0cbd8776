import VecDB
import VecDBJSON

/// What 'query' searches: a database, or the files of an export without one.
enum Searched {
    case database(VectorDatabase)
    case export(StreamingSearch)

    var dimensions: Int {
        switch self {
        case .database(let database): database.info.dimensions
        case .export(let search): search.dimensions
        }
    }

    var metric: Metric {
        switch self {
        case .database(let database): database.info.metric
        case .export(let search): search.metric
        }
    }

    var rows: Int {
        switch self {
        case .database(let database): database.info.rows
        case .export(let search): search.rows
        }
    }

    /// Queries that go by an id.
    var queries: Int {
        switch self {
        case .database(let database): database.info.queries
        case .export(let search): search.queries
        }
    }

    /// What looks up the metadata documents of some answers' hits, which it is asked for in their order.
    func documents(of answers: [[Hit]]) -> Answer.Documents {
        switch self {
        case .database(let database): return { try database.metadata(ordinals: $0.map(\.ordinal)) }
        case .export(let search):
            var documents = search.documents(of: answers.joined().map(\.ordinal))
            return { try documents.next($0.count) }
        }
    }

    func queryVector(id: String) throws -> [Float]? {
        switch self {
        case .database(let database): try database.queryVector(id: id)
        case .export(let search): try search.queryVector(id: id)
        }
    }

    var hasMetadata: Bool {
        switch self {
        case .database(let database): database.info.hasMetadata
        case .export(let search): search.hasMetadata
        }
    }

    /// Whether a search with these options compares with every vector.
    func isExact(_ options: SearchOptions) -> Bool {
        switch self {
        case .database(let database): options.exact || database.info.index == .exact
        case .export: true
        }
    }

    func unknownIDs(among ids: [String], comparing limit: Int) throws -> [UnknownID] {
        switch self {
        case .database(let database): try database.unknownIDs(among: ids, comparing: limit)
        case .export(let search): try search.unknownIDs(among: ids, comparing: limit)
        }
    }

    func nearestQueryID(to id: String) throws -> String? {
        switch self {
        case .database(let database): try database.nearestQueryID(to: id)
        case .export(let search): try search.nearestQueryID(to: id)
        }
    }

    func searchBatch(
        _ queries: [Float], options: SearchOptions, excludedIDs: [Int: [String]], threads: Int?
    ) throws -> [[Hit]] {
        switch self {
        case .database(let database):
            try database.searchBatch(queries, options: options, excludedIDs: excludedIDs, threads: threads)
        case .export(let search):
            try search.search(queries, options: options, excludedIDs: excludedIDs, threads: threads)
        }
    }
}
