/// What breaks the rules of JSON, and at which byte.
struct JSONFailure: Error {
    let message: String
    /// Zero-based offset into the bytes that were scanned.
    let offset: Int
}

/// A strict reader of RFC 8259 text that writes what it reads in one canonical form.
///
/// Refused: duplicate keys in one object, more than 64 levels, invalid UTF-8, lone surrogates, raw control characters,
/// numbers outside the grammar, anything behind the value. The canonical form has no white space, keeps the order of
/// keys and the spelling of numbers, and escapes in strings only `"`, `\` and control characters.
struct JSONScanner {
    /// The deepest nesting accepted.
    static let depthLimit = 64

    let bytes: [UInt8]
    private(set) var position: Int
    let end: Int

    /// - Throws: when `range` of `bytes` is not valid UTF-8, which the other functions rely on.
    init(_ bytes: [UInt8], _ range: Range<Int>) throws(JSONFailure) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
        guard isValidUTF8(bytes, range) else {
            throw JSONFailure(message: "is not valid UTF-8", offset: range.lowerBound)
        }
    }

    /// The byte at the position, after white space; `nil` at the end.
    mutating func peek() -> UInt8? {
        while position < end {
            switch bytes[position] {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): position += 1
            case let byte: return byte
            }
        }
        return nil
    }

    /// Steps over `byte` when it comes next.
    mutating func skip(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        position += 1
        return true
    }

    mutating func expect(_ byte: UInt8, _ purpose: String) throws(JSONFailure) {
        guard skip(byte) else {
            throw failure("expected '\(Character(Unicode.Scalar(byte)))' \(purpose), found \(found)")
        }
    }

    mutating func expectEnd() throws(JSONFailure) {
        guard peek() == nil else { throw failure("expected nothing more behind the value, found \(found)") }
    }

    /// Reads a value and appends its canonical form to `output`.
    mutating func copyValue(to output: inout [UInt8], depth: Int = 1) throws(JSONFailure) {
        switch peek() {
        case UInt8(ascii: "{"): try copyObject(to: &output, depth: depth)
        case UInt8(ascii: "["): try copyArray(to: &output, depth: depth)
        case UInt8(ascii: "\""): try copyString(to: &output)
        case UInt8(ascii: "t"): try copyWord("true", to: &output)
        case UInt8(ascii: "f"): try copyWord("false", to: &output)
        case UInt8(ascii: "n"): try copyWord("null", to: &output)
        default: try copyNumber(to: &output)
        }
    }

    private mutating func copyObject(to output: inout [UInt8], depth: Int) throws(JSONFailure) {
        try checkDepth(depth)
        try expect(UInt8(ascii: "{"), "before an object")
        output.append(UInt8(ascii: "{"))
        var keys = JSONKeys()
        if !skip(UInt8(ascii: "}")) {
            repeat {
                if !keys.isEmpty { output.append(UInt8(ascii: ",")) }
                try copyKey(to: &output, keys: &keys)
                output.append(UInt8(ascii: ":"))
                try copyValue(to: &output, depth: depth + 1)
            } while skip(UInt8(ascii: ","))
            try expect(UInt8(ascii: "}"), "or ',' behind a member of an object")
        }
        output.append(UInt8(ascii: "}"))
    }

    private mutating func copyArray(to output: inout [UInt8], depth: Int) throws(JSONFailure) {
        try checkDepth(depth)
        try expect(UInt8(ascii: "["), "before an array")
        output.append(UInt8(ascii: "["))
        if !skip(UInt8(ascii: "]")) {
            var isFirst = true
            repeat {
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                try copyValue(to: &output, depth: depth + 1)
            } while skip(UInt8(ascii: ","))
            try expect(UInt8(ascii: "]"), "or ',' behind an element of an array")
        }
        output.append(UInt8(ascii: "]"))
    }

    /// Reads a member's key and the colon behind it, and appends the key with its quotes to `output`.
    ///
    /// - Returns: where the key lies in `output`, quotes excluded.
    @discardableResult
    mutating func copyKey(to output: inout [UInt8], keys: inout JSONKeys) throws(JSONFailure) -> Range<Int> {
        guard peek() == UInt8(ascii: "\"") else { throw failure("expected a key in double quotes, found \(found)") }
        let keyPosition = position
        let start = output.count
        try copyString(to: &output)
        let key = start + 1..<output.count - 1
        guard keys.insert(output[key]) else {
            throw JSONFailure(
                message: "the key \(quoted(output[key])) appears twice in one object; keep one", offset: keyPosition)
        }
        try expect(UInt8(ascii: ":"), "behind a key")
        return key
    }

    /// Reads a string and appends it in canonical form, with its quotes.
    mutating func copyString(to output: inout [UInt8]) throws(JSONFailure) {
        try expect(UInt8(ascii: "\""), "before a string")
        output.append(UInt8(ascii: "\""))
        while true {
            let start = position
            while position < end, !endsRun(bytes[position]) { position += 1 }
            output.append(contentsOf: bytes[start..<position])
            guard position < end else { throw failure("the text ends inside a string") }
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                output.append(UInt8(ascii: "\""))
                return
            case UInt8(ascii: "\\"):
                appendEscaped(try unescape(), to: &output)
            default:
                throw failure("a control character stands unescaped in a string")
            }
        }
    }

    private func endsRun(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    /// Reads the escape sequence at the position.
    private mutating func unescape() throws(JSONFailure) -> Unicode.Scalar {
        let start = position
        guard position + 1 < end else { throw failure("the text ends inside a string") }
        position += 2
        switch bytes[position - 1] {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try hexadecimal()
            if let scalar = Unicode.Scalar(first) { return scalar }
            if first < 0xDC00, position + 1 < end, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            {
                position += 2
                let second = try hexadecimal()
                if 0xDC00..<0xE000 ~= second,
                    let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
                {
                    return scalar
                }
            }
            throw JSONFailure(message: "a string holds half of a surrogate pair", offset: start)
        default:
            throw JSONFailure(message: "\(quoted(bytes[start..<position])) is no escape sequence", offset: start)
        }
    }

    private mutating func hexadecimal() throws(JSONFailure) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < end, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue,
                bytes[position] < 0x80
            else { throw failure("'\\u' needs four hexadecimal digits") }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    /// Reads a number and appends it as it is written.
    mutating func copyNumber(
        to output: inout [UInt8], insteadOfNaN advice: String = Self.nullAdvice
    ) throws(JSONFailure) {
        let start = position
        _ = try number(insteadOfNaN: advice)
        output.append(contentsOf: bytes[start..<position])
    }

    /// What to write where a null may stand.
    static let nullAdvice = "remove such rows, or write a number or null"

    /// Reads a number as a float.
    ///
    /// - Parameter advice: what to do about the words that Python writes for numbers that JSON does not have.
    mutating func number(insteadOfNaN advice: String = Self.nullAdvice) throws(JSONFailure) -> DecimalNumber {
        let first = peek()
        let start = position
        guard let first, first == UInt8(ascii: "-") || isDigit(first) else {
            let word = bytes[start..<min(end, start + 8)]
            if word.starts(with: "NaN".utf8) || word.starts(with: "Infinity".utf8) {
                throw failure("NaN and Infinity are no JSON values; \(advice)")
            }
            throw failure("expected a value, found \(found)")
        }
        var next = position
        let number = scanNumber(bytes.span, &next, end: end, grammar: .json)
        position = next
        guard let number else {
            if position < end, bytes[position] == UInt8(ascii: "I") {
                throw failure("NaN and Infinity are no JSON values; \(advice)")
            }
            throw failure("a number is not written as JSON wants it, at \(found)")
        }
        return number
    }

    private mutating func copyWord(_ word: StaticString, to output: inout [UInt8]) throws(JSONFailure) {
        let text = "\(word)".utf8
        guard bytes[position..<end].starts(with: text) else { throw failure("expected a value, found \(found)") }
        position += text.count
        output.append(contentsOf: text)
    }

    func checkDepth(_ depth: Int) throws(JSONFailure) {
        guard depth <= Self.depthLimit else {
            throw failure("is nested more than \(Self.depthLimit) levels deep")
        }
    }

    func failure(_ message: String) -> JSONFailure {
        JSONFailure(message: message, offset: position)
    }

    /// What stands at the position, for messages.
    var found: String {
        position < end ? quoted(bytes[position..<min(end, position + 12)], limit: 12) : "the end of the text"
    }
}

/// The keys seen in one object, so that none is accepted twice.
struct JSONKeys {
    private var few: [[UInt8]] = []
    private var many: Set<[UInt8]> = []

    var isEmpty: Bool { few.isEmpty }

    /// Adds `key`, compared byte by byte in canonical form; `false` when it is there already.
    mutating func insert(_ key: ArraySlice<UInt8>) -> Bool {
        if few.count < 16 {
            for seen in few where seen.elementsEqual(key) { return false }
            few.append(Array(key))
            return true
        }
        if many.isEmpty { many.formUnion(few) }
        return many.insert(Array(key)).inserted
    }
}

/// Appends `scalar` to `output` as it stands in a canonical string.
func appendEscaped(_ scalar: Unicode.Scalar, to output: inout [UInt8]) {
    switch scalar {
    case "\"", "\\": output.append(contentsOf: [UInt8(ascii: "\\"), UInt8(scalar.value)])
    case "\n": output.append(contentsOf: "\\n".utf8)
    case "\r": output.append(contentsOf: "\\r".utf8)
    case "\t": output.append(contentsOf: "\\t".utf8)
    case "\u{8}": output.append(contentsOf: "\\b".utf8)
    case "\u{C}": output.append(contentsOf: "\\f".utf8)
    case "\u{0}"..<"\u{20}":
        output.append(contentsOf: (scalar.value < 0x10 ? "\\u000" : "\\u00").utf8)
        output.append(contentsOf: String(scalar.value, radix: 16).utf8)
    // unreached: every scalar has an encoding
    default: output.append(contentsOf: Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter))
    }
}

/// Appends valid UTF-8 `text` to `output` as a canonical string with its quotes.
func appendString(_ text: ArraySlice<UInt8>, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for byte in text {
        if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
            appendEscaped(Unicode.Scalar(byte), to: &output)
        } else {
            output.append(byte)
        }
    }
    output.append(UInt8(ascii: "\""))
}
