/// A number as the table `setting` holds it (`Formats/catalog.md`, section 2): ASCII digits, no sign, no leading zeros; real
/// numbers may have a fraction and an exponent. Swift's own parsers take more: `017`, `+17`, `nan`, `0x11`.
func storedNumber<Value: LosslessStringConvertible>(_ text: String) -> Value? {
    var rest = text.utf8[...]
    func digits() -> Substring.UTF8View {
        let found = rest.prefix { (0x30...0x39).contains($0) }
        rest = rest.dropFirst(found.count)
        return found
    }
    func skip(_ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest = rest.dropFirst()
        return true
    }
    let whole = digits()
    guard !whole.isEmpty, whole.count == 1 || whole.first != 0x30 else { return nil }
    if Value.self == Double.self {
        if skip(UInt8(ascii: ".")), digits().isEmpty { return nil }
        if skip(UInt8(ascii: "e")) {
            if !skip(UInt8(ascii: "-")) { _ = skip(UInt8(ascii: "+")) }
            if digits().isEmpty { return nil }
        }
    }
    return rest.isEmpty ? Value(text) : nil
}
