import Foundation
import VecDB

// Tools/hostile starts this program; see there.
//
//     probe sweep REQUEST       a SweepRequest as JSON; prints a SweepResult
//     probe serve DATABASE      the undamaged database; then a path a line, and for each a line of JSON

/// What this program itself cannot do.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// What a database that has been tampered with leads to.
struct Reply: Codable {
    /// `intact`, `damaged`, or the code of the error that verifying threw.
    var verdict: String
    var message: String
    /// `same`, `other`, `no-number`, or the code of the error that a query threw.
    var answers: String
    var error: String
}

func serve(undamaged: String) throws {
    let questions = try Questions(for: undamaged, asksLookups: true)
    let expected = try Answers(of: undamaged, questions)
    while let path = readLine() {
        let verdict = Verdict(of: path, deep: true)
        var reply = Reply(verdict: verdict.name, message: verdict.text, answers: "same", error: "")
        do throws(DatabaseError) {
            let answers = try Answers(of: path, questions)
            if let score = answers.scoreThatIsNoNumber {
                (reply.answers, reply.error) = ("no-number", "a hit has the score \(score)")
            } else if answers != expected {
                (reply.answers, reply.error) = ("other", answers.difference(from: expected))
            }
        } catch { (reply.answers, reply.error) = (error.code.rawValue, error.message) }
        try emit(reply)
    }
}

func emit(_ value: some Encodable) throws {
    FileHandle.standardOutput.write(try JSONEncoder().encode(value) + Data("\n".utf8))
}

do {
    switch CommandLine.arguments.dropFirst().first {
    case "sweep" where CommandLine.arguments.count == 3:
        try emit(try sweep(JSONDecoder().decode(SweepRequest.self, from: Data(CommandLine.arguments[2].utf8))))
    case "serve" where CommandLine.arguments.count == 3:
        try serve(undamaged: CommandLine.arguments[2])
    default: throw Failure("usage: probe sweep REQUEST | probe serve DATABASE")
    }
} catch {
    FileHandle.standardError.write(Data("probe: \(error)\n".utf8))
    exit(1)
}
