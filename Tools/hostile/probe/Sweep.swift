import Foundation
import VecDB

/// What is done to a file at every point of a range.
enum Attack: String, Codable {
    /// A bit of a segment is turned over: verify names its place, a query answers as before or throws.
    case flips
    /// The same with every checksum brought up to date: nothing but structure protects, and any answer will do.
    case sealed
    /// A bit of a catalog: a query answers as before or throws.
    case catalog
    /// A segment is cut off, shorter each time: refused.
    case truncation
    /// A catalog is: a query answers as before or throws.
    case catalogTruncation = "catalog-truncation"
    /// A segment is made longer, each time more: refused.
    case `extension`
    /// A segment is cut off while the database is open, without the guard against that: the search throws.
    case underneath

    var mayAnswer: Bool { ![.truncation, .extension, .underneath].contains(self) }
    var mayAnswerOtherwise: Bool { self == .sealed }
    var mustBeNamed: Bool { self == .flips || self == .truncation || self == .extension }
}

/// One attack on one file of a database, as whoever starts this process asks for it.
struct SweepRequest: Codable {
    var attack: Attack
    var database: String
    var file: String
    /// Of the file, where bits of it are turned over.
    var layout: Layout?
    /// The points: bits, or steps of length.
    var points: [Points]
    /// Where the point under way is written, for whoever outlives this process.
    var progress: String
    /// What is asked at each point.
    var verdict: Bool
    var answers: Bool
    var lookups: Bool
    var deep: Bool
    /// Something that goes wrong at a point, which whoever started this process must notice.
    var plant: Plant?

    struct Points: Codable {
        var start: Int
        var stop: Int
        var step: Int
    }

    struct Plant: Codable {
        enum Kind: String, Codable {
            /// Faults of this process.
            case trap, hang, memory
            /// The file is not changed at all, or in the header, or so that its checksums are right.
            case untouched, elsewhere, sealed
            /// A score that is no number, which the library never gives.
            case noNumber = "no-number"
        }
        var kind: Kind
        var point: Int
    }
}

/// What came of it.
struct SweepResult: Codable {
    struct Failure: Codable {
        var point: Int
        var why: String
    }

    private static let failureLimit = 20

    var counts: [String: Int] = [:]
    var failures: [Failure] = []
    var failureCount = 0

    mutating func count(_ what: String) { counts[what, default: 0] += 1 }

    mutating func fail(_ point: Int, _ why: String) {
        failureCount += 1
        if failures.count < Self.failureLimit { failures.append(Failure(point: point, why: why)) }
    }
}

/// Tries every point.
func sweep(_ request: SweepRequest) throws -> SweepResult {
    let attack = request.attack
    let questions = try Questions(for: request.database, asksLookups: request.lookups)
    let expected = try Answers(of: request.database, questions)
    guard case .intact = Verdict(of: request.database, deep: true) else {
        throw Failure("\(request.database): is damaged before anything was done to it")
    }
    var target = try Target(path: request.database + "/" + request.file, layout: request.layout)
    let progress = try FileHandle(forWritingTo: URL(fileURLWithPath: request.progress))
    var result = SweepResult()
    for point in request.points.lazy.map({ stride(from: $0.start, to: $0.stop, by: $0.step) }).joined() {
        try progress.seek(toOffset: 0)
        try progress.write(contentsOf: Data("\(point)\n".utf8))
        let opened = attack == .underneath ? try VectorDatabase.open(request.database) : nil
        switch request.plant.flatMap({ $0.point == point ? $0.kind : nil }) {
        case nil: try target.apply(attack, at: point)
        case .trap: preconditionFailure("planted")
        case .hang: while true { sleep(1) }
        case .memory: _ = [UInt8](repeating: 1, count: 1 << 36)
        case .untouched, .noNumber: break
        case .elsewhere: try target.apply(attack, at: 8 * 200)
        case .sealed: try target.apply(.sealed, at: point)
        }
        result.count("points")
        if request.verdict {
            let verdict = Verdict(of: request.database, deep: request.deep)
            judge(verdict, attack, point, names: target.names(of: attack, at: point), &result)
        }
        if request.answers {
            do throws(DatabaseError) {
                var answers =
                    if let opened { try Answers(from: opened, questions) } else {
                        try Answers(of: request.database, questions)
                    }
                if request.plant?.kind == .noNumber, request.plant?.point == point { answers.plantedScore = .nan }
                if attack == .catalog, answers != expected, answers.lacksOnlyIDs(of: expected) {
                    // SQLite's pages have no checksums: an id that is lost may pass for one that never was. Not for long.
                    result.count("an id was not found")
                    if case .intact = Verdict(of: request.database, deep: true) {
                        result.fail(point, "an id is lost, and verify --deep finds nothing")
                    }
                } else {
                    judge(answers, expected, attack, point, &result)
                }
            } catch { result.count("query threw") }
        }
        try target.undo(attack, at: point)
    }
    return result
}

private func judge(
    _ verdict: Verdict, _ attack: Attack, _ point: Int, names: [String], _ result: inout SweepResult
) {
    result.count("verify: \(verdict.name)")
    guard attack.mustBeNamed else { return }
    if case .intact = verdict { return result.fail(point, "verify finds nothing") }
    guard names.isEmpty || names.contains(where: { verdict.text.contains($0) }) else {
        return result.fail(point, "verify names none of \(names): \(verdict.text)")
    }
}

private func judge(
    _ answers: Answers, _ expected: Answers, _ attack: Attack, _ point: Int, _ result: inout SweepResult
) {
    if let score = answers.scoreThatIsNoNumber {
        result.fail(point, "a hit has the score \(score)")
    } else if answers == expected {
        result.count("query answered as before")
        if !attack.mayAnswer { result.fail(point, "the file was not refused") }
    } else {
        result.count("query answered otherwise")
        if !attack.mayAnswerOtherwise {
            result.fail(point, "other answers, silently: \(answers.difference(from: expected))")
        }
    }
}
