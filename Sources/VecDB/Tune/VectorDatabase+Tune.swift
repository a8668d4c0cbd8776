import Catalog
import SegmentFile
import TreeAH
import VectorKernels

extension VectorDatabase {
    /// Finds the cheapest knobs that reach a recall, measures them, and makes them the database's default: a new
    /// generation with the same segment, so that readers see it at their next ``refresh()``.
    ///
    /// Settings are sought on a sample (up to 1,024 queries, fewer where brute force is slow); what is stored was counted on it,
    /// and timed in this process, one query at a time.
    ///
    /// - Parameters:
    ///   - queries: row-major, `dimensions` floats each; `nil`: the stored queries, or where there are none stored candidates,
    ///     each without itself.
    ///   - truth: for each of `queries` the ordinals of its true nearest candidates, best first; `nil`: brute force over
    ///     the stored vectors.
    /// - Throws: `invalidArgument` for an exact or empty database, or options out of range; `locked`; what opening and searching throw.
    public static func tune(
        _ path: String, queries: [Float]? = nil, truth: [[UInt64]]? = nil, options: TuneOptions = TuneOptions()
    ) throws(DatabaseError) -> Tuning {
        try DatabaseError.wrapping {
            guard options.targetRecall > 0, options.targetRecall <= 1 else {
                throw DatabaseError(
                    .invalidArgument,
                    "a target recall of \(options.targetRecall) is none; it lies above 0 and up to 1")
            }
            guard options.k >= 1 else {
                throw DatabaseError(.invalidArgument, "k is \(options.k); it must be at least 1")
            }
            let database = try VectorDatabase.open(path)
            var tuning = try database.snapshot.reading { () throws(DatabaseError) in
                try DatabaseError.wrapping {
                    try Tuner(database, options: options).run(queries: queries, truth: truth)
                }
            }
            if options.stores, tuning.isReached { tuning.generation = try database.store(tuning.best, options) }
            return tuning
        }
    }

    /// Makes a setting the default of the next generation.
    private func store(_ defaults: SearchDefaults, _ options: TuneOptions) throws -> UInt64 {
        let session = try WriterSession(
            opening: path, in: directory, purpose: "tune",
            timeoutSeconds: options.lockTimeoutSeconds, allowsNetworkFileSystem: options.allowsNetworkFileSystem,
            isCancelled: options.isCancelled)
        let measured = snapshot
        guard session.baseGeneration == measured.generation else {
            throw DatabaseError(
                .locked,
                "\(path): generation \(session.baseGeneration) was committed while \(measured.generation) was being tuned; "
                    + "tune again")
        }
        var settings = measured.catalog.settings
        settings.searchDefaults = defaults.settings
        return try session.commit { catalog, obstacle throws(CatalogError) in
            try catalog.change(settings, expecting: measured.generation, obstacle: obstacle)
        }
    }
}

/// One tuning, from probes to timed settings.
private struct Tuner {
    let database: VectorDatabase
    let segment: IndexSegment
    let tree: IndexParameters.Tree
    let options: TuneOptions
    let k: Int
    let threads: Int

    /// Settings whose cost the model puts near each other are timed.
    private static let timedSettings = 3

    init(_ database: VectorDatabase, options: TuneOptions) throws(DatabaseError) {
        let segment = database.snapshot.segment
        guard let tree = segment.parameters.tree, segment.rowCount > 0 else {
            throw DatabaseError(
                .invalidArgument, remedy: .treeIndex,
                "\(database.path): has no tree to tune: every search is brute force; build one with a tree"
            )
        }
        (self.database, self.segment, self.tree, self.options) = (database, segment, tree, options)
        k = min(options.k, segment.rowCount)
        threads = usableThreads(options.threads)
    }

    func run(queries: [Float]?, truth: [[UInt64]]?) throws -> Tuning {
        let (probes, source, isSample) = try probes(queries, truth)
        let finder = SettingFinder(
            segment: segment, probes: probes, k: k, targetRecall: options.targetRecall,
            isSample: isSample, threads: threads
        ) { if options.isCancelled() { throw DatabaseError.interrupted } }
        let found = try finder.find()
        let isReached = !found.isEmpty
        var settings = found.prefix(Self.timedSettings).map { setting in
            SearchDefaults(
                leavesToSearch: setting.leavesToSearch, reorder: setting.reorder, k: k, recall: setting.recall,
                sampleQueries: probes.count, sampleSource: source)
        }
        if settings.isEmpty {
            let most = try finder.measure(leaves: tree.leafCount, reorder: finder.reorders.last ?? k)
            settings = [
                SearchDefaults(
                    leavesToSearch: most.leavesToSearch, reorder: most.reorder, k: k, recall: most.recall,
                    sampleQueries: probes.count, sampleSource: source)
            ]
        }
        for place in settings.indices {
            settings[place].meanUs = try microseconds(
                of: SearchOptions(
                    k: k, leavesToSearch: settings[place].leavesToSearch, reorder: settings[place].reorder), probes[...]
            )
        }
        settings.sort { ($0.meanUs ?? .infinity) < ($1.meanUs ?? .infinity) }
        return Tuning(
            targetRecall: options.targetRecall, isReached: isReached, best: settings[0],
            others: Array(settings.dropFirst()),
            exactMeanUs: try microseconds(of: SearchOptions(k: k, exact: true), probes.prefix(8)),
            advice: isReached ? nil : try advice(probes))
    }

    /// The queries to measure with and their answers, where they are from, and whether they stand for more.
    private func probes(
        _ queries: [Float]?, _ truth: [[UInt64]]?
    ) throws -> (probes: [Probe], source: String, isSample: Bool) {
        let wanted = segment.affordableProbeCount(seconds: 4)
        if let queries {
            let count = try checkedCount(queries, truth)
            let chosen = evenlySpaced(truth == nil ? wanted : 4096, of: count)
            let vectors = chosen.map { Array(queries[$0 * segment.dimensions..<($0 + 1) * segment.dimensions]) }
            for vector in vectors { _ = try database.snapshot.prepared(vector) }
            var probes = segment.probes(of: vectors)
            if let truth {
                for (place, query) in chosen.enumerated() { probes[place].truth = offsets(truth[query].prefix(k)) }
            } else {
                probes = try segment.withTruth(probes, k: k, threads: threads)
            }
            return (probes, "given", chosen.count < count)
        }
        if let vectors = try storedQueries(wanted) {
            let probes = try segment.withTruth(segment.probes(of: vectors), k: k, threads: threads)
            return (probes, "queries", vectors.count < database.info.queries)
        }
        let rows = evenlySpaced(wanted, of: segment.rowCount)
        let candidates = try rows.map { row in
            Probe(query: try segment.vectors(ofRows: row..<row + 1), excluded: ExcludedRows([UInt32(row)]))
        }
        return (try segment.withTruth(candidates, k: k, threads: threads), "candidates", rows.count < segment.rowCount)
    }

    private func checkedCount(_ queries: [Float], _ truth: [[UInt64]]?) throws -> Int {
        let count = queries.count / segment.dimensions
        guard count > 0, queries.count % segment.dimensions == 0 else {
            throw DatabaseError(
                .invalidArgument, "\(queries.count) floats are no queries of \(segment.dimensions) dimensions")
        }
        if let truth, truth.count != count {
            throw DatabaseError(.invalidArgument, "\(truth.count) rows of truth do not belong to \(count) queries")
        }
        if let truth { try database.checkTruth(truth, named: "truth") }
        return count
    }

    private func offsets(_ ordinals: ArraySlice<UInt64>) -> Set<UInt32> {
        let first = segment.reader.header.firstOrdinal
        return Set(ordinals.map { UInt32(exactly: $0 &- first) ?? .max })
    }

    private func storedQueries(_ wanted: Int) throws -> [[Float]]? {
        let count = database.info.queries
        guard count > 0 else { return nil }
        return try evenlySpaced(wanted, of: count).flatMap { position in
            try database.storedQueries(from: position, limit: 1).map(\.vector)
        }
    }

    private func microseconds(of search: SearchOptions, _ probes: ArraySlice<Probe>) throws -> Double {
        try database.evaluate(
            probes.flatMap(\.query), truth: probes.map { _ in [] }, options: EvaluationOptions(search: search)
        ).meanMicroseconds
    }

    /// What stands in the way, with build options as 'name = value': stored vectors that are not the originals, or codes that say too little.
    private func advice(_ probes: [Probe]) throws -> String {
        let exact = try SettingFinder(
            segment: segment, probes: probes, k: k, targetRecall: options.targetRecall, isSample: false,
            threads: threads,
            checkCancellation: {}
        ).measure(leaves: tree.leafCount, reorder: segment.rowCount)
        if exact.recall < options.targetRecall {
            return "even brute force over the stored \(segment.element.storage.rawValue) vectors has \(exact.recall); "
                + "rebuild with 'reorderStorage = f32'"
        }
        let pca = tree.projectionOrigin == .principalAxes
        let finer = [
            tree.shape.dimensionsPerBlock > 1 ? "'dimensionsPerBlock = \(tree.shape.dimensionsPerBlock / 2)'" : nil,
            pca ? "'projection = random'" : nil,
        ].compactMap(\.self)
        let remedy = finer.isEmpty ? "'index = exact'" : finer.joined(separator: " or ")
        return "estimates from these codes tell too little; search exactly, or rebuild with \(remedy)"
    }
}
