/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): the same numbers for
/// the same seed, on every machine and for ever.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, all equally likely: multiply and reject (Lemire, TOMACS 2019).
    ///
    /// Written out because the standard library may change how it draws from a generator.
    public mutating func uniform(below limit: Int) -> Int {
        precondition(limit > 0)
        let range = UInt64(limit)
        var product = next().multipliedFullWidth(by: range)
        if product.low < range {
            let rejected = (0 &- range) % range
            while product.low < rejected { product = next().multipliedFullWidth(by: range) }
        }
        return Int(product.high)
    }

    /// A float in [0, 1), a multiple of 2⁻²⁴.
    public mutating func uniformFloat() -> Float { Float(next() >> 40) * 0x1p-24 }

    /// About normal, mean 0 and variance 1: the sum of twelve uniform numbers. No logarithm and no cosine, which differ
    /// from one C library to the next.
    public mutating func approximateGaussian() -> Float {
        var sum: Float = -6
        for _ in 0..<12 { sum += uniformFloat() }
        return sum
    }
}
