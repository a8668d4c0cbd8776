import VectorKernels

/// Finds each row a second partition, for a search that misses the first one.
///
/// The second residual r′ should be short, and orthogonal to the first one, r: where a query is badly served by r it is
/// then better served by r′. Chosen is the partition that makes |r′|² + (⟨r′, r⟩ / |r|)² smallest, ties to the smaller number.
///
/// - SeeAlso: Sun et al., "SOAR: Improved Indexing for Approximate Nearest Neighbor Search", NeurIPS 2023, with λ = 1.
public struct SecondAssignment: Sendable {
    /// Partitions that are considered: those nearest to the first one.
    private static let neighborLimit = 48

    private let dimensions: Int
    private let centroids: [Float]
    /// `[leaf][width]`, ascending.
    private let neighbors: [UInt32]
    private let width: Int

    /// - Parameter centroids: `leaves × dimensions`, at least two leaves.
    /// - Complexity: O(leaves² · dimensions).
    public init(centroids: [Float], dimensions: Int, threads: Int, kernels: Kernels) {
        let count = centroids.count / dimensions
        precondition(count >= 2)
        let width = min(Self.neighborLimit, count - 1)
        (self.dimensions, self.centroids, self.width) = (dimensions, centroids, width)
        neighbors = concurrentMap(count: count, threads: threads) { leaf -> [UInt32] in
            var scores = [Float](repeating: 0, count: count)
            var best = [Float](repeating: 0, count: count + 16)
            var places = [UInt32](repeating: 0, count: count + 16)
            var scoreRoom = scores.mutableSpan
            // Floats have no padding to expose.
            unsafe kernels.exactScores(
                .negatedSquaredDistance, element: .float32,
                query: centroids.span.extracting(leaf * dimensions..<(leaf + 1) * dimensions),
                rows: centroids.span.bytes, stride: 4 * dimensions, into: &scoreRoom)
            scoreRoom[leaf] = .nan  // which is passed over
            var bestRoom = best.mutableSpan
            var placeRoom = places.mutableSpan
            let kept = kernels.selectBest(width, of: scores.span, into: &bestRoom, places: &placeRoom)
            return places[..<kept].sorted()
        }.flatMap { $0 }
    }

    /// The second partition of each row.
    ///
    /// - Parameters:
    ///   - rows: `count × dimensions`.
    ///   - first: the partition that each row is in.
    /// - Complexity: O(rows · 48 · dimensions); the same for any number of threads.
    public func leaves(for rows: [Float], first: [UInt32], threads: Int, kernels: Kernels) -> [UInt32] {
        let chunk = 512
        return concurrentMap(count: (first.count + chunk - 1) / chunk, threads: threads) { part in
            var room = Room(dimensions: dimensions, width: width)
            return (part * chunk..<min(first.count, (part + 1) * chunk)).map { row in
                let vector = rows.span.extracting(row * dimensions..<(row + 1) * dimensions)
                return second(for: vector, first: Int(first[row]), room: &room, kernels: kernels)
            }
        }.flatMap { $0 }
    }

    /// Memory for one row at a time.
    private struct Room {
        var residual: [Float]
        var distances: [Float]
        var products: [Float]

        init(dimensions: Int, width: Int) {
            residual = [Float](repeating: 0, count: dimensions)
            distances = [Float](repeating: 0, count: width)
            products = distances
        }
    }

    private func second(
        for row: Span<Float>, first: Int, room: inout Room, kernels: Kernels
    ) -> UInt32 {
        for column in 0..<dimensions { room.residual[column] = row[column] - centroids[first * dimensions + column] }
        let candidates = neighbors.span.extracting(first * width..<(first + 1) * width)
        let residual = room.residual
        var distances = room.distances.mutableSpan
        // Floats have no padding to expose.
        unsafe kernels.exactScores(
            .negatedSquaredDistance, element: .float32, query: row, rows: centroids.span.bytes,
            stride: 4 * dimensions, indices: candidates, into: &distances)
        var products = room.products.mutableSpan
        unsafe kernels.exactScores(
            .dot, element: .float32, query: residual.span, rows: centroids.span.bytes, stride: 4 * dimensions,
            indices: candidates, into: &products)
        let square = kernels.dot(residual.span, residual.span)
        let along = kernels.dot(row, residual.span)
        var (best, least) = (candidates[0], Float.infinity)
        for index in candidates.indices {
            let product = along - room.products[index]
            let parallel = square > 0 ? product * product / square : 0
            let loss = parallel - room.distances[index]
            if loss < least { (best, least) = (candidates[index], loss) }
        }
        return best
    }
}
