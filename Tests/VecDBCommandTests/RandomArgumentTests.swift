import ArgumentParser
import Foundation
import Testing
import VectorKernels

@testable import VecDBCommand

/// Texts that somebody could pass, made by changing some that are right: a value that keeps its promises or a refusal, never
/// a trap.
struct RandomArgumentTests {
    private static let seed: UInt64 = 0x5EED_2026

    /// Pieces of what the options take, and of what they do not.
    private static let pieces = [
        "[", "]", ",", ";", "=", " ", "\t", "-", "+", ".", "e", "E", "0", "7", "39", "-45", "1e38", "1e-46", "1e999",
        "9223372036854775807", "9223372036854775808", "18446744073709551616", "nan", "inf", "0x1p3", "null", "\"1\"",
        "leaves-to-search", "reorder", "KiB", "TB", "b", "\u{301}", "٣", "\u{0}", "👍🏽", "\r\n", "\u{FEFF}",
    ]

    private func changed(_ text: String, _ random: inout SeededGenerator) -> String {
        var characters = Array(text)
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let start = Int.random(in: 0...characters.count, using: &random)
            let end = Int.random(in: start...min(start + 3, characters.count), using: &random)
            let piece = Self.pieces.randomElement(using: &random) ?? ""
            switch Int.random(in: 0..<4, using: &random) {
            case 0: characters.removeSubrange(start..<end)
            case 1: characters.insert(contentsOf: characters[start..<end], at: start)
            default: characters.replaceSubrange(start..<end, with: piece)
            }
        }
        return String(characters)
    }

    /// Calls `body` with changed texts; both of its answers, taken and refused, must occur.
    private func tryChanges(of texts: [String], _ body: (String) throws -> Bool) throws {
        var random = SeededGenerator(seed: Self.seed)
        var taken = 0
        let rounds = 6000
        for round in 0..<rounds {
            let text = changed(texts[round % texts.count], &random)
            do {
                taken += try body(text) ? 1 : 0
            } catch {
                Issue.record("seed \(Self.seed), round \(round), \(text.debugDescription): \(error)")
                return
            }
        }
        #expect(taken > 100 && taken < rounds - 100, "of \(rounds) texts \(taken) were taken")
    }

    /// What JSON takes for an array of numbers that a float can hold is taken, for the same numbers.
    @Test func `a random vector is what JSON says or refused`() throws {
        try tryChanges(of: ["[0.12, -1.5, 3]", "[1]", "[-2e-3,4E+2 , 0]", "[3.4028235e38]"]) { text in
            // Foundation takes a comma before the bracket as well.
            let isJSON = !text.contains(/,\s*\]/)
            let expected = isJSON ? try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [NSNumber] : nil
            let vector: [Float]
            do {
                vector = try parsedVector(text)
            } catch let error as ValidationError {
                try #require(error.message.contains("--vector"))
                let isVector = expected.map { !$0.isEmpty && $0.allSatisfy { Float($0.doubleValue).isFinite } } ?? false
                try #require(!isVector, "JSON takes it for \(expected ?? [])")
                return false
            }
            try #require(!vector.isEmpty && vector.allSatisfy(\.isFinite))
            if let expected {
                try #require(vector.count == expected.count)
                for (value, number) in zip(vector, expected) {
                    // JSON's number was rounded twice.
                    try #require(abs(value - Float(number.doubleValue)) <= value.ulp)
                }
            }
            return true
        }
    }

    /// What is taken names values in range, and written out again names the same.
    @Test func `a random sweep names valid settings or is refused`() throws {
        let texts = [
            "leaves-to-search=20,40,80;reorder=50,100", "reorder=0", "leaves-to-search=1",
            "reorder=3,3;leaves-to-search=7",
        ]
        try tryChanges(of: texts) { text in
            guard let settings = Sweep(argument: text)?.settings else { return false }
            try #require(!settings.isEmpty)
            try #require(settings.allSatisfy { $0.leavesToSearch ?? 1 >= 1 && $0.reorder ?? 0 >= 0 })
            let parts = text.split(separator: ";").map { $0.split(separator: ",").count }
            try #require(settings.count == parts.reduce(1, *))
            for setting in settings {
                let again = [
                    setting.leavesToSearch.map { "leaves-to-search=\($0)" }, setting.reorder.map { "reorder=\($0)" },
                ]
                let one = Sweep(argument: again.compactMap(\.self).joined(separator: ";"))?.settings ?? []
                try #require(one.count == 1 && one[0] == setting)
            }
            return true
        }
    }

    @Test func `a random size is a whole number of bytes or refused`() throws {
        let factors = [
            "K": 1024, "KiB": 1024, "MB": 1_000_000, "GB": 1_000_000_000, "GiB": 1 << 30, "TB": 1_000_000_000_000,
        ]
        try tryChanges(of: ["512MB", "2GB", "1.5 GiB", "300000000", "7 K"]) { text in
            let size: Int
            do {
                size = try ByteSize.parse(text)
            } catch is ValidationError { return false }
            try #require(size >= 1 && size <= 1 << 62)
            if let plain = try /(\d{1,6}) ?(K|MB|GB|GiB|KiB|TB)/.wholeMatch(in: text), let number = Int(plain.1) {
                try #require(size == number * (factors[String(plain.2)] ?? 0))
            }
            // Up to here a double tells every whole number from the next.
            if size <= 1 << 53 { try #require(try ByteSize.parse("\(size)") == size) }
            return true
        }
    }
}
