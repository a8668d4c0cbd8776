@testable import VectorKernels

// Formats/numerics.md once more, written from its text and for reading; it shares no line with the kernels.

/// fma(a, b, c): one rounding.
func fma(_ a: Float, _ b: Float, _ c: Float) -> Float { c.addingProduct(a, b) }

enum Reference {
    /// Section 3, outputs 0 ..< 16·blocks.
    static func blockProducts(_ vector: ArraySlice<Float>, _ blocks: [Float], start: [Float]?) -> [Float] {
        let n = vector.count
        let outputCount = blocks.count / n
        return (0..<outputCount).map { i in
            var sum = start?[i] ?? 0
            for (j, value) in vector.enumerated() { sum = fma(value, blocks[(i / 16 * n + j) * 16 + i % 16], sum) }
            return sum
        }
    }

    /// The index of the largest value, equal values by smaller index; NaN is never the largest.
    static func indexOfLargest(_ values: [Float]) -> UInt32 {
        var best = 0
        var largest = -Float.infinity
        for (index, value) in values.enumerated() where value > largest { (best, largest) = (index, value) }
        return UInt32(best)
    }

    struct Table: Equatable {
        var entries: [UInt8]
        var step: Float
        var offset: Float
    }

    /// Section 4, *Lookup table*.
    static func lookupTable(_ z: [Float], codewords: [Float], subspaces: Int, dimensionsPerBlock: Int) -> Table {
        var entries = [[Float]](repeating: [], count: subspaces)
        var offset: Float = 0
        var range: Float = 0
        for s in 0..<subspaces {
            entries[s] = (0..<16).map { w in
                (0..<dimensionsPerBlock).reduce(Float(0)) { sum, t in
                    let j = s * dimensionsPerBlock + t
                    return fma(z[j], codewords[j * 16 + w], sum)
                }
            }
            let low = entries[s].reduce(Float.infinity, min)
            offset += low
            range = max(range, entries[s].reduce(-Float.infinity, max) - low)
            entries[s] = entries[s].map { $0 - low }
        }
        var inverse = 127 / range
        var step = range / 127
        if range == 0 || !inverse.isFinite { (inverse, step) = (0, 0) }
        let levels = entries.joined().map { UInt8(min(127, ($0 * inverse).rounded(.toNearestOrEven))) }
        return Table(entries: levels, step: step, offset: offset)
    }

    /// Section 2. `values` are the stored elements as numbers.
    static func exactScore(_ form: ScoreForm, query: [Float], values: [Float], scale: Float?) -> Float {
        var a = [Float](repeating: 0, count: 16)
        for j in query.indices {
            switch form {
            case .dot: a[j % 16] = fma(query[j], values[j], a[j % 16])
            case .negatedSquaredDistance:
                let t = scale.map { fma(-$0, values[j], query[j]) } ?? (query[j] - values[j])
                a[j % 16] = fma(t, t, a[j % 16])
            }
        }
        let b = (0..<8).map { a[$0] + a[$0 + 8] }
        let c = (0..<4).map { b[$0] + b[$0 + 4] }
        let e = (0..<2).map { c[$0] + c[$0 + 2] }
        let sum = e[0] + e[1]
        switch form {
        case .dot: return scale.map { sum * $0 } ?? sum
        case .negatedSquaredDistance: return -sum
        }
    }

    /// The order of section 4: larger scores first, then smaller numbers.
    static func isBefore(_ a: (score: Float, number: UInt32), _ b: (score: Float, number: UInt32)) -> Bool {
        let keys = [a.score, b.score].map { score in
            let bits = Int32(bitPattern: score.bitPattern)
            return bits >= 0 ? bits : bits ^ 0x7FFF_FFFF
        }
        return keys[0] != keys[1] ? keys[0] > keys[1] : a.number < b.number
    }

    struct Encoded: Equatable {
        var codes: [UInt8] = []
        var products: [Float] = []
        var norms: [Float] = []
    }

    /// Section 5.
    static func encode(
        _ rows: [Float], subspaces: Int, dimensionsPerBlock: Int, codewords: [Float], halfNorms: [Float]
    ) -> Encoded {
        let width = subspaces * dimensionsPerBlock
        var result = Encoded()
        for row in 0..<rows.count / width {
            var reconstruction: [Float] = []
            let y = rows[row * width..<(row + 1) * width]
            for s in 0..<subspaces {
                let first = s * dimensionsPerBlock
                let values = (0..<16).map { w in
                    (first..<first + dimensionsPerBlock).reduce(halfNorms[s * 16 + w]) { sum, j in
                        fma(y[y.startIndex + j], codewords[j * 16 + w], sum)
                    }
                }
                let code = Int(indexOfLargest(values))
                result.codes.append(UInt8(code))
                reconstruction += (first..<first + dimensionsPerBlock).map { codewords[$0 * 16 + code] }
            }
            result.products.append(zip(y, reconstruction).reduce(Float(0)) { fma($1.0, $1.1, $0) })
            result.norms.append(y.reduce(Float(0)) { fma($1, $1, $0) })
        }
        return result
    }
}
