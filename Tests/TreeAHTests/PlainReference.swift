// Formats/numerics.md and Formats/segment.md once more, written from their text and for reading; it shares no line with the
// code under test. Sums are f64, except where a rounding decides an integer.

enum Plain {
    static func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    static func squaredDistance(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }

    static func length(_ a: [Double]) -> Double { dot(a, a).squareRoot() }

    /// How far the rows of a matrix are from being orthonormal: the largest error among their products.
    static func distanceFromOrthonormal(_ rows: [Double], columns: Int) -> Double {
        let vectors = (0..<rows.count / columns).map { rows.part($0, of: columns) }
        var worst = 0.0
        for (i, a) in vectors.enumerated() {
            for (j, b) in vectors.enumerated() { worst = max(worst, abs(dot(a, b) - (i == j ? 1 : 0))) }
        }
        return worst
    }

    static func float(_ bytes: [UInt8], at place: Int) -> Float {
        Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << (8 * $1) })
    }

    /// An f16, of which only finite ones that are not negative are stored.
    static func half(_ bits: Int) -> Double {
        let (exponent, fraction) = (bits >> 10, Double(bits & 1023))
        var power = 1.0
        for _ in 0..<abs(max(exponent, 1) - 15) { power *= exponent > 15 ? 2 : 0.5 }
        return exponent == 0 ? fraction / 1024 * power : (1 + fraction / 1024) * power
    }
}

// MARK: numerics, section 3, and segment, section 6: byte matrices

extension Plain {
    struct ByteRow: Equatable {
        var weights: [Int]
        var scale: Float
        var sum: Float
        var bias: Float

        var meant: [Double] { weights.map { Double(scale * Float($0)) } }
    }

    /// All rows of a byte matrix, those that complete its last block and columns that complete the last four included.
    static func byteRows(_ bytes: [UInt8], columns: Int) -> [ByteRow] {
        let groups = (columns + 3) / 4
        let stride = 64 * groups + 192
        return (0..<bytes.count / stride * 16).map { row in
            let (start, i) = (row / 16 * stride, row % 16)
            return ByteRow(
                weights: (0..<4 * groups).map { column in
                    let byte = Int(bytes[start + 64 * (column / 4) + 4 * i + column % 4])
                    return byte < 128 ? byte : byte - 256
                },
                scale: float(bytes, at: start + 64 * groups + 4 * i),
                sum: float(bytes, at: start + 64 * groups + 64 + 4 * i),
                bias: float(bytes, at: start + 64 * groups + 128 + 4 * i))
        }
    }

    /// A vector as its levels say it: low + step·u.
    static func leveled(_ vector: [Float]) -> (values: [Double], step: Double) {
        let (low, high) = (vector.reduce(.infinity, min), vector.reduce(-.infinity, max))
        var (step, inverse) = ((high - low) / 127, 127 / (high - low))
        if !inverse.isFinite { (step, inverse) = (0, 0) }
        let levels = vector.map { min(127, (($0 - low) * inverse).rounded(.toNearestOrEven)) }
        return (levels.map { Double(low) + Double(step) * Double($0) }, Double(step))
    }

    static func byteProducts(_ vector: [Float], _ rows: [ByteRow]) -> [Double] {
        let values = leveled(vector).values
        return rows.map { row in Double(row.bias) + dot(values, row.weights.map { Double(row.scale) * Double($0) }) }
    }

    /// An `int8` reorder vector (segment, section 7) and the values that it gives back.
    static func int8Row(_ values: [Float]) -> (bytes: [UInt8], meant: [Float]) {
        let scale = values.map(abs).reduce(0, max) / 127
        let integers = values.map { scale > 0 ? max(-127, min(127, ($0 / scale).rounded(.toNearestOrEven))) : 0 }
        var bytes = (0..<4).map { UInt8(truncatingIfNeeded: scale.bitPattern >> (8 * $0)) }
        bytes += integers.map { UInt8(bitPattern: Int8($0)) }
        while bytes.count % 4 != 0 { bytes.append(0) }
        return (bytes, integers.map { scale * $0 })
    }
}

// MARK: numerics, section 4

extension Plain {
    /// A structured rotation of a vector, by the definition of the Walsh–Hadamard transform: entry (i, j) is −1 to the number
    /// of bits that i and j share.
    static func structured(_ vector: [Double], signs: [Float]) -> [Double] {
        let d = vector.count
        var m = 1
        while 2 * m <= d { m *= 2 }
        var z = vector
        for round in 0..<4 {
            for j in 0..<d { z[j] *= Double(signs[round * d + j]) }
            let first = round % 2 == 0 ? 0 : d - m
            let part = Array(z[first..<first + m])
            for i in 0..<m {
                let sum = (0..<m).reduce(0.0) { $0 + ((i & $1).nonzeroBitCount % 2 == 0 ? part[$1] : -part[$1]) }
                z[first + i] = sum / Double(m).squareRoot()
            }
        }
        return z
    }

    /// What the quantized lookup table of a projected query gives for the codes of each subspace: step·Q + the low of each.
    static func lookup(_ z: [Float], codewords: [Float], subspaces: Int, dimensionsPerBlock: Int) -> [[Double]] {
        let table = (0..<subspaces).map { s in
            (0..<16).map { word in
                (s * dimensionsPerBlock..<(s + 1) * dimensionsPerBlock).reduce(Float(0)) { sum, j in
                    sum.addingProduct(z[j], codewords[j * 16 + word])
                }
            }
        }
        let lows = table.map { $0.reduce(.infinity, min) }
        let range = zip(table, lows).map { $0.reduce(-.infinity, max) - $1 }.reduce(0, max)
        let inverse = range > 0 && (127 / range).isFinite ? 127 / range : 0
        let step = inverse > 0 ? range / 127 : 0
        return zip(table, lows).map { entries, low in
            entries.map { entry in
                Double(low) + Double(step) * Double(min(127, ((entry - low) * inverse).rounded(.toNearestOrEven)))
            }
        }
    }

    /// A slot of a code block (segment, section 6).
    struct Slot {
        var codes: [Int]
        var scale: Double
        var bias: Double
    }

    /// - Parameter codes: blocks one behind the other.
    static func slot(_ number: Int, in codes: [UInt8], subspaces: Int, hasBiases: Bool) -> Slot {
        let pairs = (subspaces + 1) / 2
        let byteCount = 32 * pairs + 64 + (hasBiases ? 128 : 0)
        let (start, i) = (number / 32 * byteCount, number % 32)
        let scale = start + 32 * pairs + 2 * i
        return Slot(
            codes: (0..<2 * pairs).map { Int(codes[start + 32 * ($0 / 2) + i]) >> (4 * ($0 % 2)) & 15 },
            scale: half(Int(codes[scale]) | Int(codes[scale + 1]) << 8),
            bias: hasBiases ? Double(float(codes, at: start + 32 * pairs + 64 + 4 * i)) : 0)
    }

    /// The concatenated codewords of some codes.
    static func reconstruction(_ codes: [Int], codewords: [Float], dimensionsPerBlock: Int) -> [Double] {
        (0..<codes.count * dimensionsPerBlock).map { Double(codewords[$0 * 16 + codes[$0 / dimensionsPerBlock]]) }
    }
}
