import Foundation
import SegmentFile
import TestSupport
import Testing

@testable import TreeAH
@testable import VecDB
@testable import VectorKernels

/// What is computed on the way from a query to its hits, to the bit, as the independent reader published it
/// (`Formats/golden.md`, "Intermediates").
@Suite struct IntermediatesTests {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Formats/golden").standardizedFileURL

    /// Paths below `directory`: `intermediates/v1/dot-tree-255.json`.
    static let files: [String] = (FileManager.default.subpaths(atPath: directory.path) ?? [])
        .filter { $0.hasSuffix(".json") && $0.split(separator: "/").contains("intermediates") }.sorted()

    @Test func `fault 26: there are intermediates of every kind of tree`() {
        for kind in [
            "pca", "random", "structured", "int8", "bf16", "u8", "i8", "soar", "anisotropic", "zeros", "wide",
            "projected",
        ] {
            #expect(Self.files.contains { $0.contains(kind) }, "\(kind)")
        }
    }

    @Test(arguments: files)
    func `fault 26: every intermediate result of a search is the one published`(_ name: String) throws {
        let file = Self.directory.appending(path: name)
        let published = try JSONDecoder().decode(Published.self, from: Data(contentsOf: file))
        let path = file.deletingLastPathComponent().appending(path: published.database).standardizedFileURL.path
        let database = try VectorDatabase.open(path, mode: .readOnly)
        for (ordinal, document) in published.documents {
            let found = try database.snapshot.documents(of: [#require(UInt64(ordinal))])[0]
            let digits = found.map { $0.utf8.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) } }
            #expect(digits?.joined() == document, "\(ordinal)")
        }
        #expect(!published.queries.isEmpty)
        for (number, query) in published.queries.enumerated() {
            let found = try computed(database.snapshot, floats(query.vector), query.options)
            for (found, expected) in zip(Mirror(reflecting: found).children, Mirror(reflecting: query.results).children)
            {
                let (found, label) = ("\(found.value)", found.label ?? "")
                #expect(found == "\(expected.value)", "\(label) of query \(number)")
            }
        }
    }

    // MARK: what the library computes

    private func computed(_ snapshot: Snapshot, _ vector: [Float], _ options: GoldenOptions) throws -> Results {
        let segment = snapshot.segments.mapped[0]
        let query = try snapshot.withPrepared(vector.span) { query in query.indices.map { query[$0] } }
        var results = Results()
        results.query = bits(query)
        let filter = try snapshot.filter(excluding: options.exclude ?? [])[0]
        let plan = SearchPlan(
            k: options.k, leavesToSearch: options.leavesToSearch ?? .max, reorder: options.reorder ?? .max,
            way: options.exact == true ? .exact : .tree)
        var rows = (0..<UInt32(segment.rowCount)).filter { filter.excludedCount(in: Int($0)..<Int($0) + 1) == 0 }
        if let tree = segment.parameters.tree, plan.way == .tree {
            rows = try traverse(segment, tree, query, plan, filter, &results)
        }
        var scored: [(ordinal: UInt64, score: Float)] = []
        let stride = segment.rowStride
        for row in rows {
            var score: [Float] = [0]
            var span = score.mutableSpan
            let reader = segment.reader
            let bytes = reader.bytes(of: .reorderVectors).extracting(Int(row) * stride..<(Int(row) + 1) * stride)
            segment.kernels.exactScores(
                segment.metric.form, element: segment.element, query: query.span, rows: bytes, stride: stride,
                into: &span)
            scored.append((segment.ordinal(atOffset: try segment.ordinalOffset(ofRow: row)), score[0]))
        }
        scored.sort { $0.ordinal < $1.ordinal }
        results.scored = scored.map { Int($0.ordinal) }
        results.scores = bits(scored.map(\.score))
        // The whole way once more, as users go it.
        var (scratch, trace) = (SearchScratch(), SearchTrace(isOn: false))
        let hits = try snapshot.search(vector.span, options: options.search, scratch: &scratch, trace: &trace)
        results.hits = hits.map { Int($0.ordinal) }
        results.shown = bits(hits.map(\.score))
        return results
    }

    /// The stages of `TreeSearch`, looked into.
    ///
    /// - Returns: the rows that get exact scores.
    private func traverse(
        _ segment: IndexSegment, _ tree: IndexParameters.Tree, _ query: [Float], _ plan: SearchPlan,
        _ filter: RowFilter, _ results: inout Results
    ) throws -> [UInt32] {
        let (view, kernels) = (segment.treeView(tree), segment.kernels)
        var scratch = SearchScratch()
        let k = segment.hasSecondAssignments ? 2 * plan.k : plan.k
        let keep = max(1, min(max(plan.reorder, k), tree.slotCount))
        view.project(query.span, scratch: &scratch, kernels: kernels)
        results.projected = bits(scratch.projected.prefix(tree.shape.projectedDimensions))
        view.chooseLeaves(
            count: plan.leavesToSearch, rowsNeeded: plan.k, filter: filter, scratch: &scratch, kernels: kernels)
        results.routing = bits(scratch.routingScores.prefix(tree.leafCount))
        results.levels = hexadecimal(scratch.levels.prefix(tree.routingDimensions(segment.dimensions)))
        results.leaves = scratch.leaves.map(Int.init).sorted()
        view.prepareLookupTable(scratch: &scratch, kernels: kernels)
        results.table = stride(from: 0, to: scratch.tables.count, by: 16).map {
            hexadecimal(scratch.tables[$0..<$0 + 16])
        }
        (results.step, results.offset) = (bits([scratch.factors[0].step]), bits([scratch.factors[0].offset]))
        scratch.begin(queryCount: 1, keeping: keep)
        view.enqueueChosenLeaves(
            for: query.span, keeping: keep, filter: filter, scratch: &scratch, kernels: kernels)
        let byLeaf = scratch.queue.sorted { $0.tag < $1.tag }
        results.constants = bits(byLeaf.map(\.constant))
        if tree.hasBiases { results.factors = bits(byLeaf.map(\.leaf.bias_factor)) }
        var scanned = scratch.queue
        _ = view.scanQueue(scratch: &scratch, kernels: kernels)
        if !scratch.lengths.isEmpty {
            results.length = bits([scratch.lengths[0]])
            results.threshold = bits([scratch.kthBestEstimate(k, query: 0, kernels: kernels)])
        }
        if scratch.hasOpenBlocks {
            view.enqueueOtherBlocks(k: k, scratch: &scratch, kernels: kernels)
            scanned += scratch.queue
            _ = view.scanQueue(scratch: &scratch, kernels: kernels)
        }
        results.blocks = scanned.flatMap { Array($0.firstBlock..<$0.firstBlock + $0.blockCount) }.sorted()
        (results.slots, results.estimates) = allEstimates(view, scanned, scratch, slotCount: tree.slotCount)
        let places = scratch.estimates.select(query: 0, kernels: kernels)
        let rows = Set(scratch.estimates.allNumbers[places].map { row(ofSlot: $0, in: view) })
        results.candidates = rows.map(Int.init).sorted()
        return rows.sorted()
    }

    /// Estimates of all slots of the blocks scanned: the search itself keeps the best alone.
    private func allEstimates(
        _ view: borrowing TreeView, _ scanned: [ScanLeaf], _ scratch: SearchScratch, slotCount: Int
    ) -> ([Int], String) {
        var all = CandidateBuffers()
        all.reset(queryCount: 1, keeping: max(1, slotCount))
        all.scan(
            scanned.span, codes: view.codes, blockByteCount: view.layout.byteCount, pairs: view.layout.pairs,
            hasBiases: view.layout.hasBiases, tables: scratch.tables.span, factors: scratch.factors.span,
            live: scratch.liveMask.span, kernels: .best)
        let places = all.places(of: 0).sorted { all.allNumbers[$0] < all.allNumbers[$1] }
        return (places.map { Int(all.allNumbers[$0]) }, bits(places.map { all.allScores[$0] }))
    }

    private func row(ofSlot slot: UInt32, in view: borrowing TreeView) -> UInt32 {
        view.numbersSlots ? view.slotRows[Int(slot)] : slot
    }

    // MARK: the files

    private func bits(_ values: some Sequence<Float>) -> String {
        values.map { value in
            let digits = String(value.bitPattern, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined(separator: " ")
    }

    private func hexadecimal(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func floats(_ bits: String) throws -> [Float] {
        try bits.split(separator: " ").map { Float(bitPattern: try #require(UInt32($0, radix: 16))) }
    }

    private struct Published: Decodable {
        let database: String
        let documents: [String: String?]
        let queries: [Query]
    }

    private struct Query: Decodable {
        let vector: String
        let options: GoldenOptions
        let results: Results

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            vector = try container.decode(String.self, forKey: .vector)
            options = try container.decode(GoldenOptions.self, forKey: .options)
            results = try Results(from: decoder)
        }

        enum CodingKeys: CodingKey { case vector, options }
    }

    /// Members that a search without a tree has not are `nil`.
    private struct Results: Decodable {
        var query: String?
        var levels: String?
        var projected: String?
        var routing: String?
        var leaves: [Int]?
        var constants: String?
        var factors: String?
        var table: [String]?
        var step: String?
        var offset: String?
        var length: String?
        var threshold: String?
        var blocks: [Int]?
        var slots: [Int]?
        var estimates: String?
        var candidates: [Int]?
        var scored: [Int]?
        var scores: String?
        var hits: [Int]?
        var shown: String?
    }
}
