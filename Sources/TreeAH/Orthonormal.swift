import VectorKernels

/// Matrices with orthonormal rows. Everything here is `f64` arithmetic in a fixed order and needs no transcendental
/// function, so that the same seed gives the same bits on every machine.
enum Orthonormal {
    /// `count` orthonormal rows in `dimensions` dimensions, uniformly at random but for the tails of the generator.
    static func random(count: Int, dimensions: Int, generator: inout SeededGenerator) -> [Double] {
        precondition(count <= dimensions)
        var rows = [Double](repeating: 0, count: count * dimensions)
        for index in rows.indices { rows[index] = Double(generator.approximateGaussian()) }
        orthonormalize(&rows, dimensions: dimensions, generator: &generator)
        return rows
    }

    /// Modified Gram–Schmidt, each row swept twice ("twice is enough", Giraud et al. 2005). A row that depends on the
    /// ones before it is replaced by a random one.
    ///
    /// - Complexity: O(rows² · dimensions).
    static func orthonormalize(_ rows: inout [Double], dimensions: Int, generator: inout SeededGenerator) {
        let count = rows.count / dimensions
        for row in 0..<count {
            while true {
                let before = squaredNorm(rows, row: row, dimensions: dimensions)
                for _ in 0..<2 {
                    for earlier in 0..<row { removeComponent(&rows, of: row, along: earlier, dimensions: dimensions) }
                }
                let after = squaredNorm(rows, row: row, dimensions: dimensions)
                if after > before * 1e-20, after > 1e-200, after.isFinite {
                    let factor = 1 / after.squareRoot()
                    for column in 0..<dimensions { rows[row * dimensions + column] *= factor }
                    break
                }
                for column in 0..<dimensions {
                    rows[row * dimensions + column] = Double(generator.approximateGaussian())
                }
            }
        }
    }

    private static func squaredNorm(_ rows: [Double], row: Int, dimensions: Int) -> Double {
        var sum = 0.0
        for column in row * dimensions..<(row + 1) * dimensions { sum += rows[column] * rows[column] }
        return sum
    }

    private static func removeComponent(_ rows: inout [Double], of row: Int, along axis: Int, dimensions: Int) {
        var span = rows.mutableSpan
        let (to, from) = (row * dimensions, axis * dimensions)
        // Four running sums: a fixed order that does not wait for each addition.
        var (sum0, sum1, sum2, sum3) = (0.0, 0.0, 0.0, 0.0)
        var column = 0
        while column + 4 <= dimensions {
            sum0 += span[to + column] * span[from + column]
            sum1 += span[to + column + 1] * span[from + column + 1]
            sum2 += span[to + column + 2] * span[from + column + 2]
            sum3 += span[to + column + 3] * span[from + column + 3]
            column += 4
        }
        while column < dimensions {
            sum0 += span[to + column] * span[from + column]
            column += 1
        }
        let component = (sum0 + sum1) + (sum2 + sum3)
        for column in 0..<dimensions { span[to + column] -= component * span[from + column] }
    }
}

extension Orthonormal {
    /// `count × inner` times `inner × columns`, in `f64`.
    static func product(_ left: [Double], _ right: [Double], inner: Int, columns: Int) -> [Double] {
        let count = left.count / inner
        var result = [Double](repeating: 0, count: count * columns)
        for row in 0..<count {
            for middle in 0..<inner {
                let factor = left[row * inner + middle]
                for column in 0..<columns {
                    result[row * columns + column] += factor * right[middle * columns + column]
                }
            }
        }
        return result
    }
}
