import ArgumentParser
import Foundation
import VecDB

/// When progress is shown.
enum ProgressMode: String, CaseIterable, ExpressibleByArgument {
    /// A redrawn line on a terminal; elsewhere a line when a phase begins.
    case auto
    /// The same, and elsewhere also a line every five seconds, for logs of long builds.
    case always
    case never
}

/// Progress on standard error: one redrawn line on a terminal, plain lines elsewhere.
final class ProgressLine {
    private enum Style { case silent, redrawn, plain }

    private let style: Style
    /// Plain style: repeat after so many seconds within a phase; `nil` says each phase once.
    private let repeatSeconds: Double?
    private let clock = ContinuousClock()
    private let beginning: ContinuousClock.Instant
    private var phase: String?
    private var phaseBeginning: ContinuousClock.Instant
    private var lastLine: ContinuousClock.Instant
    private var isDrawn = false

    init(_ mode: ProgressMode) {
        switch mode {
        case .never: style = .silent
        case .auto, .always: style = Self.isOnTerminal ? .redrawn : .plain
        }
        repeatSeconds = mode == .always ? 5 : nil
        beginning = clock.now
        phaseBeginning = beginning
        lastLine = beginning
    }

    deinit {
        erase()
    }

    /// Shows how far `phase` has come. Cheap to call often: the line is redrawn at most ten times a second.
    ///
    /// - Parameter total: 0 while it is not known.
    func show(_ phase: String, completed: Int, total: Int) {
        guard style != .silent else { return }
        let now = clock.now
        let isNew = phase != self.phase
        if isNew {
            self.phase = phase
            phaseBeginning = now
        }
        let silence = isNew ? .infinity : (now - lastLine) / .seconds(1)
        switch style {
        case .silent: return
        case .redrawn where silence >= 0.1:
            // Without wrapping, a narrow window cuts the line instead of leaving pieces of it behind.
            StandardError.control("\r\u{1B}[?7l\(printable(line(phase, completed, total, now)))\u{1B}[K\u{1B}[?7h")
            isDrawn = true
        case .plain where isNew:
            StandardError.note("\(phase)\(total > 0 ? " 0 of \(grouped(total))" : ""), \(circumstances(now))")
        case .plain where silence >= repeatSeconds ?? .infinity:
            let share = total > 0 ? " of \(grouped(total))\(timeLeft(completed, total, now))" : ""
            StandardError.note("\(phase) \(grouped(completed))\(share), \(circumstances(now))")
        case .redrawn, .plain: return
        }
        lastLine = now
    }

    /// Removes the redrawn line, so that what follows starts on a clean one.
    func erase() {
        guard isDrawn else { return }
        isDrawn = false
        StandardError.control("\r\u{1B}[K")
    }

    /// `train   ━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌  50%  4/8  1/s  4 s left  183.2 MiB`
    private func line(_ phase: String, _ completed: Int, _ total: Int, _ now: ContinuousClock.Instant) -> String {
        var parts = [phase.padding(toLength: max(6, phase.count), withPad: " ", startingAt: 0)]
        if total > 0 {
            let width = 20
            let share = min(1, max(0, Double(completed) / Double(total)))
            let filled = Int(share * Double(width))
            parts.append(String(repeating: "━", count: filled) + String(repeating: "╌", count: width - filled))
            parts.append("\(Int(share * 100))%")
            parts.append("\(grouped(completed))/\(grouped(total))")
        } else if completed > 0 {
            parts.append(grouped(completed))
        }
        let elapsed = (now - phaseBeginning) / .seconds(1)
        if completed > 0, elapsed > 0.5 {
            let rate = Double(completed) / elapsed
            parts.append("\(fixed(rate, rate < 10 ? 1 : 0))/s")
        }
        let left = timeLeft(completed, total, now)
        if !left.isEmpty { parts.append(String(left.dropFirst(2))) }
        if let memory = ProcessCounters.usedBytes { parts.append(byteSize(memory)) }
        return parts.joined(separator: "  ")
    }

    private func timeLeft(_ completed: Int, _ total: Int, _ now: ContinuousClock.Instant) -> String {
        let elapsed = (now - phaseBeginning) / .seconds(1)
        guard completed > 0, completed < total, elapsed > 0.5 else { return "" }
        return ", \(roughDuration(seconds: elapsed * Double(total - completed) / Double(completed))) left"
    }

    /// `after 1.2 s, 183.2 MiB in memory`
    private func circumstances(_ now: ContinuousClock.Instant) -> String {
        let time = "after \(fixed((now - beginning) / .seconds(1), 1)) s"
        guard let memory = ProcessCounters.usedBytes else { return time }
        return "\(time), \(byteSize(memory)) in memory"
    }

    private static var isOnTerminal: Bool {
        isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }
}
