import FileSystem
import Foundation
import SegmentFile
import TestSupport
import Testing
import TreeAH
import VectorKernels

@testable import VecDB

// Snapshots of several segments, which no catalog of version 1 has, made of the rows of one input.

/// Some rows in segments of their own and the rest in memory, and the database of all of them for comparison.
struct Divided {
    static let (rows, dimensions, leaves) = (900, 12, 9)

    let place: TemporaryDirectory
    let whole: VectorDatabase
    let vectors: [Float]
    let snapshot: Snapshot

    /// - Parameters:
    ///   - ends: where each mapped segment ends, ascending; what is behind the last is pending in memory.
    ///   - models: the model of each segment: equal numbers share one; `nil`: a segment without a tree.
    init(
        _ metric: Metric, ends: [Int], models: [Int?], storage: ReorderStorage = .f32, soar: Bool = false
    ) throws {
        place = try TemporaryDirectory()
        vectors = clusteredVectors(count: Self.rows, dimensions: Self.dimensions, seed: 23)
        var options = BuildOptions()
        (options.metric, options.index, options.leaves) = (metric, .treeAH, Self.leaves)
        (options.reorderStorage, options.secondAssignments) = (storage, soar)
        let path = place.file("whole.vecdb")
        try VectorDatabase.build(
            at: path, from: .memory(vectors: vectors, dimensions: Self.dimensions), options: options)
        whole = try VectorDatabase.open(path)
        let source = try CandidateSource(vectors: vectors, dimensions: Self.dimensions, ids: nil, metadata: nil)
        let directory = try Directory(opening: path)
        var (segments, trained, uuids) = ([IndexSegment](), [Int: TreeTraining.Result](), [SegmentUUID: Int]())
        for (range, model) in zip(zip([0] + ends, ends).map { $0..<$1 }, models) {
            options.index = model == nil ? .exact : .treeAH
            options.seed = UInt64(model ?? 0)
            let plan = try BuildPlan(
                options, metric: metric, dimensions: Self.dimensions, rowCount: Self.rows, element: nil)
            if let model, trained[model] == nil { trained[model] = try Self.train(plan, vectors, range) }
            let dropped = (0..<Self.rows).filter { !range.contains($0) }.map { UInt64($0) }
            let uuid = SegmentUUID.random()
            uuids[uuid] = model ?? -1
            _ = try SegmentBuilder(
                stored: StoredRows(plan: plan, source: source, dropped: dropped, clock: BuildClock(nil)),
                directory: directory, databaseUUID: SegmentUUID.random(), segmentUUID: uuid
            ).write(model.flatMap { trained[$0] }, idByteCount: nil)
            segments.append(try IndexSegment(checking: try SegmentReader(in: directory, uuid: uuid, pinning: false)))
        }
        let pending = (ends.last ?? 0)..<Self.rows
        var rest = Array(vectors[pending.lowerBound * Self.dimensions..<pending.upperBound * Self.dimensions])
        if metric == .cosine { VecDB.normaliseRows(&rest, dimensions: Self.dimensions) }
        let delta = DeltaSegment(
            rest, ordinals: pending.map { UInt64($0) },
            storage: RowStorage(element: segments[0].element, dimensions: Self.dimensions), metric: metric)
        // Models are told apart by their numbers; a number stands for the first segment that has it.
        let firstOf = Dictionary(
            zip(models, segments).map { ($0, $1.reader.header.segmentUUID) }, uniquingKeysWith: { first, _ in first })
        snapshot = Snapshot(
            catalog: whole.snapshot.catalog,
            segments: SegmentList(segments, delta: pending.isEmpty ? nil : delta) { segment in
                firstOf[uuids[segment.reader.header.segmentUUID] ?? -1] ?? segment.reader.header.segmentUUID
            })
    }

    private static func train(
        _ plan: BuildPlan, _ vectors: [Float], _ range: Range<Int>
    ) throws -> TreeTraining.Result? {
        var rows = vectors
        if plan.metric == .cosine { VecDB.normaliseRows(&rows, dimensions: plan.dimensions) }
        let part = Array(rows[range.lowerBound * plan.dimensions..<range.upperBound * plan.dimensions])
        return try plan.training(storedRows: range.count)?.train(rows: part, queries: []) { _, _ in }
    }

    var queries: [[Float]] {
        stride(from: 0, to: Self.rows, by: 61).map { row in
            vectors[row * Self.dimensions..<(row + 1) * Self.dimensions].map { $0 * 0.9 + 0.02 }
        }
    }

    func search(_ query: [Float], _ options: SearchOptions) throws -> [Hit] {
        var (scratch, trace) = (SearchScratch(), SearchTrace(isOn: false))
        return try snapshot.search(query.span, options: options, scratch: &scratch, trace: &trace)
    }

    func searchBatch(_ queries: [[Float]], _ options: SearchOptions, threads: Int) throws -> [[Hit]] {
        try snapshot.searchBatch(
            Array(queries.joined()).span, options: options, excludedIDs: [:], threads: threads,
            sessions: SearchSessions(snapshot))
    }
}

struct Division: Sendable, CustomTestStringConvertible {
    let ends: [Int]
    let models: [Int?]

    var testDescription: String { "\(ends) of models \(models)" }

    static let all = [
        Division(ends: [900], models: [0]), Division(ends: [500, 900], models: [0, 0]),
        Division(ends: [500, 900], models: [0, 1]), Division(ends: [300, 310, 870], models: [0, 1, 0]),
        Division(ends: [880], models: [0]), Division(ends: [400, 800], models: [0, nil]),
        Division(ends: [300, 600], models: [nil, nil]),
    ]
}

@Suite struct SegmentListTests {
    @Test(arguments: Metric.allCases, Division.all)
    func `a search of everything does not depend on how rows lie in segments`(
        _ metric: Metric, _ division: Division
    ) throws {
        let divided = try Divided(metric, ends: division.ends, models: division.models)
        defer { withExtendedLifetime(divided) {} }
        #expect(divided.snapshot.segments.rowCount == Divided.rows)
        let everything = SearchOptions(k: 20, leavesToSearch: Divided.leaves, reorder: Divided.rows)
        let exclusions = (0..<Divided.rows).filter { $0 % 3 == 0 }.map(String.init)
        for excluded in [[], exclusions] {
            for var options in [everything, SearchOptions(k: 20, exact: true)] {
                options.excludedIDs = excluded
                let expected = try divided.queries.map { try divided.whole.search($0, options: options) }
                #expect(try divided.queries.map { try divided.search($0, options) } == expected)
                for threads in [1, 2] {
                    #expect(try divided.searchBatch(divided.queries, options, threads: threads) == expected)
                }
            }
        }
    }

    @Test(arguments: Metric.allCases, [false, true])
    func `a search of some leaves finds most of what brute force finds, alone and in a batch`(
        _ metric: Metric, _ soar: Bool
    ) throws {
        let divided = try Divided(metric, ends: [350, 360, 850], models: [0, 1, 0], storage: .bf16, soar: soar)
        defer { withExtendedLifetime(divided) {} }
        let options = SearchOptions(k: 10, leavesToSearch: 4, reorder: 60)
        let found = try divided.queries.map { try divided.search($0, options) }
        let exact = try divided.queries.map { try divided.search($0, SearchOptions(k: 10, exact: true)) }
        let met = zip(found, exact).reduce(0) { sum, pair in
            sum + pair.0.count { hit in pair.1.contains { $0.ordinal == hit.ordinal } }
        }
        #expect(met > 8 * exact.count, "\(met) of \(10 * exact.count)")
        #expect(found.allSatisfy { $0.count == 10 })
        for threads in [1, 2] {
            #expect(try divided.searchBatch(divided.queries, options, threads: threads) == found)
        }
    }

    @Test(arguments: Division.all)
    func `a search is enlarged until it has k rows that may be returned, over all segments`(
        _ division: Division
    ) throws {
        let divided = try Divided(.l2, ends: division.ends, models: division.models)
        defer { withExtendedLifetime(divided) {} }
        // Seven rows are left, spread over all parts.
        let kept = Set([3, 305, 309, 499, 650, 875, 899])
        var options = SearchOptions(k: 7, leavesToSearch: 1, reorder: 1)
        options.excludedIDs = (0..<Divided.rows).filter { !kept.contains($0) }.map(String.init)
        for query in divided.queries {
            let hits = try divided.search(query, options)
            #expect(Set(hits.map { Int($0.ordinal) }) == kept)
        }
    }

    @Test func `few rows left are scored one by one, wherever they lie`() throws {
        let divided = try Divided(.dot, ends: [300, 310, 870], models: [0, 1, 0])
        defer { withExtendedLifetime(divided) {} }
        let segments = divided.snapshot.segments
        let left: Set<UInt64> = [0, 299, 301, 500, 869, 870, 899]
        let gone = try (0..<900).filter { !left.contains($0) }.compactMap { try segments.find($0) }
        let filter = segments.filter(excluding: gone)
        #expect(filter.excludedCount == 893)
        var (scratch, trace) = (SearchScratch(), SearchTrace(isOn: true))
        let plan = SearchPlan(k: 5, leavesToSearch: 1, reorder: 1, way: .direct)
        for query in divided.queries {
            try segments.search(query.span, plan: plan, filter: filter, scratch: &scratch, trace: &trace)
            let ranked = bruteForce(query, in: divided.vectors, metric: .dot, k: 900)
            #expect(scratch.hits.hits.map(\.ordinal) == Array(ranked.filter { left.contains($0) }.prefix(5)))
            #expect(trace.statistics.codesScanned == 7)
        }
    }

    @Test func `ordinals are found in the part that has them`() throws {
        let divided = try Divided(.dot, ends: [300, 310, 870], models: [0, nil, 0])
        defer { withExtendedLifetime(divided) {} }
        let segments = divided.snapshot.segments
        #expect(segments.ordinals == (0, 900))
        #expect(try segments.find(305)?.part == 1 && segments.find(309)?.part == 1 && segments.find(310)?.part == 2)
        #expect(try segments.find(870)?.part == 3 && segments.find(870)?.row == 0)
        #expect(try segments.find(900) == nil)
        #expect(segments.models == [[0, 2]] && segments.modelOfSegment == [0, nil, 0])
    }
}
