import EmbeddingInput
import VecDB

/// The ids of `--exclude` and `--exclude-file`.
struct Exclusions {
    /// Excluded for every query.
    private(set) var everyQuery: [String]
    /// Excluded for one query, by its number.
    private(set) var perQuery: [Int: [String]] = [:]
    private let file: String?

    /// - Parameter file: see `IDLists`. Pipes are welcome: it is read once.
    init(ids: [String], file: String?) throws {
        everyQuery = ids
        self.file = file
        guard let file else { return }
        let lists = try IDLists(file)
        everyQuery += lists.everyQuery
        perQuery = lists.perQuery
    }

    /// The entries of one batch, by position in it.
    func inBatch(_ batch: QueryBatch) -> [Int: [String]] {
        guard !perQuery.isEmpty else { return [:] }
        var entries: [Int: [String]] = [:]
        for position in 0..<batch.count {
            if let ids = perQuery[batch.firstIndex + position] { entries[position] = ids }
        }
        return entries
    }

    /// Says so when the file names queries that there were not: it may belong to another file of queries.
    func noteUnused(queryCount: Int) {
        guard let file, let largest = perQuery.keys.filter({ $0 >= queryCount }).max() else { return }
        StandardError.note(
            "note: \(file) excludes ids for query \(grouped(largest)), but there were only "
                + "\(counted(queryCount, "query", "queries")); they are numbered from 0")
    }

    /// Says so, once, when candidates are excluded that there are not: the ids may be misspelt.
    func noteUnknown(in searched: Searched) throws {
        // In the order of queries, so that the same ids are shown each time. An empty line excludes nothing by intent.
        let named = (everyQuery + perQuery.keys.sorted().flatMap { perQuery[$0] ?? [] }).filter { !$0.isEmpty }
        guard !named.isEmpty else { return }
        let unknown = try searched.unknownIDs(among: named, comparing: Self.shownCount)
        guard !unknown.isEmpty else { return }
        let shown = unknown.prefix(Self.shownCount).map { unknown in
            "'\(printable(unknown.id))'" + (unknown.nearest.map { " (the nearest is '\(printable($0))')" } ?? "")
        }
        StandardError.note(
            "note: no candidate has \(unknown.count == 1 ? "the id" : "\(grouped(unknown.count)) of the ids") to exclude: "
                + shown.joined(separator: ", ") + (unknown.count > shown.count ? ", …" : ""))
    }

    private static let shownCount = 3
}
