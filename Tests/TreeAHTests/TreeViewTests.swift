import Testing
import VectorKernels

@testable import TreeAH

/// Numerics, section 7: estimates of several models are compared, and each counts from an origin of its own.
@Test(arguments: [ScoreForm.dot, .negatedSquaredDistance])
func `on one scale a leaf's constant holds the query's product with the origin`(_ form: ScoreForm) {
    let tree = SmallTree(
        form, sizes: [40, 3, 70], projection: .none(dimensions: 6), dimensionsPerBlock: 2, hasBiases: form != .dot,
        seed: 3)
    let query: [Float] = [0.5, -1, 2, 0.25, -0.75, 1]
    tree.withView { view in
        var scratch = SearchScratch()
        scratch.begin(queryCount: 1, keeping: 1)
        view.project(query.span, scratch: &scratch, kernels: .best)
        view.chooseLeaves(count: 3, rowsNeeded: 0, filter: .all, scratch: &scratch, kernels: .best)
        let own = view.noteChosenLeaves(for: query.span, scratch: &scratch, kernels: .best)
        let shared = view.noteChosenLeaves(for: query.span, onOneScale: true, scratch: &scratch, kernels: .best)
        #expect(own == 0..<3 && shared == 3..<6)
        let product = form == .dot ? Kernels.best.dot(query.span, view.origin) : 0
        #expect(form != .dot || product != 0)
        for (place, other) in zip(own, shared) {
            #expect(scratch.chosen[place].leaf == scratch.chosen[other].leaf)
            #expect(scratch.chosen[other].constant == scratch.chosen[place].constant + product)
        }
        #expect(view.slotCount(of: shared, scratch) == 113)
        #expect(view.liveRowCount(of: own, filter: RowFilter(excluding: [0, 41]), scratch) == 111)
    }
}

/// What a search for one query kept.
private struct Found: Equatable {
    var leaves: [UInt32] = []
    /// By number, ascending.
    var kept: [UInt32: Float] = [:]
    var slotsScanned = 0
    var hadOpenBlocks = false
    var projected: [Float] = []
}

extension SmallTree {
    /// The stages of a search in their order, for all queries together; one after the other when there is but one.
    fileprivate func search(
        _ queries: [[Float]], leaves count: Int, k: Int = 1, keeping keep: Int, excluding excluded: [UInt32] = []
    ) -> [Found] {
        let filter = RowFilter(excluding: excluded)
        return withView { view in
            var (scratch, found) = (SearchScratch(), [Found](repeating: Found(), count: queries.count))
            scratch.begin(queryCount: queries.count, keeping: keep)
            for (number, query) in queries.enumerated() {
                view.project(query.span, scratch: &scratch, kernels: .best)
                found[number].projected = scratch.projected
                view.chooseLeaves(count: count, rowsNeeded: k, filter: filter, scratch: &scratch, kernels: .best)
                found[number].leaves = scratch.leaves
                view.prepareLookupTable(number: number, scratch: &scratch, kernels: .best)
                view.enqueueChosenLeaves(
                    for: query.span, number: number, keeping: keep, filter: filter, scratch: &scratch,
                    kernels: .best)
            }
            scratch.orderQueue(leafCount: leaves.count)
            found[0].slotsScanned = view.scanQueue(scratch: &scratch, kernels: .best)
            found[0].hadOpenBlocks = scratch.hasOpenBlocks
            if scratch.hasOpenBlocks {
                view.enqueueOtherBlocks(k: k, scratch: &scratch, kernels: .best)
                scratch.orderQueue(leafCount: leaves.count)
                found[0].slotsScanned += view.scanQueue(scratch: &scratch, kernels: .best)
            }
            for number in queries.indices {
                for place in scratch.estimates.select(query: number, kernels: .best) {
                    let old = found[number].kept.updateValue(
                        scratch.estimates.allScores[place], forKey: scratch.estimates.allNumbers[place])
                    #expect(old == nil, "a slot is kept twice")
                }
            }
            return found
        }
    }

    /// Leaves by routing score, the best one first.
    fileprivate func ranking(_ query: [Float]) -> [UInt32] {
        let scores = routingScores(query)
        return scores.indices.sorted { (scores[$0], $1) > (scores[$1], $0) }.map { UInt32($0) }
    }
}

@Suite struct LeafChoiceTests {
    private static let sizes = [5, 0, 3, 40, 1, 2, 7, 33, 0, 4, 6, 2, 9, 8, 3, 1, 2, 20]

    @Test(arguments: seeds, Coding.all)
    func `the leaves of largest routing score are searched, the best one first`(seed: UInt64, coding: Coding) {
        // A row in each, for an empty leaf asks for another one.
        var tree = coding.tree(sizes: Self.sizes.map { max(1, $0) }, seed: seed)
        var generator = SeededGenerator(seed: seed + 1)
        for ranksByProjection in [false, true] {
            if ranksByProjection {
                guard tree.projection.kind == .dense else { return }
                tree.rankByProjection()
            }
            for count in [1, 4, 17, 18, 19, .max] {
                let query = zip(generator.floats(tree.dimensions), tree.origin).map { $0 + $1 }
                let found = tree.search([query], leaves: count, keeping: 10)[0].leaves
                let ranking = tree.ranking(query)
                #expect(found.first == ranking.first)
                #expect(found.sorted() == ranking.prefix(count).sorted(), "\(count) leaves")
            }
        }
    }

    @Test func `of equal routing scores the smaller leaf is searched`() {
        var tree = Coding.all[0].tree(sizes: Self.sizes, seed: 3)
        tree.routing = ByteMatrix(
            rows: (0..<18).flatMap { [Float](repeating: $0 == 11 ? 2 : 1, count: 6) }, columnCount: 6, hasBiases: false,
            kernels: .best)
        let query: [Float] = [1, 2, 1, 2, 1, 2]
        #expect(tree.search([query], leaves: 4, keeping: 9)[0].leaves == [11, 0, 1, 2])
        let opposite = query.map { -$0 }
        #expect(tree.search([opposite], leaves: 3, keeping: 9)[0].leaves == [0, 1, 2])
        // Also where leaves are added: 11 has two rows, 0 five, 1 none and 2 three.
        #expect(tree.search([query], leaves: 1, k: 10, keeping: 10)[0].leaves == [11, 0, 1, 2])
    }

    @Test(arguments: seeds, [1, 2, 6, 40, 97, 145, 146, 147, 500])
    func `the next best leaves are added until they hold k rows`(seed: UInt64, k: Int) {
        let tree = Coding.all[1].tree(sizes: Self.sizes, seed: seed)
        #expect(tree.rowCount == 146)
        var generator = SeededGenerator(seed: seed)
        let query = generator.floats(6)
        // A third of all rows, and one that is none.
        let excluded = stride(from: 0, to: 147, by: 3).map { UInt32($0) } + [9999]
        for excluded in [[], excluded] {
            let ranking = tree.ranking(query)
            var (leaves, live) = (0, 0)
            while leaves < 18, leaves < 2 || live < k {
                let rows = tree.leaves[Int(ranking[leaves])].rows
                live += rows.filter { !excluded.contains(UInt32($0)) }.count
                leaves += 1
            }
            let found = tree.search([query], leaves: 2, k: k, keeping: max(k, 5), excluding: excluded)[0].leaves
            #expect(found.sorted() == ranking.prefix(leaves).sorted())
        }
    }

    @Test func `a tree without leaves searches none`() {
        var tree = Coding.all[0].tree(sizes: [2], seed: 3)
        (tree.leaves, tree.codes, tree.radii, tree.storedCentroids) = ([], [], [], [])
        tree.routing = ByteMatrix(rows: [], columnCount: 6, hasBiases: false, kernels: .best)
        let found = tree.search([[1, 2, 3, 4, 5, 6]], leaves: 5, keeping: 3)[0]
        #expect(found.leaves.isEmpty && found.kept.isEmpty && found.slotsScanned == 0)
    }
}

@Suite struct TreeScanTests {
    private static let sizes = [70, 0, 33, 1, 32, 64, 5]

    /// Holds what was kept against the estimates of all slots that a search may return.
    private func check(
        _ found: Found, _ candidates: [UInt32: Double], keeping keep: Int, tolerance: Double, _ note: String = ""
    ) {
        #expect(found.kept.count == min(keep, candidates.count), "\(note)")
        for (number, estimate) in found.kept {
            #expect(
                candidates[number].map { isNear(Double(estimate), $0, absolute: tolerance) } == true,
                "\(note) slot \(number): \(estimate), expected \(candidates[number] ?? .nan)")
        }
        let worst = found.kept.values.reduce(.infinity, min)
        for (number, estimate) in candidates where found.kept[number] == nil {
            #expect(estimate <= Double(worst) + tolerance, "\(note) slot \(number) is left out")
        }
    }

    @Test(arguments: seeds, Coding.all)
    func `the best estimates are kept, and they are what the format says`(seed: UInt64, coding: Coding) {
        let tree = coding.tree(sizes: Self.sizes, seed: seed)
        var generator = SeededGenerator(seed: seed + 2)
        for keep in [1, 20, 205, 300] {
            let query = zip(generator.floats(tree.dimensions), tree.origin).map { $0 + $1 }
            // As many hits as are kept: no block is left out.
            let found = tree.search([query], leaves: 5, k: keep, keeping: keep)[0]
            let padded = tree.shape.paddedDimensions
            #expect(
                areNear(
                    found.projected[..<tree.shape.projectedDimensions].map { Double($0) }, tree.projected(query),
                    absolute: 1e-4))
            #expect(found.projected[tree.shape.projectedDimensions..<padded].allSatisfy { $0 == 0 })
            var candidates: [UInt32: Double] = [:]
            for leaf in found.leaves.map({ Int($0) }) {
                let estimates = tree.estimates(query, z: found.projected, leaf: leaf)
                for (slot, estimate) in estimates.enumerated() {
                    candidates[tree.leaves[leaf].firstRow + UInt32(slot)] = estimate
                }
            }
            check(found, candidates, keeping: keep, tolerance: 1e-4, "keeping \(keep)")
        }
    }

    /// Codewords that are the residuals themselves leave no error but that of the table's levels.
    @Test(arguments: seeds, Coding.all.filter { $0.projection.kind != .dense })
    func `rows that codewords reproduce are estimated as they score`(seed: UInt64, coding: Coding) {
        let all = Codebooks.Shape(
            projectedDimensions: coding.projection.outputDimensions,
            dimensionsPerBlock: coding.projection.outputDimensions)
        var tree = SmallTree(
            coding.form, sizes: [16], projection: coding.projection, dimensionsPerBlock: all.dimensionsPerBlock,
            hasBiases: coding.hasBiases, seed: seed)
        let (dimensions, width) = (tree.dimensions, all.paddedDimensions)
        let centroid = tree.centroids.doubles
        var codewords = [Float](repeating: 0, count: all.codewordFloatCount)
        for row in 0..<16 {
            let residual = zip(tree.rows.part(row, of: dimensions), tree.centroids).map { $0 - $1 }
            var projected = tree.projection.applied(to: residual.span, paddedTo: width, kernels: .best)
            CodingLength.apply(tree.codingLength, to: &projected, width: width)
            for dimension in 0..<dimensions { codewords[dimension * 16 + row] = projected[dimension] }
        }
        tree.codebooks = Codebooks(shape: all, codewords: codewords)
        tree.encode([16])
        var generator = SeededGenerator(seed: seed + 3)
        let query = zip(generator.floats(dimensions), tree.origin).map { $0 + $1 }
        let found = tree.search([query], leaves: 1, keeping: 16)[0]
        let table = Plain.lookup(
            found.projected, codewords: codewords, subspaces: 2, dimensionsPerBlock: dimensions)[0]
        let step = ((table.max() ?? 0) - (table.min() ?? 0)) / 127
        #expect(found.kept.count == 16)
        for row in 0..<16 {
            let vector = tree.rows.part(row, of: dimensions).doubles
            // For inner products ⟨q, o⟩ is left out.
            let score =
                coding.form == .dot
                ? Plain.dot(query.doubles, vector) - Plain.dot(query.doubles, tree.origin.doubles)
                : -0.5 * Plain.squaredDistance(query.doubles, vector)
            let scale = Plain.length(zip(vector, centroid).map { $0 - $1 }) / Double(tree.codingLength)
            // Half a level, and the rounding of scales to eleven digits in products with the query and the centroid.
            let bound = scale * (0.51 * step + 0x1p-11 * 20 * Double(tree.codingLength)) + 1e-4
            let estimate = Double(found.kept[UInt32(row)] ?? .nan)
            #expect(abs(estimate - score) <= bound, "row \(row): \(estimate), expected \(score)")
        }
    }

    @Test(arguments: seeds, Coding.all)
    func `excluded rows are never kept, and all others as before`(seed: UInt64, coding: Coding) {
        let tree = coding.tree(sizes: Self.sizes, seed: seed)
        var generator = SeededGenerator(seed: seed + 4)
        let query = zip(generator.floats(tree.dimensions), tree.origin).map { $0 + $1 }
        let everything = tree.search([query], leaves: 7, k: 205, keeping: 205)[0].kept
        let excluded = (0..<205).filter { _ in generator.uniform(below: 3) == 0 }.map { UInt32($0) } + [103, 103, 4000]
        let found = tree.search([query], leaves: 7, k: 205, keeping: 205, excluding: excluded)[0].kept
        #expect(found == everything.filter { !excluded.contains($0.key) })
        #expect(everything.count == 205 && found.count < 160)
        let best = everything.filter { !excluded.contains($0.key) }.map(\.value).sorted(by: >).prefix(10)
        let few = tree.search([query], leaves: 7, k: 10, keeping: 10, excluding: excluded)[0].kept
        #expect(few.values.sorted(by: >) == Array(best))
        #expect(tree.search([query], leaves: 7, k: 5, keeping: 9, excluding: Array(0..<205))[0].kept.isEmpty)
    }

    @Test(arguments: seeds, Coding.all)
    func `queries that are searched for together find what each finds alone`(seed: UInt64, coding: Coding) {
        let tree = coding.tree(sizes: Self.sizes, seed: seed)
        var generator = SeededGenerator(seed: seed + 5)
        let queries = (0..<6).map { _ in zip(generator.floats(tree.dimensions), tree.origin).map { $0 + $1 } }
        let together = tree.search(queries, leaves: 4, k: 3, keeping: 12, excluding: [1, 2, 90])
        for (number, query) in queries.enumerated() {
            let alone = tree.search([query], leaves: 4, k: 3, keeping: 12, excluding: [1, 2, 90])[0]
            #expect(together[number].leaves == alone.leaves && together[number].kept == alone.kept)
            #expect(alone.kept.count == 12)
        }
        #expect(Set(together.map(\.leaves)).count > 1)
    }

    @Test func `a leaf's parts lie where its blocks do`() {
        let tree = Coding.all[1].tree(sizes: Self.sizes, seed: 4)
        let block = 32 * 2 + 192
        tree.withView { view in
            #expect(view.codeBytes(of: 0) == 0..<3 * block)
            #expect(view.codeBytes(of: 1) == 3 * block..<3 * block)
            #expect(view.codeBytes(of: 2) == 3 * block..<5 * block)
            #expect(view.radiusBytes(of: 0) == 0..<12 && view.radiusBytes(of: 2) == 12..<20)
            #expect(view.slotRowBytes(of: 0) == 0..<280 && view.slotRowBytes(of: 2) == 384..<516)
            #expect(view.leaves[6].rows == 200..<205 && view.leaves[6].blockCount == 1 && !view.numbersSlots)
        }
    }
}

@Suite struct BoundedScanTests {
    private static let sizes = [200, 0, 65, 128, 1, 33, 320]
    private let coding = Coding.all[0]

    /// What numerics, section 4, "Blocks to scan", says: the slots that are scanned in each leaf.
    private func slotsScanned(
        _ tree: SmallTree, _ query: [Float], z: [Float], leaves: [UInt32], k: Int, excluding excluded: Set<UInt32>
    ) -> [UInt32: Int] {
        var first: [Double] = []
        for leaf in leaves.map({ Int($0) }) {
            let estimates = tree.estimates(query, z: z, leaf: leaf)
            for slot in estimates.indices.prefix(32) where !excluded.contains(tree.leaves[leaf].firstRow + UInt32(slot))
            {
                first.append(estimates[slot])
            }
        }
        first.sort(by: >)
        let threshold = first.count < k ? -.infinity : first[k - 1]
        var slots: [UInt32: Int] = [:]
        for leaf in leaves {
            let own = tree.leaves[Int(leaf)]
            var blocks = min(1, own.blockCount)
            while blocks < own.blockCount,
                tree.constant(query, leaf: Int(leaf))
                    + Plain.length(query.doubles) * Double(tree.radii[Int(own.firstBlock) + blocks]) >= threshold
            { blocks += 1 }
            slots[leaf] = min(32 * blocks, Int(own.slotCount))
        }
        return slots
    }

    @Test(arguments: seeds, [1, 5, 40, 150])
    func `blocks are scanned as far as their radii reach`(seed: UInt64, k: Int) {
        let tree = coding.tree(sizes: Self.sizes, seed: seed)
        var generator = SeededGenerator(seed: seed + 6)
        var leftOut = 0
        let excluded = (0..<747).filter { _ in generator.uniform(below: 4) == 0 }.map { UInt32($0) }
        for excluded in [[], excluded] {
            let query = generator.floats(6)
            let found = tree.search([query], leaves: 5, k: k, keeping: 150, excluding: excluded)[0]
            let slots = slotsScanned(
                tree, query, z: found.projected, leaves: found.leaves, k: k, excluding: Set(excluded))
            #expect(found.hadOpenBlocks)
            #expect(found.slotsScanned == slots.values.reduce(0, +))
            leftOut += found.leaves.reduce(0) { $0 + Int(tree.leaves[Int($1)].slotCount) } - found.slotsScanned
            // Of the slots scanned the best are kept.
            var candidates: [UInt32: Double] = [:]
            for (leaf, count) in slots {
                let estimates = tree.estimates(query, z: found.projected, leaf: Int(leaf))
                for slot in 0..<count { candidates[tree.leaves[Int(leaf)].firstRow + UInt32(slot)] = estimates[slot] }
            }
            for number in excluded { candidates[number] = nil }
            let best = candidates.values.sorted(by: >).prefix(150)
            #expect(areNear(found.kept.values.sorted(by: >).map { Double($0) }, Array(best), absolute: 1e-4))
            #expect(found.kept.keys.allSatisfy { candidates[$0] != nil })
        }
        #expect(leftOut > 0 || k == 150)
    }

    @Test(arguments: seeds)
    func `no row that is left out scores more than its block's radius allows`(seed: UInt64) {
        let tree = coding.tree(sizes: Self.sizes, seed: seed)
        var generator = SeededGenerator(seed: seed + 7)
        let query = generator.floats(6)
        let share = Plain.dot(query.doubles, tree.origin.doubles)
        for (leaf, own) in tree.leaves.enumerated() {
            for slot in 0..<Int(own.slotCount) {
                let row = tree.rows.part(Int(own.firstRow) + slot, of: 6).doubles
                let radius = Double(tree.radii[Int(own.firstBlock) + slot / 32])
                let bound = tree.constant(query, leaf: leaf) + Plain.length(query.doubles) * radius
                #expect(Plain.dot(query.doubles, row) - share <= bound + 1e-4)
            }
        }
    }

    @Test func `where every estimate is kept every block is scanned`() {
        let tree = coding.tree(sizes: Self.sizes, seed: 8)
        let query: [Float] = [1, 0, -1, 2, 0, 1]
        for keep in [747, 800] {
            let found = tree.search([query], leaves: 7, k: 1, keeping: keep)[0]
            #expect(!found.hadOpenBlocks && found.slotsScanned == 747 && found.kept.count == 747)
        }
        let fewer = tree.search([query], leaves: 7, k: 1, keeping: 746)[0]
        #expect(fewer.hadOpenBlocks && fewer.slotsScanned < 747)
    }

    @Test func `too few first rows leave no block out`() {
        let tree = coding.tree(sizes: Self.sizes, seed: 8)
        // Six first blocks hold 32 · 5 + 1 = 161 rows.
        let query: [Float] = [1, 0, -1, 2, 0, 1]
        #expect(tree.search([query], leaves: 7, k: 162, keeping: 200)[0].slotsScanned == 747)
        // All of those excluded leaves no threshold.
        let excluded = tree.leaves.flatMap { $0.rows.prefix(32).map { UInt32($0) } }
        #expect(tree.search([query], leaves: 7, k: 1, keeping: 200, excluding: excluded)[0].slotsScanned == 747)
    }
}

@Suite struct SlotNumberTests {
    /// Rows of a leaf of 40 and one of 3; the second one's rows are also slots of the first.
    private func tree(seed: UInt64) -> SmallTree {
        var tree = Coding.all[0].tree(sizes: [40, 3], seed: seed)
        tree.leaves[0] = Leaf(firstBlock: 0, slotCount: 40, firstRow: 0, rowCount: 37)
        tree.leaves[1] = Leaf(firstBlock: 2, slotCount: 3, firstRow: 37, rowCount: 3)
        tree.slotRows = Array(0..<37) + [37, 38, 39] + [UInt32](repeating: 0, count: 24) + [37, 38, 39]
        tree.slotRows += [UInt32](repeating: 0, count: 29)
        return tree
    }

    @Test(arguments: seeds)
    func `candidates are numbered by slots, and a row is excluded in both of its`(seed: UInt64) {
        let tree = tree(seed: seed)
        #expect(tree.withView { $0.numbersSlots })
        let query: [Float] = [1, 2, -1, 0, 1, 1]
        let all = tree.search([query], leaves: 2, k: 43, keeping: 43)[0].kept
        #expect(all.keys.sorted() == Array(0..<40) + [64, 65, 66])
        let found = tree.search([query], leaves: 2, k: 43, keeping: 43, excluding: [38, 5])[0].kept
        #expect(found == all.filter { ![5, 38, 65].contains($0.key) })
    }

    @Test func `leaves hold the rows that they are the first of`() {
        let tree = tree(seed: 5)
        let query: [Float] = [1, 2, -1, 0, 1, 1]
        let best = Int(tree.ranking(query)[0])
        let rows = Int(tree.leaves[best].rowCount)
        #expect(tree.search([query], leaves: 1, k: rows, keeping: 43)[0].leaves.count == 1)
        #expect(tree.search([query], leaves: 1, k: rows + 1, keeping: 43)[0].leaves.count == 2)
    }
}
