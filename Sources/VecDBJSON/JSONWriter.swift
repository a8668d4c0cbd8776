/// Puts JSON together from its pieces: the one place that writes strings and numbers.
///
/// What it writes is UTF-8, whatever the strings came from: a `String` has had bytes that were none replaced (U+FFFD) when it
/// was made.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private let layout: JSONDocument.Layout

    init(_ layout: JSONDocument.Layout) {
        self.layout = layout
    }

    /// What was written so far; the writer goes on behind it.
    mutating func take() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }

    /// Text that is JSON already.
    mutating func write(_ json: String) {
        bytes.append(contentsOf: json.utf8)
    }

    /// A string in its quotes. Only what JSON asks for is escaped; the layouts name backspace and form feed differently.
    mutating func write(string text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): write(#"\""#)
            case UInt8(ascii: "\\"): write(#"\\"#)
            case UInt8(ascii: "\n"): write(#"\n"#)
            case UInt8(ascii: "\r"): write(#"\r"#)
            case UInt8(ascii: "\t"): write(#"\t"#)
            case 0x08 where layout == .indented: write(#"\b"#)
            case 0x0C where layout == .indented: write(#"\f"#)
            case 0..<0x20: write((byte < 0x10 ? #"\u000"# : #"\u00"#) + String(byte, radix: 16))
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func write(number: some BinaryInteger) {
        write(String(number))
    }

    /// A float as ``decimal(_:)`` has it. Indented, a whole number has no point: `1`.
    mutating func write(number: some BinaryFloatingPoint & CustomStringConvertible) {
        let decimal = decimal(number)
        let isWhole = layout == .indented && decimal.utf8.suffix(2).elementsEqual(".0".utf8)
        bytes.append(contentsOf: decimal.utf8.dropLast(isWhole ? 2 : 0))
    }

    /// A value and all that it holds. Indented, members are sorted by their names.
    mutating func write(_ value: JSONNode, depth: Int = 0) {
        switch value {
        case .null: write("null")
        case .bool(let value): write(value ? "true" : "false")
        case .integer(let value): write(number: value)
        case .number(let value): write(number: value)
        case .string(let text): write(string: text)
        case .array(let elements):
            writeList("[", elements, "]", depth) { writer, element in writer.write(element, depth: depth + 1) }
        case .object(var members):
            let colon = layout == .line ? ":" : " : "
            if layout == .indented { members.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) } }
            writeList("{", members, "}", depth) { writer, member in
                writer.write(string: member.name)
                writer.write(colon)
                writer.write(member.value, depth: depth + 1)
            }
        }
    }

    private mutating func writeList<Element>(
        _ opening: String, _ elements: [Element], _ closing: String, _ depth: Int,
        _ writeElement: (inout JSONWriter, Element) -> Void
    ) {
        write(opening)
        for (place, element) in elements.enumerated() {
            if place > 0 { write(",") }
            startLine(depth + 1)
            writeElement(&self, element)
        }
        if elements.isEmpty { startLine(0) }  // Foundation leaves an empty line
        startLine(depth)
        write(closing)
    }

    private mutating func startLine(_ depth: Int) {
        guard layout == .indented else { return }
        write("\n" + String(repeating: "  ", count: depth))
    }
}

/// The shortest decimal that reads back to the same float.
///
/// JSON has no infinity: what is beyond a float's range shows as its largest value. What is no number at all is `null`.
func decimal<Number: BinaryFloatingPoint & CustomStringConvertible>(_ number: Number) -> String {
    guard !number.isNaN else { return "null" }
    let limit = Number.greatestFiniteMagnitude
    return min(max(number, -limit), limit).description
}
