import Testing

@testable import VectorKernels

@Suite struct SeededGeneratorTests {
    @Test func `the sequence is the published one`() {
        // The first values of SplitMix64 for seed 1234567, as its authors' reference code prints them.
        var generator = SeededGenerator(seed: 1_234_567)
        let first = (0..<5).map { _ in generator.next() }
        let published: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
        ]
        #expect(first == published)
    }

    @Test func `the same seed gives the same numbers and another seed others`() {
        var (a, b, c) = (SeededGenerator(seed: 5), SeededGenerator(seed: 5), SeededGenerator(seed: 6))
        let numbers = (0..<100).map { _ in a.uniform(below: 1000) }
        #expect(numbers == (0..<100).map { _ in b.uniform(below: 1000) })
        #expect(numbers != (0..<100).map { _ in c.uniform(below: 1000) })
    }

    @Test(arguments: [1, 2, 3, 7, 1000, 1 << 40, Int.max]) func `uniform numbers stay below the limit`(limit: Int) {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<1000 { #expect((0..<limit).contains(generator.uniform(below: limit))) }
    }

    @Test func `all numbers below a limit are about equally likely`() {
        var generator = SeededGenerator(seed: 12)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[generator.uniform(below: 7)] += 1 }
        // Ten thousand each, and a standard deviation of 93: five of them.
        #expect(counts.allSatisfy { abs($0 - 10_000) < 465 }, "\(counts)")
    }

    @Test func `draws that would make some numbers likelier are passed over`() {
        // With a limit of 3 · 2⁶¹ a draw x gives 3x / 8, and is passed over where the remainder is 0 or 1.
        var (drawn, raw) = (SeededGenerator(seed: 14), SeededGenerator(seed: 14))
        let draws = (0..<400).map { _ in raw.next() }.filter { ($0 % 8 * 3) % 8 >= 2 }
        #expect((250..<350).contains(draws.count))
        for draw in draws { #expect(drawn.uniform(below: 3 << 61) == Int(draw / 8 * 3 + draw % 8 * 3 / 8)) }
    }

    @Test func `floats lie in 0 ..< 1 and Gaussians have mean 0 and variance 1`() {
        var generator = SeededGenerator(seed: 13)
        for _ in 0..<10_000 { #expect((0..<1).contains(generator.uniformFloat())) }
        let values = (0..<20_000).map { _ in Double(generator.approximateGaussian()) }
        let mean = values.reduce(0, +) / 20_000
        let variance = values.reduce(0) { $0 + $1 * $1 } / 20_000
        // Five standard errors: 1/√20,000 of the mean, √2/√20,000 of the variance.
        #expect(abs(mean) < 0.036 && abs(variance - 1) < 0.05, "\(mean), \(variance)")
    }
}
