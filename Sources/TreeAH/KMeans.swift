import VectorKernels

/// Euclidean k-means over a sample that fits in memory.
public enum KMeans {
    /// Trains `count` centroids.
    ///
    /// Starts from distinct random rows; in the first half of the rounds an empty cluster is restarted at a random row of the
    /// largest one, afterwards it may stay empty: data with few distinct vectors has no use for more. Sums run in the order of
    /// the rows, so the result does not depend on `threads`.
    ///
    /// - Parameters:
    ///   - rows: the sample, row-major, at least `count` rows.
    ///   - report: called after each round with the number of rounds done; throws to stop.
    /// - Returns: `count × dimensions`, row-major.
    /// - Complexity: O(iterations · rows · count · dimensions); fewer rounds where no row changes its cluster any more.
    public static func train(
        rows: [Float], dimensions: Int, count: Int, iterations: Int, seed: UInt64, threads: Int, kernels: Kernels,
        report: (Int) throws -> Void
    ) throws -> [Float] {
        let rowCount = rows.count / dimensions
        precondition(count >= 1 && rowCount >= count)
        var generator = SeededGenerator(seed: seed)
        var centroids = [Float]()
        centroids.reserveCapacity(count * dimensions)
        for row in generator.distinctIndices(count: count, below: rowCount) {
            centroids += rows[row * dimensions..<(row + 1) * dimensions]
        }
        var previous = [UInt32]()
        for iteration in 0..<iterations {
            let assigned = CentroidTable(centroids, dimensions: dimensions, kernels: kernels)
                .nearest(to: rows, threads: threads, kernels: kernels)
            if assigned == previous { break }
            let clusters = Clusters(assigned: assigned, count: count)
            let means = clusters.means(
                of: rows, dimensions: dimensions, keeping: centroids, threads: threads, kernels: kernels)
            centroids = means
            if iteration < iterations / 2 {
                restartEmptyClusters(&centroids, clusters, rows: rows, dimensions: dimensions, generator: &generator)
            }
            previous = assigned
            try report(iteration + 1)
        }
        return centroids
    }

    private static func restartEmptyClusters(
        _ centroids: inout [Float], _ clusters: Clusters, rows: [Float], dimensions: Int,
        generator: inout SeededGenerator
    ) {
        var sizes = clusters.sizes
        for cluster in sizes.indices where sizes[cluster] == 0 {
            guard let largest = sizes.indices.max(by: { (sizes[$0], $1) < (sizes[$1], $0) }), sizes[largest] > 1
            else { return }
            let members = clusters.members(of: largest)
            let row = Int(members[members.startIndex + generator.uniform(below: members.count)])
            centroids.replaceSubrange(
                cluster * dimensions..<(cluster + 1) * dimensions,
                with: rows[row * dimensions..<(row + 1) * dimensions])
            // Halving keeps one giant cluster from being chosen every time; the new one has no members to give yet.
            sizes[largest] /= 2
            sizes[cluster] = -1
        }
    }
}

/// Centroids laid out for finding the nearest one: argmin |x − c|² = argmax ⟨x, c⟩ − ½|c|², in bytes. Which of two centroids
/// that are all but equally near gets a row is of no account, and that integers decide it makes it the same everywhere.
public struct CentroidTable: Sendable {
    public let count: Int
    private let dimensions: Int
    /// The mean of the centroids, from which rows and centroids are counted: distances stay, and bytes are finer.
    private let origin: [Float]
    private let matrix: [UInt8]

    /// - Parameter centroids: `count × dimensions`, row-major.
    public init(_ centroids: [Float], dimensions: Int, kernels: Kernels) {
        (count, self.dimensions) = (centroids.count / dimensions, dimensions)
        let mean = meanOfRows(centroids, dimensions: dimensions)
        let rows = centroids.enumerated().map { $1 - mean[$0 % dimensions] }
        origin = mean
        matrix =
            ByteMatrix(rows: rows, columnCount: dimensions, hasBiases: true, closesPadding: true, kernels: kernels)
            .bytes
    }

    /// The nearest centroid of each row, ties to the smaller number; independent of `threads`.
    ///
    /// - Complexity: O(rows · centroids · dimensions).
    public func nearest(to rows: [Float], threads: Int, kernels: Kernels) -> [UInt32] {
        kernels.assign(rows: rows, dimensions: dimensions, origin: origin, matrix: matrix, threads: threads)
    }
}

/// The mean of some rows, summed in order.
public func meanOfRows(_ rows: [Float], dimensions: Int) -> [Float] {
    var sums = [Double](repeating: 0, count: dimensions)
    for (index, value) in rows.enumerated() { sums[index % dimensions] += Double(value) }
    let count = Double(max(1, rows.count / dimensions))
    return sums.map { Float($0 / count) }
}

/// Rows grouped by the cluster they are assigned to, by counting sort.
struct Clusters: Sendable {
    /// `starts[c] ..< starts[c + 1]` are the places of cluster c in `order`.
    private let starts: [Int]
    private let order: [UInt32]

    init(assigned: [UInt32], count: Int) {
        var starts = [Int](repeating: 0, count: count + 1)
        for cluster in assigned { starts[Int(cluster) + 1] += 1 }
        for cluster in 0..<count { starts[cluster + 1] += starts[cluster] }
        var next = starts
        var order = [UInt32](repeating: 0, count: assigned.count)
        for (row, cluster) in assigned.enumerated() {
            order[next[Int(cluster)]] = UInt32(row)
            next[Int(cluster)] += 1
        }
        self.starts = starts
        self.order = order
    }

    var sizes: [Int] { (0..<starts.count - 1).map { starts[$0 + 1] - starts[$0] } }

    func members(of cluster: Int) -> ArraySlice<UInt32> { order[starts[cluster]..<starts[cluster + 1]] }

    /// The mean of each cluster; an empty one keeps its place in `centroids`.
    func means(
        of rows: [Float], dimensions: Int, keeping centroids: [Float], threads: Int, kernels: Kernels
    ) -> [Float] {
        let count = starts.count - 1
        let chunk = 64
        let parts = concurrentMap(count: (count + chunk - 1) / chunk, threads: threads) { part in
            let clusters = part * chunk..<min(count, (part + 1) * chunk)
            var means = Array(centroids[clusters.lowerBound * dimensions..<clusters.upperBound * dimensions])
            for (place, cluster) in clusters.enumerated() where starts[cluster + 1] > starts[cluster] {
                let mine = place * dimensions..<(place + 1) * dimensions
                for index in mine { means[index] = 0 }
                var span = means.mutableSpan
                var sum = span._mutatingExtracting(mine)
                kernels.sumRows(
                    rows.span, dimensions: dimensions,
                    indices: order.span.extracting(starts[cluster]..<starts[cluster + 1]), into: &sum)
                let factor = 1 / Float(starts[cluster + 1] - starts[cluster])
                for index in 0..<dimensions { sum[index] *= factor }
            }
            return means
        }
        return parts.flatMap { $0 }
    }
}

extension SeededGenerator {
    /// `count` distinct numbers below `limit`, increasing: Floyd's sampling.
    public mutating func distinctIndices(count: Int, below limit: Int) -> [Int] {
        precondition(count <= limit)
        var chosen = Set<Int>(minimumCapacity: count)
        for candidate in (limit - count)..<limit {
            let pick = uniform(below: candidate + 1)
            if !chosen.insert(pick).inserted { chosen.insert(candidate) }
        }
        return chosen.sorted()
    }
}
