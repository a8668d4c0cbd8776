/// Notes what a search does, and knows how long it may go on. Switched off it costs a test of a flag for each stage.
struct SearchTrace {
    var statistics = SearchStatistics()
    let limits: SearchLimits
    private let isOn: Bool
    private var last: ContinuousClock.Instant?

    init(isOn: Bool, limits: SearchLimits = .none) {
        (self.isOn, self.limits) = (isOn, limits)
        last = isOn ? .now : nil
    }

    /// Ends a stage and notes its time and what is known by now.
    mutating func finish(
        _ stage: String, excluded: Int? = nil, leaves: Int? = nil, searched: Int? = nil
    ) {
        guard isOn, let began = last else { return }
        let now = ContinuousClock.now
        let duration = began.duration(to: now).components
        statistics.stages.append(
            (stage, UInt64(duration.seconds) * 1_000_000_000 + UInt64(duration.attoseconds / 1_000_000_000)))
        last = now
        if let excluded {
            statistics.rowsExcluded = excluded
            statistics.filterStrategy = excluded > 0 ? "mask" : "none"
        }
        if let leaves { statistics.leaves = leaves }
        if let searched { statistics.leavesSearched = searched }
    }

    /// Ends an exact scan over `rows` rows.
    ///
    /// - Parameter isDirect: whether they are those that exclusions have left, and no others were read.
    mutating func finishExactScan(rows: Int, isDirect: Bool = false) {
        finish("exact scan")
        statistics.exact = true
        if isDirect { statistics.filterStrategy = "direct" }
        statistics.codesScanned = rows
    }
}
