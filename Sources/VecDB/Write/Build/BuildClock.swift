import SegmentFile

/// Times the phases of a build, reports progress and passes on the wish to stop.
final class BuildClock {
    private(set) var seconds: [(phase: BuildPhase, seconds: Double)] = []
    private let progress: ((BuildProgress) -> Void)?
    private let cancellation: Cancellation?
    private let began = ContinuousClock.now
    private var lastMark = ContinuousClock.now
    private var lastReport = ContinuousClock.now - .seconds(1)

    init(_ progress: ((BuildProgress) -> Void)?, cancellation: Cancellation? = nil) {
        (self.progress, self.cancellation) = (progress, cancellation)
    }

    var totalSeconds: Double { (ContinuousClock.now - began) / .seconds(1) }

    /// Adds the time since the last mark to a phase.
    func mark(_ phase: BuildPhase) {
        let now = ContinuousClock.now
        let spent = (now - lastMark) / .seconds(1)
        lastMark = now
        if let index = seconds.firstIndex(where: { $0.phase == phase }) {
            seconds[index].seconds += spent
        } else {
            seconds.append((phase, spent))
        }
    }

    /// Reports, at most twenty times a second but always at the beginning and the end of a phase.
    ///
    /// - Throws: ``DatabaseError/interrupted`` when the build is cancelled.
    func report(_ phase: BuildPhase, _ completed: Int, of total: Int) throws(DatabaseError) {
        show(phase, completed, of: total)
        if let cancellation, cancellation.isCancelled { throw .interrupted }
    }

    private func show(_ phase: BuildPhase, _ completed: Int, of total: Int) {
        guard let progress else { return }
        let now = ContinuousClock.now
        guard completed == 0 || completed == total || now - lastReport > .milliseconds(50) else { return }
        lastReport = now
        progress(BuildProgress(phase: phase, completed: completed, total: total))
    }
}
