/// What a canonical JSON text begins with.
enum JSONKind {
    case null
    case bool
    case number
    case string
    case array
    case object
}

/// Canonical JSON text and a way through it without building a tree.
///
/// Ranges are byte ranges of `bytes`. The text is valid because only `JSONScanner` writes it; a place where it were
/// not ends the walk early instead of trapping.
struct JSONDocument {
    let bytes: [UInt8]

    /// Wraps text that a `JSONScanner` has written.
    init(canonical bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Checks `text` and brings it into canonical form.
    init(parsing text: [UInt8]) throws(JSONFailure) {
        var scanner = try JSONScanner(text, 0..<text.count)
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        try scanner.copyValue(to: &output)
        try scanner.expectEnd()
        bytes = output
    }

    var root: Range<Int> { 0..<bytes.count }

    func kind(_ value: Range<Int>) -> JSONKind {
        switch value.isEmpty ? 0 : bytes[value.lowerBound] {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): .number
        default: .null
        }
    }

    /// Calls `body` with every member of the object at `object`: the key without its quotes, still escaped, and the
    /// value. Returns early when `body` returns `false`.
    func forEachMember(of object: Range<Int>, _ body: (_ key: Range<Int>, _ value: Range<Int>) -> Bool) {
        guard kind(object) == .object else { return }
        var position = object.lowerBound + 1
        while position < object.upperBound, bytes[position] == UInt8(ascii: "\"") {
            let keyEnd = endOfValue(at: position, limit: object.upperBound)
            let valueStart = keyEnd + 1
            guard keyEnd >= position + 2, valueStart < object.upperBound else { return }
            let valueEnd = endOfValue(at: valueStart, limit: object.upperBound)
            guard body(position + 1..<keyEnd - 1, valueStart..<valueEnd) else { return }
            position = valueEnd + 1
        }
    }

    /// Calls `body` with every element of the array at `array`. Returns early when `body` returns `false`.
    func forEachElement(of array: Range<Int>, _ body: (_ value: Range<Int>) -> Bool) {
        guard kind(array) == .array else { return }
        var position = array.lowerBound + 1
        while position < array.upperBound - 1 {
            let valueEnd = endOfValue(at: position, limit: array.upperBound)
            guard body(position..<valueEnd) else { return }
            position = valueEnd + 1
        }
    }

    /// The value of the member `key` of the object at `object`.
    func member(_ key: String, of object: Range<Int>) -> Range<Int>? {
        var canonical: [UInt8] = []
        appendString(Array(key.utf8)[...], to: &canonical)
        let wanted = canonical[1..<canonical.count - 1]
        var found: Range<Int>?
        forEachMember(of: object) { key, value in
            if bytes[key].elementsEqual(wanted) { found = value }
            return found == nil
        }
        return found
    }

    /// The text of a string value, unescaped; `nil` for another kind.
    func string(_ value: Range<Int>) -> String? {
        guard kind(value) == .string, value.count >= 2 else { return nil }
        return unescaped(value.lowerBound + 1..<value.upperBound - 1)
    }

    /// The content of a string or key, given without its quotes.
    func unescaped(_ content: Range<Int>) -> String {
        guard bytes[content].contains(UInt8(ascii: "\\")) else {
            return String(decoding: bytes[content], as: UTF8.self)
        }
        var text: [UInt8] = []
        var position = content.lowerBound
        while position < content.upperBound {
            guard bytes[position] == UInt8(ascii: "\\"), position + 1 < content.upperBound else {
                text.append(bytes[position])
                position += 1
                continue
            }
            position += 2
            switch bytes[position - 1] {
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0C)
            case UInt8(ascii: "u"):
                // Canonical text has \u only for control characters: two zeros and two digits.
                let digits = String(decoding: bytes[position..<min(position + 4, content.upperBound)], as: UTF8.self)
                text.append(UInt8(digits, radix: 16) ?? 0)
                position = min(position + 4, content.upperBound)
            case let byte: text.append(byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// A value's own text.
    func text(_ value: Range<Int>) -> String {
        String(decoding: bytes[value], as: UTF8.self)
    }

    /// An integer value that fits 64 bits; `nil` for anything else, `1.0` and `1e3` included.
    func integer(_ value: Range<Int>) -> Int64? {
        kind(value) == .number ? Int64(text(value)) : nil
    }

    /// The end of the value that begins at `start`, its closing quote or bracket included.
    private func endOfValue(at start: Int, limit: Int) -> Int {
        var position = start
        var depth = 0
        repeat {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                while position < limit, bytes[position] != UInt8(ascii: "\"") {
                    position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
                }
                position += 1
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                position += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                position += 1
            default:
                while position < limit, !endsWord(bytes[position]) { position += 1 }
            }
        } while depth > 0 && position < limit
        return min(position, limit)
    }

    private func endsWord(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
    }
}
