import Catalog
import SegmentFile
import TreeAH
import VectorKernels

extension VectorDatabase {
    /// Finds the cheapest knobs that reach a recall, measures them, and makes them the database's default: a new
    /// generation with the same segment, so that readers see it at their next ``refresh()``.
    ///
    /// Settings are sought on a sample (up to 1,024 queries, fewer where brute force is slow); what is stored was counted on it,
    /// and timed in this process, one query at a time. For `options.otherCounts` settings are chosen on the same sample, without timing
    /// them.
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
            try checkMeasuredCounts([options.k] + options.otherCounts)
            let database = try VectorDatabase.open(path)
            var tuning = try database.snapshot.reading { () throws(DatabaseError) in
                try DatabaseError.wrapping {
                    try Tuner(database, options: options).run(queries: queries, truth: truth)
                }
            }
            if options.stores, !tuning.settings.isEmpty {
                tuning.generation = try database.store(tuning.settings, options)
            }
            return tuning
        }
    }

    /// Makes settings those of the next generation, beside the ones that other k have.
    private func store(_ tuned: [SearchDefaults], _ options: TuneOptions) throws -> UInt64 {
        let session = try WriterSession(
            opening: path, in: directory, purpose: "tune",
            timeoutSeconds: options.lockTimeoutSeconds, allowsNetworkFileSystem: options.allowsNetworkFileSystem,
            isCancelled: { options.cancellation?.isCancelled ?? false })
        let measured = snapshot
        let segment = measured.segments.mapped[0].reader.header.segmentUUID
        let current = try session.catalog.contents()
        // Another database that took the place of this one may well be at the same generation.
        guard current.databaseUUID == measured.catalog.databaseUUID else {
            throw DatabaseError(
                .locked, file: path, "another database took the place of the one that was being tuned; tune again")
        }
        guard current.generation == measured.generation, current.segments.map(\.uuid) == [segment] else {
            throw DatabaseError(
                .locked, file: path,
                "generation \(current.generation) was committed while \(measured.generation) was being tuned; tune again"
            ).with(expected: "\(measured.generation)", found: "\(current.generation)")
        }
        var settings = current.settings
        let stored = measured.settings
        let others = stored.byK.isEmpty ? [stored.defaults].compactMap(\.self) : stored.byK
        let all = others.filter { other in !tuned.contains { $0.k == other.k } } + tuned
        try checkMeasuredCounts(all.map(\.k))
        settings.store(all.sorted { $0.k < $1.k }, of: segment)
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
    /// All k that are measured, ascending.
    let counts: [Int]
    let threads: Int

    /// Settings whose cost the model puts near each other are timed.
    private static let timedSettings = 3

    init(_ database: VectorDatabase, options: TuneOptions) throws(DatabaseError) {
        let segment = database.snapshot.segments.mapped[0]
        guard let tree = segment.parameters.tree, segment.rowCount > 0 else {
            throw DatabaseError(
                .invalidArgument, file: database.path, remedy: .treeIndex,
                "has no tree to tune: every search is brute force; build one with a tree")
        }
        (self.database, self.segment, self.tree, self.options) = (database, segment, tree, options)
        // Ten hits are what defaults are for, also where there are fewer rows.
        k = options.k == 10 ? 10 : min(options.k, segment.rowCount)
        counts = Set([k] + options.otherCounts.filter { 1...segment.rowCount ~= $0 }).sorted()
        threads = usableThreads(options.threads)
    }

    func run(queries: [Float]?, truth: [[UInt64]]?) throws -> Tuning {
        let given = try given(queries, truth)
        let probes = try segment.withTruth(
            given.probes, counts: counts, mainCount: k, given: given.truth, threads: threads
        ) { _ in try checkCancellation() }
        let finder = try SettingFinder(
            segment: segment, probes: probes, counts: counts, targetRecall: options.targetRecall,
            isSample: given.isSample, threads: threads
        ) { _ in try checkCancellation() }
        guard let finder, let place = counts.firstIndex(of: k), let nearest = finder.nearest(place) else {
            throw DatabaseError(
                .invalidArgument, file: database.path,
                "no query tells settings apart: to each of them all candidates are equally near")
        }
        func described(_ found: SettingFinder.Found, _ place: Int) -> SearchDefaults {
            SearchDefaults(
                leavesToSearch: found.leavesToSearch, reorder: found.reorder, k: counts[place], recall: found.recall,
                sampleQueries: finder.probeCount(place), sampleSource: given.source)
        }
        let found = finder.find(place)
        var settings = (found.isEmpty ? [nearest] : Array(found.prefix(Self.timedSettings))).map {
            described($0, place)
        }
        for place in settings.indices {
            settings[place].meanUs = try microseconds(
                of: SearchOptions(
                    k: k, leavesToSearch: settings[place].leavesToSearch, reorder: settings[place].reorder), probes[...]
            )
        }
        settings.sort { ($0.meanUs ?? .infinity) < ($1.meanUs ?? .infinity) }
        let others = counts.indices.filter { $0 != place }.compactMap { other in
            finder.find(other).first.map { described($0, other) }
        }
        return Tuning(
            targetRecall: options.targetRecall, isReached: !found.isEmpty, best: settings[0],
            others: Array(settings.dropFirst()),
            settings: (others + (found.isEmpty ? [] : [settings[0]])).sorted { $0.k < $1.k },
            exactMeanUs: try microseconds(of: SearchOptions(k: k, exact: true), probes.prefix(8)),
            advice: found.isEmpty ? advice(probes, place) : nil)
    }

    private func checkCancellation() throws {
        if options.cancellation?.isCancelled ?? false { throw DatabaseError.interrupted }
    }

    /// What to measure with.
    private struct Given {
        var probes: [Probe]
        /// Ordinals of the true nearest, where the caller knows them.
        var truth: [[UInt64]]?
        var source: String
        /// Whether the probes stand for more queries than themselves.
        var isSample: Bool
    }

    private func given(_ queries: [Float]?, _ truth: [[UInt64]]?) throws -> Given {
        let wanted = ProbeBudget.tuning.probeCount(rows: segment.rowCount, dimensions: segment.dimensions)
        if let queries {
            let count = try checkedCount(queries, truth)
            let chosen = evenlySpaced(wanted, of: count)
            let vectors = chosen.map { Array(queries[$0 * segment.dimensions..<($0 + 1) * segment.dimensions]) }
            for vector in vectors { try database.snapshot.withPrepared(vector.span) { _ in } }
            return Given(
                probes: segment.probes(of: vectors), truth: truth.map { truth in chosen.map { truth[$0] } },
                source: "given", isSample: chosen.count < count)
        }
        if let vectors = try storedQueries(wanted) {
            return Given(
                probes: segment.probes(of: vectors), source: "queries",
                isSample: vectors.count < database.info.queries)
        }
        let rows = try probePlaces(wanted, of: segment.rowCount) { row throws(SegmentError) in
            try segment.vectors(ofRows: row..<row + 1)
        }
        let candidates = try rows.map { row in
            Probe(query: segment.asQuery(try segment.vectors(ofRows: row..<row + 1)), row: UInt32(row))
        }
        return Given(probes: candidates, source: "candidates", isSample: rows.count < segment.rowCount)
    }

    private func checkedCount(_ queries: [Float], _ truth: [[UInt64]]?) throws -> Int {
        let count = queries.count / segment.dimensions
        guard count > 0, queries.count % segment.dimensions == 0 else {
            throw DatabaseError(
                .invalidArgument, "\(queries.count) floats are no queries of \(segment.dimensions) dimensions")
        }
        if let truth, truth.count != count {
            throw DatabaseError(.invalidArgument, "\(truth.count) rows of truth do not belong to \(count) queries")
                .with(expected: "\(count)", found: "\(truth.count)")
        }
        if let truth {
            try database.checkTruth(truth, named: "truth")
            guard try !database.seemsToCountFromOne(truth, of: queries) else {
                throw DatabaseError(
                    .invalidArgument,
                    "the truth looks one-based: brute force finds more of it when 1 is taken from every ordinal")
            }
        }
        return count
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

    /// What stands in the way, with build options as 'name = value': stored vectors that are not the originals, or codes
    /// that say too little.
    private func advice(_ probes: [Probe], _ count: Int) -> String {
        let wanted = probes.reduce(0) { $0 + $1.hits[count] }
        let findable = probes.reduce(0) { sum, probe in
            sum + min(probe.hits[count], probe.wanted.count { $0.counts >> UInt64(count) & 1 == 1 })
        }
        let exact = Double(findable) / Double(max(1, wanted))
        if exact < options.targetRecall {
            return "even brute force over the stored \(segment.element.storage.rawValue) vectors has \(exact); "
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
