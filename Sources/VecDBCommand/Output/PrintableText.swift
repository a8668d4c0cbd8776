// What files say may hold anything: a tensor's name that clears the screen, an id that hides what follows. All text that
// people read is escaped here on its way out, whole: tables, lines of tsv, and everything on standard error.

//
// Invisible characters are escaped too: with them two ids look alike that are not, and text runs in another direction than it
// is written. Three that are part of how people write stay where they are that: a variation selector (U+FE0E, U+FE0F) behind an
// emoji, the joiner (U+200D) between two emoji, and joiner and non-joiner (U+200C) between two letters of scripts that join
// them, as Persian and Hindi do. The tags that spell the flags of regions (U+E0061 …) do not stay: they can spell anything.

/// `text` as one line, without anything that could move the cursor or hide what follows: control characters, line
/// separators, marks of direction and invisible characters appear as escapes.
func printable(_ text: String) -> String { escaped(text, doublesBackslashes: false) }

/// As `printable(_:)` for text of several lines, whose ends stay.
func printableLines(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }
        .joined(separator: "\n")
}

/// `text` as one field of a TSV line: as `printable(_:)`, and a backslash is doubled, so that the text can be had back.
func tsvEscaped(_ text: String) -> String { escaped(text, doublesBackslashes: true) }

private func escaped(_ text: String, doublesBackslashes: Bool) -> String {
    let isToBeEscaped = { (scalar: Unicode.Scalar) in isUnprintable(scalar) || doublesBackslashes && scalar == "\\" }
    guard text.unicodeScalars.contains(where: isToBeEscaped) else { return text }
    let scalars = Array(text.unicodeScalars)
    var shown = ""
    for (place, scalar) in scalars.enumerated() {
        switch scalar {
        case _ where !isToBeEscaped(scalar) || isPartOfWriting(scalars, place): shown.unicodeScalars.append(scalar)
        case "\\": shown += "\\\\"
        case "\t": shown += "\\t"
        case "\n": shown += "\\n"
        case "\r": shown += "\\r"
        default: shown += "\\u{\(String(scalar.value, radix: 16))}"
        }
    }
    return shown
}

private func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0: true
    case ..<0xAD: false
    // Separators of lines and paragraphs, and what begins and ends annotations.
    case 0x2028, 0x2029, 0xFFF9...0xFFFB: true
    default: scalar.properties.isDefaultIgnorableCodePoint
    }
}

/// Whether an invisible character is one that its neighbours are written with.
private func isPartOfWriting(_ scalars: [Unicode.Scalar], _ place: Int) -> Bool {
    guard place > 0 else { return false }
    let before = scalars[place - 1], after = place + 1 < scalars.count ? scalars[place + 1] : nil
    switch scalars[place].value {
    // Digits are emoji where they are keys.
    case 0xFE0E, 0xFE0F: return isEmoji(before) || before.properties.isEmoji && after == "\u{20E3}"
    case 0x200C, 0x200D:
        guard let after else { return false }
        let joinsEmoji = scalars[place] == "\u{200D}" && (isEmoji(before) || before == "\u{FE0F}") && isEmoji(after)
        return joinsEmoji || isOfJoiningScript(before) && isOfJoiningScript(after)
    default: return false
    }
}

private func isEmoji(_ scalar: Unicode.Scalar) -> Bool { scalar.value > 0x7F && scalar.properties.isEmoji }

/// Letters and marks from Arabic to the scripts of India and the countries around it.
private func isOfJoiningScript(_ scalar: Unicode.Scalar) -> Bool {
    guard 0x0600...0x1CFF ~= scalar.value, !isUnprintable(scalar) else { return false }
    switch scalar.properties.generalCategory {
    case .otherLetter, .modifierLetter, .nonspacingMark, .spacingMark: return true
    default: return false
    }
}
