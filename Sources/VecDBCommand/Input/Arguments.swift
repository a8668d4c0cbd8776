import ArgumentParser
import EmbeddingInput
import VecDB

// Raw-value enumerations list their values in help and in messages by themselves.
extension Metric: ExpressibleByArgument {}
extension IndexKind: ExpressibleByArgument {}
extension ReorderStorage: ExpressibleByArgument {}
extension DuplicateIDPolicy: ExpressibleByArgument {}
extension VectorFileFormat: ExpressibleByArgument {}

extension ProjectionChoice: ExpressibleByArgument {
    public init?(argument: String) {
        switch argument {
        case "auto": self = .auto
        case "none": self = .none
        case "random": self = .random
        default:
            guard argument.hasPrefix("pca:"), let axes = Int(argument.dropFirst(4)), axes >= 1 else { return nil }
            self = .principalAxes(axes)
        }
    }

    public static var allValueStrings: [String] { ["auto", "none", "random", "pca:K"] }

    public var defaultValueDescription: String {
        switch self {
        case .auto: "auto"
        case .none: "none"
        case .random: "random"
        case .principalAxes(let axes): "pca:\(axes)"
        }
    }
}

/// `'--a', '--b' and '--c'`; `nil` for none.
func quotedList(_ options: [String]) -> String? {
    guard let last = options.last else { return nil }
    let others = options.dropLast().map { "'\($0)'" }.joined(separator: ", ")
    return (others.isEmpty ? "" : others + " and ") + "'\(last)'"
}

/// Throws a usage error unless `value`, when given, is at least `minimum`.
func check(_ option: String, _ value: Int?, atLeast minimum: Int) throws {
    guard let value, value < minimum else { return }
    throw ValidationError("'\(option)' is \(grouped(value)); it must be at least \(grouped(minimum)).")
}

/// Throws a usage error unless `value`, when given, is a share that can be aimed at.
func checkShare(_ option: String, _ value: Double?) throws {
    guard let value, !(value > 0 && value <= 1) else { return }
    throw ValidationError("'\(option)' is \(value); it lies above 0 and up to 1.")
}

/// Throws a usage error unless `value` is a time to wait.
func checkSeconds(_ option: String, _ value: Double) throws {
    guard value >= 0, value.isFinite else {
        throw ValidationError("'\(option)' is \(value); it must be 0 or more seconds.")
    }
}
