import TreeAH

/// How one search goes about it, with every default filled in.
struct SearchPlan: Hashable {
    enum Way: Hashable {
        /// By the tree.
        case tree
        /// Brute force over all rows.
        case exact
        /// Brute force over the rows that exclusions have left.
        case direct
    }

    var k: Int
    var leavesToSearch: Int
    var reorder: Int
    var way = Way.tree
}

/// The search parameters that a database stores, and how they become a search's own (`Formats/numerics.md`, section 4).
struct StoredSettings: Sendable {
    /// What the keys `default_…` say.
    let defaults: SearchDefaults?
    /// By ascending k: what was measured on this segment, the defaults at their k included. Empty where nothing was, as in
    /// databases of vecdb 1.
    let byK: [SearchDefaults]

    init(defaults: SearchDefaults?, measured: [SearchDefaults]?) {
        self.defaults = defaults
        guard let measured else {
            byK = []
            return
        }
        // An older version that tunes changes the default alone: that counts.
        byK = (measured.filter { $0.k != defaults?.k } + [defaults].compactMap(\.self)).sorted { $0.k < $1.k }
    }

    /// What a search of k uses: the setting of the smallest k that is not below its own; above the largest, that one's in
    /// proportion.
    func setting(forK k: Int) -> (leavesToSearch: Int, reorder: Int)? {
        guard let largest = byK.last else { return nil }
        if let setting = byK.first(where: { $0.k >= k }) { return (setting.leavesToSearch, setting.reorder) }
        func scaled(_ value: Int) -> Int {
            let (product, overflows) = value.multipliedReportingOverflow(by: k)
            return overflows ? .max : product / largest.k + (product % largest.k > 0 ? 1 : 0)
        }
        return (scaled(largest.leavesToSearch), scaled(largest.reorder))
    }
}

extension VectorDatabase {
    /// The knobs of a search for k hits that names none and excludes nothing; `nil` where it is brute force.
    public func setting(forK k: Int) -> (leavesToSearch: Int, reorder: Int)? {
        let snapshot = snapshot
        let plan = snapshot.plan(SearchOptions(k: max(1, k)), excluding: 0)
        guard plan.way == .tree, let cost = snapshot.segments.searchCost else { return nil }
        return (min(plan.leavesToSearch, cost.leafCount), min(plan.reorder, cost.rowCount))
    }
}

extension Snapshot {
    /// How such a search goes about it when so many rows are excluded: a function of counts and stored settings.
    func plan(_ options: SearchOptions, excluding excludedCount: Int) -> SearchPlan {
        var plan = SearchPlan(
            k: options.k, leavesToSearch: options.leavesToSearch ?? settings.defaults?.leavesToSearch ?? .max,
            reorder: options.reorder ?? settings.defaults?.reorder ?? .max)
        guard !options.exact, let cost = segments.searchCost else {
            plan.way = .exact
            return plan
        }
        guard options.leavesToSearch == nil, options.reorder == nil else { return plan }
        let remaining = max(0, cost.rowCount - excludedCount)
        let k = min(options.k, cost.rowCount)
        // The best k of what is left are among about so many best of all.
        let (product, overflows) = k.multipliedReportingOverflow(by: max(1, cost.rowCount / max(1, remaining)))
        let effectiveK = overflows ? cost.rowCount : min(cost.rowCount, product)
        if let setting = settings.setting(forK: effectiveK) {
            (plan.leavesToSearch, plan.reorder) = setting
            let costOfTree = cost.ofTrees(leaves: plan.leavesToSearch, reorder: plan.reorder)
            if remaining < cost.rowCount, cost.ofRows(remaining) < costOfTree {
                plan.way = .direct
            } else if effectiveK > settings.byK.last?.k ?? 0, cost.ofAllRows < costOfTree {
                plan.way = .exact
            }
        }
        // A search that leaves nothing out is brute force, whatever it is called.
        if plan.way == .tree, plan.leavesToSearch >= cost.leafCount, plan.reorder >= cost.rowCount { plan.way = .exact }
        return plan
    }
}
