import ArgumentParser

/// Lists of search knobs: `leaves-to-search=20,40,80;reorder=50,100,200` means all nine combinations.
struct Sweep: ExpressibleByArgument {
    private var leavesToSearch: [Int]?
    private var reorder: [Int]?

    /// The stored settings alone.
    static let defaults = Sweep()

    var isDefault: Bool { leavesToSearch == nil && reorder == nil }

    private init() {}

    init?(argument: String) {
        for part in argument.split(separator: ";", omittingEmptySubsequences: false) {
            let words = part.split(separator: "=", omittingEmptySubsequences: false)
            guard words.count == 2 else { return nil }
            let values = words[1].split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
            let numbers = values.compactMap(\.self)
            guard numbers.count == values.count else { return nil }
            switch words[0] {
            case "leaves-to-search" where leavesToSearch == nil && numbers.allSatisfy({ $0 >= 1 }):
                leavesToSearch = numbers
            case "reorder" where reorder == nil && numbers.allSatisfy({ $0 >= 0 }):
                reorder = numbers
            default: return nil
            }
        }
    }

    var defaultValueDescription: String { "the stored settings" }

    /// Every combination, the last knob fastest; `nil` where the stored value is meant.
    var settings: [(leavesToSearch: Int?, reorder: Int?)] {
        (leavesToSearch?.map(Optional.some) ?? [nil]).flatMap { leaves in
            (reorder?.map(Optional.some) ?? [nil]).map { (leaves, $0) }
        }
    }
}
