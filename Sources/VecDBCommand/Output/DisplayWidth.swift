/// Columns that `text` takes in a terminal: 0 for marks that combine, 2 for East Asian wide characters and emoji, 1 for
/// all others.
///
/// - SeeAlso: Unicode Standard Annex #11, "East Asian Width"; here by blocks, not by single characters.
func displayWidth(_ text: String) -> Int {
    text.reduce(0) { $0 + displayWidth($1) }
}

private func displayWidth(_ character: Character) -> Int {
    if character.unicodeScalars.contains("\u{FE0F}") { return 2 }  // asks for the emoji form of what precedes it
    return character.unicodeScalars.reduce(0) { max($0, displayWidth($1)) }  // a mark may stand before its letter
}

private func displayWidth(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: break
    }
    if scalar.properties.isEmojiPresentation { return 2 }
    return wideBlocks.contains { $0.contains(scalar.value) } ? 2 : 1
}

private let wideBlocks: [ClosedRange<UInt32>] = [
    0x1100...0x115F,  // initial consonants of Hangul
    0x2E80...0x303E,  // radicals, ideographic punctuation
    0x3041...0xA4CF,  // kana, ideographs, Yi
    0xA960...0xA97C,  // more initial consonants
    0xAC00...0xD7A3,  // Hangul syllables
    0xF900...0xFAFF,  // compatibility ideographs
    0xFE30...0xFE6F,  // vertical and small forms
    0xFF01...0xFF60,  // full-width forms
    0xFFE0...0xFFE6,
    0x1F300...0x1F64F,  // pictographs
    0x1F900...0x1F9FF,
    0x20000...0x3FFFD,  // ideographs of the supplementary planes
]
