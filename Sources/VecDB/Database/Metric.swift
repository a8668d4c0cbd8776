/// How nearness is measured. `Formats/numerics.md` defines each to the bit.
public enum Metric: String, CaseIterable, Sendable {
    /// Inner product; larger is better.
    case dot
    /// Inner product of normalised vectors; larger is better. Zero vectors are refused.
    case cosine
    /// Squared Euclidean distance; smaller is better.
    case l2

    /// The number that stands for the metric in a segment file.
    var code: UInt8 {
        switch self {
        case .dot: 1
        case .cosine: 2
        case .l2: 3
        }
    }

    init?(code: UInt8) {
        guard let metric = Metric.allCases.first(where: { $0.code == code }) else { return nil }
        self = metric
    }

    /// Turns a score in which larger is nearer into the one that users see, and back.
    func shown(_ insideScore: Float) -> Float {
        self == .l2 ? 0 - insideScore : insideScore
    }
}
