import Catalog
import EmbeddingInput
import FileSystem
import Foundation
import SegmentFile
import TreeAH

extension VectorDatabase {
    /// Builds a database, or with `options.overwrite` a new generation of one.
    ///
    /// Input is streamed: each file twice, `.ndjson` with ids or metadata in it four or five times, those of an export once more
    /// for their hashes, pipes from a copy. Memory stays near `options.memoryBytes` and sixteen bytes a row. Nothing is visible
    /// before everything is written and synced; a failure or a wish to stop leaves the old state, and no files behind.
    ///
    /// - Parameter progress: told some twenty times a second how far it is.
    /// - Throws: `invalidInput` naming the first bad row and the count, `alreadyExists`, `locked`, `system`, `cancelled`.
    /// - Complexity: O(rows · leaves · dimensions) to assign rows to partitions.
    @discardableResult
    public static func build(
        at path: String, from input: BuildInput, options: BuildOptions = BuildOptions(),
        progress: ((BuildProgress) -> Void)? = nil
    ) throws(DatabaseError) -> BuildSummary {
        try DatabaseError.wrapping {
            let clock = BuildClock(progress, cancellation: options.cancellation)
            return try DatabaseBuilder(path: path, input: input, options: options, clock: clock).run()
        }
    }
}

/// One build from input to commit. The order of `run` is the order of things.
private final class DatabaseBuilder {
    private let path: String
    private let input: BuildInput
    private let options: BuildOptions
    private let clock: BuildClock

    init(path: String, input: BuildInput, options: BuildOptions, clock: BuildClock) {
        self.path = path
        self.input = input
        self.options = options
        self.clock = clock
    }

    func run() throws -> BuildSummary {
        let place = try BuildPlace(path)
        try clock.report(.read, 0, of: 0)
        try checkMeasuredCounts(TuneOptions.standardCounts + options.measuredCounts)
        // Says no before an hour of reading and not after it.
        try place.checked(overwrite: options.overwrite)
        let resolved = try ResolvedInput(input, options: options, isCancelled: isCancelled)
        let (plan, sample) = try read(resolved)
        var settings = CatalogSettings(
            metric: plan.metric.rawValue, dimensions: plan.dimensions, nextOrdinal: UInt64(plan.inputRowCount))
        let target = try BuildTarget.open(
            place, settings: settings, overwrite: options.overwrite, lockTimeoutSeconds: options.lockTimeoutSeconds,
            allowsNetworkFileSystem: options.allowsNetworkFileSystem, isCancelled: isCancelled)
        let uuid = SegmentUUID.random()
        let catalog = try target.session.catalog.beginStaging(segmentUUID: uuid)
        do {
            let staged = try Staging(
                catalog: catalog, source: resolved.source, plan: plan, policy: resolved.duplicateIDs, clock: clock
            ).run(queries: resolved.queries)
            let trained = try train(
                plan, sample: sample, queries: staged.sampleQueries,
                storedRows: plan.inputRowCount - staged.dropped.count)
            let stored = StoredRows(plan: plan, source: resolved.source, dropped: staged.dropped, clock: clock)
            let builder = SegmentBuilder(
                stored: stored, directory: target.directory, databaseUUID: target.session.databaseUUID,
                segmentUUID: uuid)
            let file = try builder.write(trained, idByteCount: staged.idByteCount)
            let model = trained?.model
            let chosen = try chooseSettings(plan, model, staged, sample: sample, uuid: uuid, in: target.directory)
            if let chosen { settings.store(chosen.byK, of: uuid) }
            try clock.report(.sync, 0, of: 1)
            let generation = try target.commit(catalog, builder.record(file), settings: settings)
            clock.mark(.sync)
            var summary = summary(file, plan, model, staged, generation: generation, uuid: uuid, in: target.directory)
            (summary.defaults, summary.settings) = (chosen?.defaults, chosen?.byK ?? [])
            summary.notes = notes(on: sample, plan)
            return summary
        } catch {
            target.abandon(catalog)
            throw error
        }
    }

    private func isCancelled() -> Bool {
        do throws(DatabaseError) { try clock.report(.read, 0, of: 0) } catch { return true }
        return false
    }

    /// The first pass: counts and checks every row, and samples for training.
    private func read(_ resolved: ResolvedInput) throws -> (BuildPlan, TrainingSample) {
        let source = resolved.source
        let draft = try BuildPlan(
            options, metric: resolved.metric, dimensions: source.dimensions, rowCount: source.knownCount,
            element: source.element)
        var sample = TrainingSample(
            dimensions: source.dimensions, capacity: min(draft.sampleCapacity, max(1, source.knownCount ?? .max)),
            seed: options.seed)
        var rows = 0
        let total = source.knownCount ?? 0
        let needsSample = options.index != .exact
        try source.forEachBatch(
            validating: VectorValidation(dimensions: source.dimensions, refusesZeroVectors: resolved.metric == .cosine)
        ) { batch, first in
            rows += batch.count / source.dimensions
            if needsSample {
                // Zero vectors are left alone here: validation refuses them behind the pass.
                if resolved.metric == .cosine { normaliseRows(&batch, dimensions: source.dimensions) }
                sample.offer(batch, firstOrdinal: first)
            }
            try clock.report(.read, rows, of: max(total, rows))
        }
        guard rows < 1 << 32 - 1 else {
            throw DatabaseError(.invalidInput, "\(rows) rows are more than one segment holds (2^32 − 2)")
                .with(found: "\(rows)", limit: 1 << 32 - 2)
        }
        if let expected = resolved.expectedCount, expected != rows {
            throw DatabaseError(.invalidInput, "the manifest counts \(expected) candidates, \(rows) vectors were found")
                .with(expected: "\(expected)", found: "\(rows)")
        }
        try source.checkMetadata(rows: rows, isCancelled: isCancelled)
        clock.mark(.read)
        let plan = try BuildPlan(
            options, metric: resolved.metric, dimensions: source.dimensions, rowCount: rows, element: source.element)
        return (plan, sample)
    }

    private func train(
        _ plan: BuildPlan, sample: TrainingSample, queries: [[Float]], storedRows: Int
    ) throws -> TreeTraining.Result? {
        guard let training = plan.training(storedRows: storedRows) else { return nil }
        try clock.report(.train, 0, of: training.iterations)
        defer { clock.mark(.train) }
        let queries = stride(from: 0, to: queries.count, by: max(1, queries.count / 64)).prefix(64).map { queries[$0] }
        let rows = training.leaves == 0 ? [] : sample.part(count: training.rowCount, seed: training.seed(.sample))
        return try training.train(rows: rows, queries: Array(queries.joined())) { done, total in
            try clock.report(.train, done, of: total)
        }
    }

    /// Opens the new segment as a reader would and measures which knobs it needs.
    private func chooseSettings(
        _ plan: BuildPlan, _ model: TreeModel?, _ staged: Staging.Result, sample: TrainingSample, uuid: SegmentUUID,
        in directory: Directory
    ) throws -> ChosenSettings? {
        guard let model, model.leafCount > 0 else { return nil }
        try clock.report(.tune, 0, of: 1)
        let segment = try IndexSegment(checking: try SegmentReader(in: directory, uuid: uuid, pinning: false))
        defer { clock.mark(.tune) }
        return try ChosenSettings(
            for: segment, queries: staged.sampleQueries, sample: sample,
            counts: measuredCounts(rows: segment.rowCount, others: options.measuredCounts),
            targetRecall: plan.targetRecall, threads: plan.threads
        ) { done, total in try clock.report(.tune, done, of: total) }
    }

    /// What the vectors are too short or too long for.
    private func notes(on sample: TrainingSample, _ plan: BuildPlan) -> [String] {
        guard plan.metric != .cosine, sample.count > 0 else { return [] }
        let largest = sample.rows.lazy.map(\.magnitude).max() ?? 0
        guard largest > 0, !(0x1p-50...0x1p50).contains(largest) else { return [] }
        return [
            "the numbers in the vectors are at most \(largest): their products \(largest < 1 ? "vanish" : "grow too large") "
                + "in 32-bit floats, so that a tree and exact scores tell little; scale the vectors and build again"
        ]
    }

    private func summary(
        _ file: SegmentSummary, _ plan: BuildPlan, _ model: TreeModel?, _ staged: Staging.Result, generation: UInt64,
        uuid: SegmentUUID, in directory: Directory
    ) -> BuildSummary {
        let catalogBytes = (try? directory.status(of: catalogFileName)?.byteCount) ?? nil
        let shape = model?.codebooks.shape
        return BuildSummary(
            database: path, generation: generation, rows: plan.inputRowCount - staged.dropped.count,
            dimensions: plan.dimensions, metric: plan.metric, index: model == nil ? .exact : .treeAH,
            leaves: model?.leafCount ?? 0, projectedDimensions: shape?.projectedDimensions ?? 0,
            dimensionsPerBlock: shape?.dimensionsPerBlock ?? 0,
            projection: model.map { IndexParameters.Tree($0, slotCount: 0, blockCount: 0).projectionName }
                ?? "none",
            reorderStorage: plan.element.storage, queries: staged.queryCount, duplicatesDropped: staged.dropped.count,
            bytes: file.sections.map { .init(name: $0.kind.name, bytes: $0.byteCount) }
                + [.init(name: "catalog", bytes: catalogBytes ?? 0)],
            seconds: clock.seconds.map { .init(phase: $0.phase, seconds: $0.seconds) },
            totalSeconds: clock.totalSeconds, segmentUUID: "\(uuid)")
    }
}
