// How messages of all rooms show numbers.

/// `number` with a comma between groups of three digits.
public func grouped<Number: BinaryInteger>(_ number: Number) -> String {
    var text = ""
    let digits = String(number.magnitude)
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
        text.append(digit)
    }
    return (number < 0 ? "-" : "") + text
}

/// Eight hexadecimal digits, as checksums have them.
public func hexadecimal(_ word: UInt32) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
}
