import SegmentFile
import TreeAH
import VectorKernels

// The way of queries through the segments of a snapshot (`Formats/numerics.md`, sections 4 and 7).

extension SegmentList {
    /// The whole way of a query to its nearest rows: the best k end in `scratch.hits`.
    ///
    /// - Parameter query: `dimensions` floats, normalised for cosine.
    /// - Throws: `SegmentError`, and what the limits throw.
    func search(
        _ query: Span<Float>, plan: SearchPlan, filter: SnapshotFilter, scratch: inout SearchScratch,
        trace: inout SearchTrace
    ) throws {
        switch plan.way {
        case .direct:
            scratch.hits.reset(k: plan.k)
            for (place, part) in parts.enumerated() {
                try trace.limits.check()
                let rows = filter[place].passing(of: part.rowCount)
                try part.scoreExactly(rows.span, query, k: plan.k, scratch: &scratch)
            }
            trace.finishExactScan(rows: rowCount - filter.excludedCount, isDirect: true)
        case .exact:
            scratch.hits.reset(k: plan.k)
            for (place, part) in parts.enumerated() {
                try part.scanExactly(
                    query, k: plan.k, filter: filter[place], limits: trace.limits, scratch: &scratch)
            }
            trace.finishExactScan(rows: rowCount - filter.excludedCount)
        case .tree:
            let search = TreeSearch(of: self, for: query, count: 1, plan: plan)
            try search.scan(filter: { _ in filter }, scratch: &scratch, trace: &trace)
            try search.rank(0, filter: filter, scratch: &scratch, trace: &trace)
        }
    }
}

/// A tree search for several queries at once: each leaf is scanned for all queries that chose it while its codes are near.
struct TreeSearch: ~Escapable {
    private let segments: SegmentList
    /// Row-major, `dimensions` floats each, normalised for cosine.
    private let queries: Span<Float>
    private let count: Int
    private let plan: SearchPlan

    @_lifetime(copy queries)
    init(of segments: SegmentList, for queries: Span<Float>, count: Int, plan: SearchPlan) {
        precondition(queries.count == count * segments.dimensions)
        (self.segments, self.queries, self.count, self.plan) = (segments, queries, count, plan)
    }

    private func query(_ number: Int) -> Range<Int> {
        number * segments.dimensions..<(number + 1) * segments.dimensions
    }

    /// How many of the best slots hold k different rows for certain.
    private var slotsForK: Int {
        segments.hasSecondAssignments ? (plan.k > .max / 2 ? .max : 2 * plan.k) : plan.k
    }

    private var keptEstimates: Int { max(1, min(max(plan.reorder, slotsForK), segments.slotCount)) }

    // MARK: estimates

    /// Scans the leaves that each query chooses: its best estimates end in `scratch.estimates`.
    ///
    /// - Throws: `SegmentError`, and what the limits throw.
    func scan(
        filter: (Int) -> SnapshotFilter, scratch: inout SearchScratch, trace: inout SearchTrace
    ) throws {
        scratch.begin(queryCount: count, keeping: keptEstimates)
        if segments.isOneTree {
            try scanOneTree(filter, scratch: &scratch, trace: &trace)
        } else {
            try scanSeveralTrees(filter, scratch: &scratch, trace: &trace)
        }
        trace.finish("scan")
    }

    /// The whole scan with one view of the tree.
    private func scanOneTree(
        _ filter: (Int) -> SnapshotFilter, scratch: inout SearchScratch, trace: inout SearchTrace
    ) throws {
        let segment = segments.mapped[0]
        guard let tree = segment.parameters.tree else { preconditionFailure("models are those of trees") }
        let view = segment.treeView(tree)
        for number in 0..<count {
            try trace.limits.check()
            try chooseLeaves(
                ofModel: 0, in: view, for: number, leaves: plan.leavesToSearch, filter(number), scratch: &scratch,
                trace: &trace)
        }
        trace.finish("lookup table")
        try trace.limits.check()
        let slots = scanFirstBlocks(of: 0, in: view, filter, scratch: &scratch)
        try trace.limits.check()
        trace.statistics.codesScanned += slots + scanOtherBlocks(of: 0, in: view, scratch: &scratch)
    }

    private func scanSeveralTrees(
        _ filter: (Int) -> SnapshotFilter, scratch: inout SearchScratch, trace: inout SearchTrace
    ) throws {
        for model in segments.models.indices {
            for number in 0..<count {
                try trace.limits.check()
                try chooseLeaves(
                    ofModel: model, for: number, leaves: plan.leavesToSearch, filter(number), scratch: &scratch,
                    trace: &trace)
            }
        }
        for number in 0..<count { try enlarge(number, filter(number), scratch: &scratch, trace: &trace) }
        trace.statistics.leaves = segments.models.reduce(0) { $0 + leafCount(ofModel: $1) }
        trace.statistics.leavesSearched = segments.models.indices.reduce(0) {
            $0 + scratch.routes[$1 * count].leaves.count
        }
        trace.finish("lookup table")
        for (place, segment) in segments.mapped.enumerated() {
            try trace.limits.check()
            guard let tree = segment.parameters.tree else { continue }
            trace.statistics.codesScanned += scanFirstBlocks(
                of: place, in: segment.treeView(tree), filter, scratch: &scratch)
            scratch.exchangeOpenBlocks(ofSegment: place)
        }
        for (place, segment) in segments.mapped.enumerated() {
            try trace.limits.check()
            guard let tree = segment.parameters.tree else { continue }
            scratch.exchangeOpenBlocks(ofSegment: place)
            trace.statistics.codesScanned += scanOtherBlocks(
                of: place, in: segment.treeView(tree), scratch: &scratch)
        }
    }

    /// The leaves of a model that a query searches, what its segments' estimates in them share, and the query's lookup table.
    private func chooseLeaves(
        ofModel model: Int, for number: Int, leaves count: Int, _ filter: SnapshotFilter,
        scratch: inout SearchScratch, trace: inout SearchTrace
    ) throws(SegmentError) {
        let first = segments.mapped[segments.models[model][0]]
        guard let tree = first.parameters.tree else { preconditionFailure("models are those of trees") }
        try chooseLeaves(
            ofModel: model, in: first.treeView(tree), for: number, leaves: count, filter, scratch: &scratch,
            trace: &trace)
    }

    /// - Parameter view: of the model's first segment.
    private func chooseLeaves(
        ofModel model: Int, in view: borrowing TreeView, for number: Int, leaves count: Int, _ filter: SnapshotFilter,
        scratch: inout SearchScratch, trace: inout SearchTrace
    ) throws(SegmentError) {
        let members = segments.models[model]
        let (first, query) = (segments.mapped[members[0]], queries.extracting(query(number)))
        let kernels = first.kernels
        view.project(query, scratch: &scratch, kernels: kernels)
        view.chooseLeaves(
            count: count, rowsNeeded: segments.isOneTree ? plan.k : 0, filter: filter[members[0]],
            scratch: &scratch, kernels: kernels)
        trace.finish("choose leaves", leaves: view.leaves.count, searched: scratch.leaves.count)
        view.prepareLookupTable(number: number, from: tables(ofModel: model), scratch: &scratch, kernels: kernels)
        try first.ensureCodesIntact(view, scratch)
        let chosen = view.noteChosenLeaves(
            for: query, onOneScale: segments.models.count > 1, scratch: &scratch, kernels: kernels)
        var slots = view.slotCount(of: chosen, scratch)
        for place in members.dropFirst() {
            let segment = segments.mapped[place]
            guard let tree = segment.parameters.tree else { continue }
            let view = segment.treeView(tree)
            try segment.ensureCodesIntact(view, scratch)
            slots += view.slotCount(of: chosen, scratch)
        }
        scratch.note(leaves: chosen, slots: slots, at: model * self.count + number)
    }

    private func leafCount(ofModel members: [Int]) -> Int {
        segments.mapped[members[0]].parameters.tree?.leafCount ?? 0
    }

    /// Where a model's lookup tables begin.
    private func tables(ofModel model: Int) -> TableStart {
        var start = TableStart()
        for before in 0..<model {
            guard let tree = segments.mapped[segments.models[before][0]].parameters.tree else { continue }
            start.bytes += count * tree.shape.evenSubspaces * 16
            start.factors += count
        }
        return start
    }

    private func scanFirstBlocks(
        of segment: Int, in view: borrowing TreeView, _ filter: (Int) -> SnapshotFilter,
        scratch: inout SearchScratch
    ) -> Int {
        guard let model = segments.modelOfSegment[segment] else { return 0 }
        let kernels = segments.mapped[segment].kernels
        for number in 0..<count {
            let chosen = scratch.routes[model * count + number].leaves
            view.enqueue(
                chosen, for: queries.extracting(query(number)), number: number,
                firstNumber: UInt32(segments.firstNumbers[segment]),
                bounding: slots(number, scratch) > keptEstimates, filter: filter(number)[segment],
                scratch: &scratch, kernels: kernels)
        }
        if count > 1 { scratch.orderQueue(leafCount: view.leaves.count) }
        return view.scanQueue(from: tables(ofModel: model), scratch: &scratch, kernels: kernels)
    }

    /// The slots in all leaves that a query has chosen.
    private func slots(_ number: Int, _ scratch: borrowing SearchScratch) -> Int {
        segments.models.indices.reduce(0) { $0 + scratch.routes[$1 * count + number].slots }
    }

    private func scanOtherBlocks(
        of segment: Int, in view: borrowing TreeView, scratch: inout SearchScratch
    ) -> Int {
        guard scratch.hasOpenBlocks, let model = segments.modelOfSegment[segment] else { return 0 }
        let kernels = segments.mapped[segment].kernels
        view.enqueueOtherBlocks(k: slotsForK, scratch: &scratch, kernels: kernels)
        if count > 1 { scratch.orderQueue(leafCount: view.leaves.count) }
        return view.scanQueue(from: tables(ofModel: model), scratch: &scratch, kernels: kernels)
    }

    // MARK: enlarging

    /// Chooses more leaves, as many of each model, where those chosen and what is scored exactly hold fewer than k rows that
    /// may be returned.
    private func enlarge(
        _ number: Int, _ filter: SnapshotFilter, scratch: inout SearchScratch, trace: inout SearchTrace
    ) throws(SegmentError) {
        // All of those that are scored exactly, and those in the leaves chosen of the others.
        var rows = segments.rowCount - filter.excludedCount
        for (place, segment) in segments.mapped.enumerated() {
            guard let model = segments.modelOfSegment[place], let tree = segment.parameters.tree else { continue }
            rows += segment.treeView(tree).liveRowCount(
                of: scratch.routes[model * count + number].leaves, filter: filter[place], scratch)
            rows -= segment.rowCount - filter[place].excludedCount
        }
        guard rows < plan.k else { return }
        // How many rows each further leaf would add, all models together.
        var added: [Int] = []
        for members in segments.models {
            let first = segments.mapped[members[0]]
            guard let tree = first.parameters.tree else { continue }
            let view = first.treeView(tree)
            view.project(queries.extracting(query(number)), scratch: &scratch, kernels: first.kernels)
            view.rankLeaves(scratch: &scratch, kernels: first.kernels)
            let ranking = scratch.leaves.dropFirst(plan.leavesToSearch)
            while added.count < ranking.count { added.append(0) }
            for place in members {
                let segment = segments.mapped[place]
                guard let tree = segment.parameters.tree else { continue }
                let view = segment.treeView(tree)
                for (step, leaf) in ranking.enumerated() {
                    added[step] += view.liveRowCount(of: Int(leaf), filter: filter[place])
                }
            }
        }
        var steps = 0
        while steps < added.count, rows < plan.k {
            rows += added[steps]
            steps += 1
        }
        guard steps > 0 else { return }
        for model in segments.models.indices {
            try chooseLeaves(
                ofModel: model, for: number, leaves: plan.leavesToSearch + steps, filter, scratch: &scratch,
                trace: &trace)
        }
    }

    // MARK: exact scores

    /// Exact scores of a query's best estimates, and of the rows that have none: the best k end in `scratch.hits`.
    ///
    /// - Throws: `SegmentError`, and what the limits throw.
    func rank(
        _ number: Int, filter: SnapshotFilter, scratch: inout SearchScratch, trace: inout SearchTrace
    ) throws {
        try trace.limits.check()
        let query = queries.extracting(query(number))
        scratch.hits.reset(k: plan.k)
        let places = scratch.estimates.select(query: number, kernels: segments.mapped[0].kernels)
        var reordered = 0
        if segments.isOneTree {
            reordered = try segments.mapped[0].reorder(
                places, of: scratch.estimates.allNumbers, query, k: plan.k, scratch: &scratch)
        } else {
            for (place, segment) in segments.mapped.enumerated() {
                guard segments.modelOfSegment[place] != nil else {
                    try segment.scanExactly(
                        query, k: plan.k, filter: filter[place], limits: trace.limits, scratch: &scratch)
                    continue
                }
                scratch.collectNumbers(at: places, in: segments.firstNumbers[place]..<segments.firstNumbers[place + 1])
                let numbers = scratch.numbers
                reordered += try segment.reorder(numbers.indices, of: numbers, query, k: plan.k, scratch: &scratch)
            }
            try segments.delta?.scanExactly(
                query, k: plan.k, filter: filter[segments.mapped.count], limits: trace.limits, scratch: &scratch)
        }
        trace.statistics.candidatesReordered = reordered
        trace.finish("reorder")
    }
}
