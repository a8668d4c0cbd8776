// Loops that turn stored values into floats. Each checks its ranges once, so that the compiler can vectorise the body.

/// Changes the byte order of `range`.
func swapBytes(_ floats: inout MutableSpan<Float>, _ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= floats.count)
    for index in range { floats[index] = Float(bitPattern: floats[index].bitPattern.byteSwapped) }
}

/// Changes the byte order of the first `count` values.
func swapBytes<Value: FixedWidthInteger & BitwiseCopyable>(_ values: inout [Value], _ count: Int) {
    precondition(count >= 0 && count <= values.count)
    var values = values.mutableSpan
    for index in 0..<count { values[index] = values[index].byteSwapped }
}

/// Whole numbers of one byte, which a float holds exactly.
///
/// - Parameter first: the place in `source` of the first of `count` numbers.
func widen(
    _ source: [UInt8], from first: Int, count: Int, isSigned: Bool, into floats: inout MutableSpan<Float>, at start: Int
) {
    precondition(first >= 0 && count >= 0 && first <= source.count - count)
    precondition(start >= 0 && start <= floats.count - count)
    let source = source.span.extracting(first..<first + count)
    if isSigned {
        for index in 0..<count { floats[start &+ index] = Float(Int8(bitPattern: source[index])) }
    } else {
        for index in 0..<count { floats[start &+ index] = Float(source[index]) }
    }
}

/// IEEE 754 half precision, which a float holds exactly.
///
/// Written with integers because a library call per value (what the compiler makes of `Float16` on a plain x86-64)
/// takes ten times as long.
func widenFloat16(_ source: [UInt16], count: Int, into floats: inout MutableSpan<Float>, at start: Int) {
    precondition(start >= 0 && count >= 0 && count <= source.count && start <= floats.count - count)
    let source = source.span
    for index in 0..<count {
        let half = UInt32(source[index])
        let sign = (half & 0x8000) << 16
        let magnitude = (half & 0x7FFF) << 13
        // The exponents' biases differ by 112; multiplying sets subnormal numbers right as well.
        let scaled = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
        // Exponent 31 is infinity or NaN in half precision, but came out as a power of two.
        let special: UInt32 = magnitude >= 0x0F80_0000 ? 0x7F80_0000 : 0
        floats[start &+ index] = Float(bitPattern: sign | scaled | special)
    }
}

/// bfloat16, the upper half of a float.
func widenBFloat16(_ source: [UInt16], count: Int, into floats: inout MutableSpan<Float>, at start: Int) {
    precondition(start >= 0 && count >= 0 && count <= source.count && start <= floats.count - count)
    let source = source.span
    for index in 0..<count { floats[start &+ index] = Float(bitPattern: UInt32(source[index]) << 16) }
}

/// Doubles (as bit patterns) rounded to floats.
///
/// - Returns: whether a finite double became infinite.
func narrow(_ source: [UInt64], count: Int, into floats: inout MutableSpan<Float>, at start: Int) -> Bool {
    precondition(start >= 0 && count >= 0 && count <= source.count && start <= floats.count - count)
    let source = source.span
    var overflows: UInt64 = 0
    for index in 0..<count {
        let value = Double(bitPattern: source[index])
        floats[start &+ index] = Float(value)
        // Halfway between the largest float and the next power of two, which ties up: the first double that overflows.
        overflows |= value.magnitude >= 0x1.ffffffp127 && value.magnitude < .infinity ? 1 : 0
    }
    return overflows != 0
}
