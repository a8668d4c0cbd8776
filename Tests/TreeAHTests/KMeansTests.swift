import Testing
import VectorKernels

@testable import TreeAH

@Suite struct KMeansTests {
    private func train(
        _ rows: [Float], dimensions: Int, count: Int, iterations: Int, seed: UInt64 = 7, threads: Int = 2
    ) throws -> [Float] {
        try KMeans.train(
            rows: rows, dimensions: dimensions, count: count, iterations: iterations, seed: seed, threads: threads,
            kernels: .best
        ) { _ in }
    }

    private func vectors(_ rows: [Float], _ dimensions: Int) -> [[Double]] {
        (0..<rows.count / dimensions).map { rows.part($0, of: dimensions).doubles }
    }

    /// The sum of squared distances to the nearest centroid.
    private func loss(_ rows: [Float], _ centroids: [Float], _ dimensions: Int) -> Double {
        let centroids = vectors(centroids, dimensions)
        return vectors(rows, dimensions).reduce(0) { sum, row in
            sum + centroids.reduce(.infinity) { min($0, Plain.squaredDistance(row, $1)) }
        }
    }

    @Test(arguments: seeds)
    func `training starts from distinct rows of the sample`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let rows = generator.floats(60 * 3)
        let starts = vectors(try train(rows, dimensions: 3, count: 20, iterations: 0, seed: seed), 3)
        #expect(starts.count == 20)
        #expect(Set(starts).count == 20 && Set(starts).isSubset(of: Set(vectors(rows, 3))))
        #expect(starts != vectors(try train(rows, dimensions: 3, count: 20, iterations: 0, seed: seed + 1), 3))
    }

    @Test(arguments: seeds)
    func `a round moves each centroid to the mean of its rows`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        // More clusters than one thread takes at a time.
        let (dimensions, count) = (3, 70)
        let rows = generator.floats(900 * dimensions)
        let starts = try train(rows, dimensions: dimensions, count: count, iterations: 0)
        let moved = vectors(try train(rows, dimensions: dimensions, count: count, iterations: 1), dimensions)
        let assigned = CentroidTable(starts, dimensions: dimensions, kernels: .best)
            .nearest(to: rows, threads: 1, kernels: .best)
        for cluster in 0..<count {
            let members = (0..<900).filter { Int(assigned[$0]) == cluster }.map {
                rows.part($0, of: dimensions).doubles
            }
            let mean = (0..<dimensions).map { column in
                members.isEmpty
                    ? Double(starts[cluster * dimensions + column])
                    : members.reduce(0) { $0 + $1[column] } / Double(members.count)
            }
            #expect(areNear(moved[cluster], mean), "cluster \(cluster)")
        }
    }

    @Test(arguments: seeds)
    func `no round makes distances larger, and together they make them much smaller`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let centres = generator.floats(8 * 4, scale: 5)
        let rows = (0..<400).flatMap { row in centres.part(row % 8, of: 4).map { $0 + generator.approximateGaussian() }
        }
        let losses = try (0...8).map {
            loss(rows, try train(rows, dimensions: 4, count: 8, iterations: $0, seed: seed), 4)
        }
        for (before, after) in zip(losses, losses.dropFirst()) { #expect(after <= before * 1.001) }
        #expect(losses[8] < 0.7 * losses[0])
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `three distinct vectors get three centroids, whichever rows training starts from`(seed: UInt64) throws {
        let distinct: [[Float]] = [[0, 0], [8, 0], [8, 6]]
        let rows = (0..<48).flatMap { distinct[$0 % 3] }
        let centroids = vectors(try train(rows, dimensions: 2, count: 3, iterations: 24, seed: seed), 2)
        for vector in distinct {
            #expect(centroids.filter { areNear($0, vector.doubles) }.count == 1, "\(vector) of \(centroids)")
        }
    }

    @Test func `centroids that outnumber the distinct vectors do no harm`() throws {
        let rows = (0..<40).flatMap { [Float]([[1, 1], [-3, 2]][$0 % 2]) }
        let centroids = try train(rows, dimensions: 2, count: 9, iterations: 10)
        #expect(centroids.count == 18 && centroids.allSatisfy(\.isFinite))
        #expect(loss(rows, centroids, 2) < 1e-8)
    }

    @Test func `as many centroids as rows are the rows`() throws {
        let rows: [Float] = [5, 1, 4, 2, 3]
        #expect(try train(rows, dimensions: 1, count: 5, iterations: 6) == rows)
        #expect(try train([2, 3], dimensions: 2, count: 1, iterations: 3) == [2, 3])
        // No cluster has a row to give to those without.
        #expect(try train([4, 4, 4], dimensions: 1, count: 3, iterations: 4) == [4, 4, 4])
    }

    @Test func `rounds are counted, and end when no row moves`() throws {
        var rounds: [Int] = []
        func report(_ rows: [Float], count: Int, iterations: Int) throws {
            rounds = []
            _ = try KMeans.train(
                rows: rows, dimensions: 1, count: count, iterations: iterations, seed: 1, threads: 1, kernels: .best
            ) { rounds.append($0) }
        }
        try report([0, 10], count: 2, iterations: 50)
        #expect(rounds == [1])
        var generator = SeededGenerator(seed: 3)
        try report(generator.floats(300), count: 12, iterations: 4)
        #expect(rounds == [1, 2, 3, 4])
        try report([0, 10], count: 2, iterations: 0)
        #expect(rounds.isEmpty)
    }

    @Test func `a report that throws stops the training`() {
        struct Stop: Error {}
        var rounds = 0
        #expect(throws: Stop.self) {
            try KMeans.train(
                rows: [0, 1, 5, 6, 9], dimensions: 1, count: 2, iterations: 9, seed: 1, threads: 1, kernels: .best
            ) { _ in
                rounds += 1
                throw Stop()
            }
        }
        #expect(rounds == 1)
    }

    @Test func `threads change nothing`() throws {
        var generator = SeededGenerator(seed: 31)
        let rows = generator.floats(2100 * 2)
        #expect(
            try train(rows, dimensions: 2, count: 130, iterations: 3, threads: 1)
                == train(rows, dimensions: 2, count: 130, iterations: 3, threads: 5))
    }
}

@Suite struct CentroidTableTests {
    @Test(arguments: seeds, [(1, 3), (15, 1), (16, 4), (33, 7)])
    func `no other centroid is nearer by more than bytes can tell`(seed: UInt64, shape: (Int, Int)) {
        let (count, dimensions) = shape
        var generator = SeededGenerator(seed: seed)
        // An offset that all share must not cost precision.
        let centroids = generator.floats(count * dimensions).map { $0 + 1000 }
        let rows = generator.floats(1100 * dimensions).map { $0 + 1000 }
        let table = CentroidTable(centroids, dimensions: dimensions, kernels: .best)
        #expect(table.count == count)
        let nearest = table.nearest(to: rows, threads: 3, kernels: .best)
        #expect(nearest.count == 1100)
        #expect(nearest == table.nearest(to: rows, threads: 1, kernels: .best))
        let mean = meanOfRows(centroids, dimensions: dimensions)
        for row in 0..<1100 {
            let vector = rows.part(row, of: dimensions)
            let distances = (0..<count).map {
                Plain.squaredDistance(vector.doubles, centroids.part($0, of: dimensions).doubles).squareRoot()
            }
            // A value of the row is off by half its step, one of a centroid by half its scale, which is at most 4 / 127.
            let step = Plain.leveled(zip(vector, mean).map { $0 - $1 }).step
            let slack = Double(dimensions).squareRoot() * (step + 5.0 / 127)
            let chosen = Int(nearest[row])
            guard chosen < count else { Issue.record("row \(row) got centroid \(chosen) of \(count)"); continue }
            #expect(distances[chosen] <= distances.reduce(.infinity, min) + slack, "row \(row)")
        }
    }

    @Test func `of equal centroids the first is the nearest`() {
        let table = CentroidTable([1, 2, 5, 5, 1, 2, 5, 5], dimensions: 2, kernels: .best)
        #expect(table.nearest(to: [1, 2, 5, 5, 9, 9], threads: 1, kernels: .best) == [0, 1, 1])
    }

    @Test(arguments: seeds)
    func `rows go to the centroid that they lie on`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let centroids = generator.floats(20 * 8)
        let table = CentroidTable(centroids, dimensions: 8, kernels: .best)
        #expect(table.nearest(to: centroids, threads: 1, kernels: .best) == Array(0..<20))
    }
}

@Suite struct ClustersTests {
    @Test(arguments: seeds)
    func `every row is a member of its cluster, in order`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let assigned = (0..<200).map { _ in UInt32(generator.uniform(below: 6)) + 1 }
        let clusters = Clusters(assigned: assigned, count: 9)  // 0, 7 and 8 stay empty
        for cluster in 0..<9 {
            let members = (0..<200).filter { assigned[$0] == cluster }.map { UInt32($0) }
            #expect(Array(clusters.members(of: cluster)) == members)
            #expect(clusters.sizes[cluster] == members.count)
        }
        #expect(clusters.sizes.count == 9)
    }

    @Test func `means keep the place of an empty cluster`() {
        let clusters = Clusters(assigned: [2, 0, 2], count: 3)
        let means = clusters.means(
            of: [1, 2, 3, 4, 5, 8], dimensions: 2, keeping: [9, 9, 7, 6, 9, 9], threads: 1, kernels: .best)
        #expect(means == [3, 4, 7, 6, 3, 5])
    }

    @Test func `the mean of rows is that of each column`() {
        #expect(meanOfRows([1, 2, 3, 6, 5, 1], dimensions: 2) == [3, 3])
        #expect(meanOfRows([], dimensions: 3) == [0, 0, 0])
        // A sum that f32 would not hold.
        #expect(meanOfRows([3e38, 3e38], dimensions: 1) == [3e38])
    }

    @Test(arguments: seeds)
    func `distinct indices are distinct, increasing and equally likely`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var counts = [Int](repeating: 0, count: 5)
        for _ in 0..<5000 {
            let chosen = generator.distinctIndices(count: 2, below: 5)
            #expect(chosen.count == 2 && chosen[0] < chosen[1])
            for index in chosen { counts[index] += 1 }
        }
        // Two of five, to within five standard deviations.
        #expect(counts.allSatisfy { abs($0 - 2000) < 175 }, "\(counts)")
        #expect(generator.distinctIndices(count: 7, below: 7) == Array(0..<7))
        #expect(generator.distinctIndices(count: 0, below: 7).isEmpty)
    }
}
