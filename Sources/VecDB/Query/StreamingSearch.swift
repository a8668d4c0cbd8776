import EmbeddingInput
import Foundation
import TreeAH
import VectorKernels

/// Brute force over embeddings in files, without building a database: every search streams all of them.
///
/// Hits are bit for bit those of an exact search in a database built from the same input. Memory holds a batch of rows
/// (4 MiB), the queries and their candidates, and while ids are compared sixteen bytes a row; nothing is written but what
/// a pipe needs to be read twice.
public final class StreamingSearch {
    public let metric: Metric
    public let dimensions: Int
    /// Rows that are searched, which a first pass counts and checks: all, or under `keep-last` the last of each id.
    public var rows: Int { inputRows - dropped.count }
    /// Whether candidates come with metadata documents.
    public var hasMetadata: Bool { input.source.hasDocuments }
    /// Query-side embeddings that come with the input.
    public private(set) var queries = 0

    private let input: ResolvedInput
    private let storage: RowStorage
    private let inputRows: Int
    /// What `keep-last` leaves out.
    private let dropped: [UInt32]

    /// Opens the input, and reads it once; ids twice where some repeat.
    ///
    /// - Parameters:
    ///   - metric: `nil`: the manifest's, or dot.
    ///   - duplicateIDs: `nil`: the manifest's policy, or `.error`.
    /// - Throws: what a build throws for the input, repeated ids included.
    public init(
        _ input: BuildInput, metric: Metric? = nil, duplicateIDs: DuplicateIDPolicy? = nil
    ) throws(DatabaseError) {
        (self.input, storage, inputRows, dropped) = try DatabaseError.wrapping {
            var options = BuildOptions()
            (options.metric, options.index, options.duplicateIDs) = (metric, .exact, duplicateIDs)
            let resolved = try ResolvedInput(input, options: options, isCancelled: { false })
            let source = resolved.source
            let plan = try BuildPlan(
                options, metric: resolved.metric, dimensions: source.dimensions, rowCount: 0, element: source.element)
            var rows = 0
            try source.forEachBatch(
                validating: VectorValidation(
                    dimensions: source.dimensions, refusesZeroVectors: resolved.metric == .cosine)
            ) { batch, _ in rows += batch.count / source.dimensions }
            if let expected = resolved.expectedCount, expected != rows {
                throw DatabaseError(
                    .invalidInput, "the manifest counts \(expected) candidates, \(rows) vectors were found"
                ).with(expected: "\(expected)", found: "\(rows)")
            }
            guard rows < 1 << 32 - 1 else {
                throw DatabaseError(.invalidInput, "\(rows) rows are more than a search numbers (2^32 − 2)")
                    .with(found: "\(rows)", limit: 1 << 32 - 2)
            }
            try source.countIDs(rows: rows, isCancelled: { false })
            try source.checkMetadata(rows: rows, isCancelled: { false })
            return (
                resolved, RowStorage(element: plan.element, dimensions: plan.dimensions), rows,
                try Self.dropped(resolved, rows: rows)
            )
        }
        self.metric = self.input.metric
        dimensions = storage.dimensions
        queries = self.input.queries?.vectors.count ?? 0
    }

    /// The rows that the policy for duplicates leaves out.
    private static func dropped(_ input: ResolvedInput, rows: Int) throws -> [UInt32] {
        guard input.source.hasIDs, input.duplicateIDs != .allow else { return [] }
        let repeated = try RepeatedIDs { try forEachID(of: input, rows: rows, $0) }
        if input.duplicateIDs == .keepLast { return repeated.allButLast }
        if let refusal = repeated.refusal(rowCount: rows) { throw refusal }
        return []
    }

    /// Those of `ids` that no candidate has, in their order, each once.
    ///
    /// - Parameter limit: for so many of them a similar id is looked for.
    /// - Complexity: a pass over the ids, and another one when some are unknown.
    public func unknownIDs(among ids: [String], comparing limit: Int = 3) throws(DatabaseError) -> [UnknownID] {
        try DatabaseError.wrapping {
            let wanted = distinct(ids)
            guard !wanted.isEmpty else { return [] }
            var missing = Set(wanted.map { Array($0.utf8) })
            try forEachID { id, _ in missing.remove(Array(id.utf8)) }
            return try withNearest(wanted.filter { missing.contains(Array($0.utf8)) }, comparing: limit) { offer in
                try forEachID { id, _ in offer(id) }
            }
        }
    }

    /// The id of a query of the input that is like `id`; `nil` when none is.
    public func nearestQueryID(to id: String) throws(DatabaseError) -> String? {
        try DatabaseError.wrapping {
            var similar = SimilarID(to: id)
            try input.queries?.ids?.rewind()
            while let found = try input.queries?.ids?.next() { similar.offer(found) }
            return similar.id
        }
    }

    /// The embedding of a query that comes with the input; the first when several have the id.
    public func queryVector(id: String) throws(DatabaseError) -> [Float]? {
        try DatabaseError.wrapping {
            guard let queries = input.queries else { return nil }
            try queries.vectors.rewind()
            try queries.ids?.rewind()
            var row = [Float](repeating: 0, count: dimensions)
            var position = 0
            while try queries.vectors.read(into: &row, maxRows: 1) == 1 {
                let found = try queries.ids?.next() ?? queries.vectors.lastIDs?.first ?? String(position)
                if found.utf8.elementsEqual(id.utf8) {
                    // Not the end of the files, where readers look by themselves whether these have changed.
                    try queries.vectors.rewind()
                    try queries.ids?.rewind()
                    return row
                }
                position += 1
            }
            return nil
        }
    }

    /// The best `options.k` candidates of every query, best first; one pass over the vectors for all of them.
    ///
    /// With `options.includesMetadata` the documents of all hits are in memory; ``documents(of:)`` has some at a time.
    ///
    /// - Parameters:
    ///   - queries: row-major, `dimensions` finite floats each; read where they lie, and copied for cosine, which
    ///     normalises them.
    ///   - excludedIDs: more exclusions for single queries, by their index.
    ///   - threads: how many share the queries; `nil`: one for each core.
    /// - Throws: what ``VectorDatabase/search(_:options:)`` throws; what reading throws.
    /// - Complexity: O(rows · queries · dimensions).
    public func search(
        _ queries: Span<Float>, options: SearchOptions = SearchOptions(), excludedIDs: [Int: [String]] = [:],
        threads: Int? = nil
    ) throws(DatabaseError) -> [[Hit]] {
        try DatabaseError.wrapping {
            guard options.k >= 1 else {
                throw DatabaseError(.invalidArgument, "k is \(options.k); at least one hit must be asked for")
            }
            let count = try wholeCount(queries, dimensions: dimensions)
            guard count > 0 else { return [] }
            let limits = SearchLimits(options)
            try limits.check()
            let numbers = ArraySlice(0..<count)
            var candidates = try withPrepared(queries, numbers: numbers, metric: metric, dimensions: dimensions) {
                queries throws(DatabaseError) in
                try DatabaseError.wrapping {
                    let filters = try self.filters(options.excludedIDs, excludedIDs, count: count, limits: limits)
                    return try scan(
                        queries, k: min(options.k, max(1, rows)), filters: filters,
                        threads: min(count, usableThreads(threads)), limits: limits)
                }
            }
            for query in candidates.indices {
                candidates[query].select(kernels: .best)
                candidates[query].sortByRank()
            }
            return try hits(candidates, options, limits)
        }
    }

    /// The same for queries in an array, which is not copied.
    public func search(
        _ queries: [Float], options: SearchOptions = SearchOptions(), excludedIDs: [Int: [String]] = [:],
        threads: Int? = nil
    ) throws(DatabaseError) -> [[Hit]] {
        try search(queries.span, options: options, excludedIDs: excludedIDs, threads: threads)
    }

    // MARK: the scan

    private func scan(
        _ queries: Span<Float>, k: Int, filters: [RowFilter], threads: Int, limits: SearchLimits
    ) throws -> [TopCandidates] {
        let (stride, dimensions) = (storage.stride, dimensions)
        let groupSize = (filters.count + threads - 1) / threads
        let groups = Swift.stride(from: 0, to: filters.count, by: groupSize).map {
            $0..<min(filters.count, $0 + groupSize)
        }
        var scans = groups.map { group in
            ExactScan(
                queryCount: group.count, form: metric.form, element: storage.element, dimensions: dimensions,
                keeping: k)
        }
        try input.source.forEachBatch { batch, first in
            if metric == .cosine { normaliseRows(&batch, dimensions: dimensions) }
            let (bytes, rowCount) = (storage.encode(batch.span), batch.count / dimensions)
            let given = scans
            scans = try concurrentMap(count: given.count, threads: threads) { group throws(DatabaseError) in
                var scan = given[group]
                let members = groups[group]
                let queries = queries.extracting(members.lowerBound * dimensions..<members.upperBound * dimensions)
                for start in Swift.stride(from: 0, to: rowCount, by: ExactScan.chunkRowCount) {
                    try limits.check()
                    let end = min(rowCount, start + ExactScan.chunkRowCount)
                    // Proof: the view is used inside the call that lends the bytes.
                    unsafe bytes.withUnsafeBytes { bytes in
                        scan.add(
                            queries, unsafe RawSpan(_unsafeBytes: bytes).extracting(start * stride..<end * stride),
                            rows: Int(first) + start..<Int(first) + end, filters: Array(filters[members]))
                    }
                }
                return scan
            }
        }
        if let row = scans.lazy.compactMap(\.rowWithoutScore).first {
            throw DatabaseError(.invalidInput, "row \(row) holds other values than when it was checked; try again")
                .with(row: row)
        }
        return scans.flatMap(\.candidates)
    }

    // MARK: ids and metadata

    /// Which rows each query may be answered.
    private func filters(
        _ shared: [String], _ perQuery: [Int: [String]], count: Int, limits: SearchLimits
    ) throws -> [RowFilter] {
        let wanted = Set((shared + perQuery.values.joined()).map { ByteString($0) })
        guard !wanted.isEmpty else { return [RowFilter](repeating: RowFilter(excluding: dropped), count: count) }
        var rowsOfID: [ByteString: [UInt32]] = [:]
        try forEachID { id, row in
            if row.isMultiple(of: 4096) { try limits.check() }
            let id = ByteString(id)
            if wanted.contains(id) { rowsOfID[id, default: []].append(UInt32(row)) }
        }
        func rows(_ ids: [String]) -> [UInt32] { ids.flatMap { rowsOfID[ByteString($0)] ?? [] } }
        let everywhere = RowFilter(excluding: dropped + rows(shared))
        return (0..<count).map { query in
            perQuery[query].map { everywhere.intersection(RowFilter(excluding: rows($0))) } ?? everywhere
        }
    }

    private func forEachID(_ body: (String, Int) throws -> Void) throws {
        try Self.forEachID(of: input, rows: inputRows, body)
    }

    private static func forEachID(
        of input: ResolvedInput, rows: Int, _ body: (String, Int) throws -> Void
    ) throws {
        guard input.source.hasIDs else {
            for row in 0..<rows { try body(String(row), row) }
            return
        }
        try input.source.forEachIDBatch { ids, first in
            for (place, id) in ids.enumerated() { try body(id, Int(first) + place) }
        }
    }

    private func hits(
        _ candidates: [TopCandidates], _ options: SearchOptions, _ limits: SearchLimits
    ) throws -> [[Hit]] {
        try limits.check()
        let kept = candidates.map { Array($0.numbers.prefix(min(options.k, $0.count))) }
        let wanted = Set(kept.joined())
        var ids: [UInt32: String] = [:]
        if options.includesIDs, input.source.hasIDs {
            try forEachID { id, row in
                if row.isMultiple(of: 4096) { try limits.check() }
                if wanted.contains(UInt32(row)) { ids[UInt32(row)] = id }
            }
        }
        var documents: [UInt64: String] = [:]
        if options.includesMetadata {
            try forEachDocument(of: Set(wanted.map { UInt64($0) })) {
                documents[$0] = String(decoding: $1, as: UTF8.self)
            }
        }
        return candidates.indices.map { query in
            kept[query].enumerated().map { place, row in
                Hit(
                    ordinal: UInt64(row), score: metric.shown(candidates[query].scores[place]),
                    id: options.includesIDs ? ids[row] ?? String(row) : nil, metadata: documents[UInt64(row)])
            }
        }
    }

    /// Calls `body` with each of these candidates that has a metadata document, in their order in the input, and the document.
    func forEachDocument(of ordinals: Set<UInt64>, _ body: (UInt64, [UInt8]) -> Void) throws(DatabaseError) {
        try DatabaseError.wrapping {
            try input.source.forEachMetadataBatch { rows, first in
                for (place, row) in rows.enumerated() where ordinals.contains(first + UInt64(place)) {
                    body(first + UInt64(place), row.document)
                }
            }
        }
    }
}
