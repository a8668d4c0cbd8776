import Foundation
import VecDB
import VecDBJSON

/// Recall against queries per second as an SVG picture: every setting as a dot, and through the best of them a line with
/// their names.
struct FrontierPlot {
    private struct Point {
        let recall: Double
        let qps: Double
        let label: String
        let note: String
    }

    private let title: String
    private let subtitle: String
    private let k: Int
    private let points: [Point]

    init(_ rows: [EvaluationRow], k: Int, title: String, info: DatabaseInfo) {
        self.k = k
        self.title = URL(filePath: title).lastPathComponent
        subtitle =
            "\(counted(info.rows, "row")) × \(info.dimensions), \(info.metric.rawValue), "
            + indexText(info.index, leaves: info.leaves) + "; labels: leaves searched / reordered"
        points = rows.map { row in
            let label =
                row.leavesToSearch.map { "\(grouped($0))/\(grouped(row.reorder ?? 0))" } ?? "brute force"
            return Point(
                recall: row.recall, qps: row.qps, label: label,
                note: "\(label): recall \(fixed(row.recall, 4)), \(fixed(row.meanUs, 1)) µs")
        }
    }

    // MARK: the picture

    private static let (width, height) = (860.0, 540.0)
    private static let (left, right, top, bottom) = (84.0, 28.0, 92.0, 74.0)
    private static let (ink, muted, grid, line) = ("#1f2328", "#656d76", "#e4e8ec", "#0f6fde")
    /// Misses below this are drawn as this: a recall of 1 has its place on a logarithmic scale.
    private static let finestMiss = 0.0002
    private static let recallTicks = [
        0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 1,
    ]

    var svg: String {
        let (width, height) = (Self.width, Self.height)
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="860" height="540" viewBox="0 0 860 540" \
            font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" role="img">
            <title>\(Self.escaped(title)): recall against queries per second</title>
            <rect width="\(Int(width))" height="\(Int(height))" rx="8" fill="#ffffff"/>
            \(text(Self.left, 38, title, size: 20, fill: Self.ink, weight: 600))
            \(text(Self.left, 60, subtitle, size: 13))
            \(recallAxis)
            \(speedAxis)
            \(dots)
            \(frontierLine)
            </svg>

            """
    }

    /// Even steps are even factors of what is missed: from .9 to .99 as wide as from .99 to .999.
    private func across(_ recall: Double) -> Double {
        func position(_ recall: Double) -> Double { -log10(max(1 - recall, Self.finestMiss)) }
        let recalls = points.map(\.recall)
        let first = position(min(0.9, recalls.min() ?? 0)) - 0.03
        let last = max(position(recalls.max() ?? 1), position(0.99)) + 0.12
        return Self.left + (Self.width - Self.left - Self.right) * (position(recall) - first) / (last - first)
    }

    private var speeds: (low: Double, high: Double) {
        let speeds = points.map(\.qps)
        return ((speeds.min() ?? 1) / 1.4, (speeds.max() ?? 1) * 1.4)
    }

    private func up(_ speed: Double) -> Double {
        let (low, high) = speeds
        return Self.top + (Self.height - Self.top - Self.bottom) * (1 - log(speed / low) / log(high / low))
    }

    private var recallAxis: String {
        var (parts, last) = ([String](), -Double.infinity)
        for tick in Self.recallTicks {
            let x = across(tick)
            guard x >= Self.left, x <= Self.width - Self.right, x - last >= 34 else { continue }
            last = x
            parts.append(line(x, Self.top, x, Self.height - Self.bottom, Self.grid))
            parts.append(text(x, Self.height - Self.bottom + 20, "\(NSNumber(value: tick))", anchor: "middle"))
        }
        let y = Self.height - Self.bottom
        parts.append(line(Self.left, y, Self.width - Self.right, y, Self.muted))
        let middle = (Self.left + Self.width - Self.right) / 2
        parts.append(text(middle, Self.height - 22, "recall@\(k) →", anchor: "middle", size: 13, fill: Self.ink))
        return parts.joined(separator: "\n")
    }

    private var speedAxis: String {
        let (low, high) = speeds
        var parts: [String] = []
        for power in Int(log10(low).rounded(.down))...Int(log10(high).rounded(.up)) {
            for tick in [1.0, 2, 5].map({ $0 * pow(10, Double(power)) }) where tick >= low && tick <= high {
                let y = up(tick)
                parts.append(line(Self.left, y, Self.width - Self.right, y, Self.grid))
                parts.append(text(Self.left - 10, y + 4, tick < 1 ? "\(tick)" : fixed(tick, 0), anchor: "end"))
            }
        }
        let middle = (Self.top + Self.height - Self.bottom) / 2
        let label = text(0, 0, "queries per second →", anchor: "middle", size: 13, fill: Self.ink)
        parts.append("<g transform=\"translate(22 \(place(middle))) rotate(-90)\">\(label)</g>")
        return parts.joined(separator: "\n")
    }

    private var dots: String {
        let circles = points.map {
            "<circle cx=\"\(place(across($0.recall)))\" cy=\"\(place(up($0.qps)))\" r=\"2.5\"/>"
        }
        return "<g fill=\"\(Self.line)\" fill-opacity=\"0.25\">\(circles.joined())</g>"
    }

    /// The settings that no other one beats in both ways, by recall.
    private var frontier: [Point] {
        var best: [Point] = []
        for point in points.sorted(by: { ($0.qps, $0.recall) > ($1.qps, $1.recall) })
        where point.recall > best.last?.recall ?? -1 {
            best.append(point)
        }
        return best
    }

    private var frontierLine: String {
        let frontier = frontier
        let path = frontier.map { "\(place(across($0.recall))),\(place(up($0.qps)))" }.joined(separator: " ")
        var parts = [
            "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(Self.line)\" stroke-width=\"2.25\" "
                + "stroke-linejoin=\"round\"/>"
        ]
        var lastLabelled: (x: Double, y: Double) = (-.infinity, 0)
        for point in frontier {
            let (x, y) = (across(point.recall), up(point.qps))
            parts.append(
                "<circle cx=\"\(place(x))\" cy=\"\(place(y))\" r=\"4\" fill=\"\(Self.line)\" stroke=\"#ffffff\" "
                    + "stroke-width=\"1.25\"><title>\(Self.escaped(point.note))</title></circle>")
            // Labels stand above and to the right of the falling line, and not on each other.
            let fits = x - lastLabelled.x >= 7 * Double(point.label.count) || y - lastLabelled.y >= 16
            guard fits else { continue }
            lastLabelled = (x, y)
            let isNearEdge = x + 7 * Double(point.label.count) + 8 > Self.width - 4
            parts.append(
                text(
                    isNearEdge ? x - 2 : x + 7, y - 8, point.label, anchor: isNearEdge ? "end" : "start", fill: Self.ink
                ))
        }
        return parts.joined(separator: "\n")
    }

    // MARK: shapes

    private func text(
        _ x: Double, _ y: Double, _ content: String, anchor: String = "start", size: Int = 12, fill: String = muted,
        weight: Int = 400
    ) -> String {
        "<text x=\"\(place(x))\" y=\"\(place(y))\" text-anchor=\"\(anchor)\" font-size=\"\(size)\" "
            + "font-weight=\"\(weight)\" fill=\"\(fill)\">\(Self.escaped(content))</text>"
    }

    private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String) -> String {
        "<line x1=\"\(place(x1))\" y1=\"\(place(y1))\" x2=\"\(place(x2))\" y2=\"\(place(y2))\" stroke=\"\(colour)\"/>"
    }

    private func place(_ value: Double) -> String { "\((10 * value).rounded() / 10)" }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in printable(text).unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
