import VecDB

/// `value` with exactly `digits` decimals, its integer part grouped.
func fixed(_ value: Double, _ digits: Int) -> String {
    var unit = 1
    for _ in 0..<digits { unit *= 10 }
    let scaled = (value.magnitude * Double(unit)).rounded()
    guard scaled < 0x1p62 else { return "\(value)" }  // also not-a-number, which no comparison lets through
    let (whole, fraction) = Int(scaled).quotientAndRemainder(dividingBy: unit)
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return sign + grouped(whole) }
    let decimals = String(fraction)
    return sign + grouped(whole) + "." + String(repeating: "0", count: digits - decimals.count) + decimals
}

/// A byte count in the largest binary unit that leaves at least 1: `232.7 MiB`.
func byteSize(_ bytes: Int) -> String {
    var value = Double(bytes)
    var units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][...]
    guard value.magnitude >= 1024 else { return "\(grouped(bytes)) bytes" }
    var unit = ""
    while value.magnitude >= 1024, let next = units.popFirst() {
        value /= 1024
        unit = next
    }
    return "\(fixed(value, 1)) \(unit)"
}

/// A time to wait, coarsely: `8 s`, `2 min 5 s`, `1 h 3 min`.
func roughDuration(seconds: Double) -> String {
    guard seconds.isFinite, seconds < 360_000 else { return "days" }
    let whole = Int(max(0, seconds).rounded(.up))
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole / 60 % 60) min"
}

/// `1 row`, `2 rows`.
func counted(_ number: Int, _ noun: String, _ plural: String? = nil) -> String {
    "\(grouped(number)) \(number == 1 ? noun : plural ?? noun + "s")"
}
