import Foundation

/// JSON on standard output, as `Formats/schemas/` describes it.
enum JSONOutput {
    /// `value` as an indented object, keys in snake case and sorted.
    static func document(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .custom { path in
            let key = path[path.count - 1]
            return key.intValue == nil ? Key(stringValue: snakeCase(key.stringValue)) : key
        }
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// `estimatedRecallAt10` → `estimated_recall_at_10`, `segmentUUID` → `segment_uuid`, but `p50` stays `p50`.
    static func snakeCase(_ name: String) -> String {
        var words = [""]
        var previous: Character = "A"
        for character in name {
            let lastWord = words.count - 1
            let startsWord =
                (character.isUppercase && !previous.isUppercase)
                || (character.isNumber && !previous.isNumber && words[lastWord].count > 1)
            if startsWord {
                words.append(character.lowercased())
            } else {
                words[lastWord].append(character.lowercased())
            }
            previous = character
        }
        return words.joined(separator: "_")
    }

    /// `text` as a JSON string, quotes included.
    static func string(_ text: String) -> String {
        var json = "\""
        json.reserveCapacity(text.utf8.count + 2)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": json += "\\\""
            case "\\": json += "\\\\"
            case "\n": json += "\\n"
            case "\r": json += "\\r"
            case "\t": json += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: json.unicodeScalars.append(scalar)
            }
        }
        return json + "\""
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
