import VecDB
import VecDBJSON

extension Explanation {
    /// Several lines for people.
    func text(query: String) -> String {
        var lines = ["explain \(query)"]
        if statistics.exact {
            lines.append("  search      exact, \(counted(statistics.codesScanned, "row")) compared")
        } else {
            lines.append(
                "  search      \(grouped(statistics.leavesSearched)) of "
                    + "\(counted(statistics.leaves, "leaf", "leaves")) searched, "
                    + "\(counted(statistics.codesScanned, "code")) scanned, "
                    + "\(counted(statistics.candidatesReordered, "candidate")) reordered")
        }
        if !ignored.isEmpty {
            let options = ignored.map { "--" + $0.replacing("_", with: "-") }
            lines.append("  ignored     \(options.joined(separator: " and ")): this search is exact")
        }
        lines.append("  filter      \(statistics.filterStrategy), \(counted(statistics.rowsExcluded, "row")) excluded")
        let stages = statistics.stages.map { "\($0.name) \(microseconds($0.nanoseconds))" }
        let total = statistics.stages.reduce(0) { $0 &+ $1.nanoseconds }
        lines.append("  time        " + (stages + ["total \(microseconds(total))"]).joined(separator: " · "))
        return lines.joined(separator: "\n") + "\n"
    }

    private func microseconds(_ nanoseconds: UInt64) -> String {
        "\(fixed(Double(nanoseconds) / 1000, 1)) µs"
    }
}
