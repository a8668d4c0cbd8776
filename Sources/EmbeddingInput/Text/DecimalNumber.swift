/// How a number is written in a text file.
enum NumberGrammar {
    /// RFC 8259: `-0.5e3`; no `+`, no leading zeros, digits on both sides of a point.
    case json
    /// What `float()` of the usual languages reads: also `+1`, `007`, `.5`, `5.`, `nan`, `inf`, `-Infinity`.
    case plain
}

/// A number that was read from text.
struct DecimalNumber {
    /// The nearest float; ±infinity when the number is too large for one, or was written as infinity.
    var value: Float
    /// Whether a finite number became an infinity.
    var overflows = false
}

/// Reads the number that begins at `position` and moves `position` behind it.
///
/// The nearest float is found without a library call for nearly all numbers: up to 19 digits as an integer, times or
/// divided by an exact power of ten, is within two units of the last place of a `Double`, which decides the rounding to
/// 24 bits except next to a midpoint between two floats. Those, and everything out of the ordinary, go the slow way.
///
/// - Returns: `nil` when no number begins there; `position` is then where reading failed.
/// - Complexity: O(digits).
func scanNumber(
    _ bytes: Span<UInt8>, _ position: inout Int, end: Int, grammar: NumberGrammar
) -> DecimalNumber? {
    let start = position
    var index = position
    var negative = false
    if index < end, bytes[index] == UInt8(ascii: "-") || (bytes[index] == UInt8(ascii: "+") && grammar == .plain) {
        negative = bytes[index] == UInt8(ascii: "-")
        index += 1
    }

    let integerStart = index
    var mantissa: UInt64 = 0
    var significantDigits = 0
    while index < end, isDigit(bytes[index]) {
        if significantDigits < 19 { mantissa = mantissa &* 10 &+ UInt64(bytes[index] &- 48) }
        if mantissa != 0 { significantDigits += 1 }
        index += 1
    }
    let integerDigits = index - integerStart

    var fractionDigits = 0
    if index < end, bytes[index] == UInt8(ascii: ".") {
        index += 1
        let fractionStart = index
        while index < end, isDigit(bytes[index]) {
            if significantDigits < 19 { mantissa = mantissa &* 10 &+ UInt64(bytes[index] &- 48) }
            if mantissa != 0 { significantDigits += 1 }
            index += 1
        }
        fractionDigits = index - fractionStart
        if grammar == .json, fractionDigits == 0 {
            position = index
            return nil
        }
    }
    guard integerDigits + fractionDigits > 0 else {
        position = index
        return grammar == .plain ? scanWord(bytes, &position, end: end, negative: negative) : nil
    }
    if grammar == .json, integerDigits == 0 || (integerDigits > 1 && bytes[integerStart] == UInt8(ascii: "0")) {
        position = integerStart
        return nil
    }

    var exponent = 0
    if index < end, bytes[index] | 0x20 == UInt8(ascii: "e") {
        var scan = index + 1
        var negativeExponent = false
        if scan < end, bytes[scan] == UInt8(ascii: "-") || bytes[scan] == UInt8(ascii: "+") {
            negativeExponent = bytes[scan] == UInt8(ascii: "-")
            scan += 1
        }
        guard scan < end, isDigit(bytes[scan]) else {
            position = scan
            return nil
        }
        while scan < end, isDigit(bytes[scan]) {
            if exponent < 100_000 { exponent = exponent * 10 + Int(bytes[scan] &- 48) }
            scan += 1
        }
        if negativeExponent { exponent = -exponent }
        index = scan
    }
    position = index

    if significantDigits <= 19,
        let value = nearestFloat(mantissa, powerOfTen: exponent - fractionDigits)
    {
        return DecimalNumber(value: negative ? -value : value)
    }
    return scanSlowly(bytes, start..<index)
}

/// `mantissa * 10^powerOfTen` as a float, or `nil` where the short way could round wrongly.
private func nearestFloat(_ mantissa: UInt64, powerOfTen: Int) -> Float? {
    if mantissa == 0 { return 0 }
    guard powerOfTen >= -44, powerOfTen <= 22 else { return nil }
    var value = Double(mantissa)
    if powerOfTen >= 0 {
        value *= exactPowersOfTen[powerOfTen]
    } else if powerOfTen >= -22 {
        value /= exactPowersOfTen[-powerOfTen]
    } else {
        value = value / 1e22 / exactPowersOfTen[-powerOfTen - 22]
    }
    guard value > 1.2e-38, value < 3.4e38 else { return nil }  // normal floats only, well clear of both ends
    // The 29 bits that a float drops; half of their range is the midpoint.
    let dropped = Int64(value.bitPattern & 0x1FFF_FFFF)
    guard (dropped - 0x1000_0000).magnitude > 4 else { return nil }
    return Float(value)
}

private let exactPowersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
]

private func scanSlowly(_ bytes: Span<UInt8>, _ range: Range<Int>) -> DecimalNumber? {
    var text: [UInt8] = []
    text.reserveCapacity(range.count)
    for index in range { text.append(bytes[index]) }
    // unreached: the grammar lets nothing through that Float does not read
    guard let value = Float(String(decoding: text, as: UTF8.self)) else { return nil }
    return DecimalNumber(value: value, overflows: value.isInfinite)
}

/// `nan`, `inf` or `infinity` in any case.
private func scanWord(_ bytes: Span<UInt8>, _ position: inout Int, end: Int, negative: Bool) -> DecimalNumber? {
    var word: [UInt8] = []
    var index = position
    while index < end, word.count < 9, bytes[index] | 0x20 >= UInt8(ascii: "a"),
        bytes[index] | 0x20 <= UInt8(ascii: "z")
    {
        word.append(bytes[index] | 0x20)
        index += 1
    }
    let value: Float
    if word.elementsEqual("nan".utf8) {
        value = .nan
    } else if word.elementsEqual("inf".utf8) || word.elementsEqual("infinity".utf8) {
        value = negative ? -.infinity : .infinity
    } else {
        return nil
    }
    position = index
    return DecimalNumber(value: value)
}

func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }
