import VectorKernels

/// A uniform sample of the rows that pass by (Vitter's algorithm R, ACM TOMS 1985), the same for the same seed.
struct TrainingSample {
    let dimensions: Int
    let capacity: Int
    /// The sampled rows, row-major.
    private(set) var rows: [Float] = []
    /// Their ordinals.
    private(set) var ordinals: [UInt64] = []
    private var seen = 0
    private var generator: SeededGenerator

    init(dimensions: Int, capacity: Int, seed: UInt64) {
        precondition(capacity > 0)
        self.dimensions = dimensions
        self.capacity = capacity
        generator = SeededGenerator(seed: seed)
    }

    var count: Int { ordinals.count }

    func row(_ place: Int) -> [Float] { Array(rows[place * dimensions..<(place + 1) * dimensions]) }

    mutating func offer(_ batch: [Float], firstOrdinal: UInt64) {
        for row in 0..<batch.count / dimensions {
            let values = batch[row * dimensions..<(row + 1) * dimensions]
            if seen < capacity {
                rows.append(contentsOf: values)
                ordinals.append(firstOrdinal + UInt64(row))
            } else {
                let place = generator.uniform(below: seen + 1)
                if place < capacity {
                    rows.replaceSubrange(place * dimensions..<(place + 1) * dimensions, with: values)
                    ordinals[place] = firstOrdinal + UInt64(row)
                }
            }
            seen += 1
        }
    }

    /// A uniform part of the sample; all of it when `count` is no smaller.
    ///
    /// Drawn anew, because the first places of a full sample are not uniform over the input.
    func part(count wanted: Int, seed: UInt64) -> [Float] {
        guard wanted < count else { return rows }
        var generator = SeededGenerator(seed: seed)
        var result: [Float] = []
        result.reserveCapacity(wanted * dimensions)
        for place in generator.distinctIndices(count: wanted, below: count) {
            result += rows[place * dimensions..<(place + 1) * dimensions]
        }
        return result
    }
}
