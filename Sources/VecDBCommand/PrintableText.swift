// What files say may hold anything: a tensor's name that clears the screen, an id that hides what follows. All text that
// people read is escaped here on its way out, whole: tables, lines of tsv, and everything on standard error.

/// `text` as one line, without anything that could move the cursor or hide what follows: control characters, line
/// separators and direction overrides appear as escapes.
func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isUnprintable) else { return text }
    var shown = ""
    for scalar in text.unicodeScalars { appendPrintable(scalar, to: &shown) }
    return shown
}

/// As `printable(_:)` for text of several lines, whose ends stay.
func printableLines(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }
        .joined(separator: "\n")
}

/// `text` as one field of a TSV line: as `printable(_:)`, and a backslash is doubled, so that the text can be had back.
func tsvEscaped(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0 == "\\" || isUnprintable($0) }) else { return text }
    var escaped = ""
    for scalar in text.unicodeScalars {
        if scalar == "\\" { escaped += "\\\\" } else { appendPrintable(scalar, to: &escaped) }
    }
    return escaped
}

private func appendPrintable(_ scalar: Unicode.Scalar, to text: inout String) {
    switch scalar {
    case "\t": text += "\\t"
    case "\n": text += "\\n"
    case "\r": text += "\\r"
    case _ where isUnprintable(scalar): text += "\\u{\(String(scalar.value, radix: 16))}"
    default: text.unicodeScalars.append(scalar)
    }
}

private func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
}
