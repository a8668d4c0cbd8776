import Testing
import VectorKernels

@testable import TreeAH

@Suite struct SecondMomentsTests {
    private func moments(_ vectors: [Float], _ dimensions: Int, threads: Int = 2) -> SecondMoments {
        SecondMoments(of: vectors, dimensions: dimensions, threads: threads, kernels: .best)
    }

    /// A vector along each axis, as long as the root of the variance there.
    private func alongAxes(_ variances: [Float]) -> [Float] {
        variances.indices.flatMap { row in
            variances.indices.map { $0 == row ? variances[row].squareRoot() : 0 }
        }
    }

    /// The rows that a dense projection's bytes mean.
    private func rows(_ projection: Projection) -> [Double] {
        guard case .dense(let bytes, _) = projection else { return [] }
        return bytes.meantRows.doubles
    }

    @Test(
        arguments: [
            ([4], 1), ([1, 1, 1], 3), ([1, 0, 0], 1), ([4, 4, 0, 0, 0], 2), ([9, 1], 1.219_512),  // 10² / 82
            ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 16], 3.989_011),  // 33² / 273
        ] as [([Float], Double)])
    func `dimensions in effect are the participation ratio of the variances`(variances: [Float], expected: Double) {
        #expect(isNear(moments(alongAxes(variances), variances.count).effectiveDimensions, expected))
    }

    @Test(arguments: seeds)
    func `dimensions in effect do not depend on the axes`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let variances: [Double] = [16, 9, 4, 1, 1]
        let axes = Orthonormal.random(count: 5, dimensions: 5, generator: &generator)
        let vectors = (0..<5).flatMap { row in
            axes.part(row, of: 5).map { Float($0 * variances[row].squareRoot()) }
        }
        // (16 + 9 + 4 + 1 + 1)² / (16² + 9² + 4² + 1 + 1)
        #expect(isNear(moments(vectors, 5).effectiveDimensions, 961.0 / 355, relative: 1e-4))
    }

    @Test func `no vectors, and vectors of zeros, have no dimensions in effect`() {
        #expect(moments([], 3).effectiveDimensions == 0)
        #expect(moments([0, 0, 0, 0], 2).effectiveDimensions == 0)
    }

    @Test(arguments: seeds)
    func `principal axes span the directions of largest variance`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let (dimensions, count) = (19, 3)
        let axes = Orthonormal.random(count: dimensions, dimensions: dimensions, generator: &generator)
        let vectors = (0..<60).flatMap { _ -> [Float] in
            let amounts = (0..<dimensions).map { Double(generator.approximateGaussian()) * ($0 < count ? 5 : 0.1) }
            return Orthonormal.product(amounts, axes, inner: dimensions, columns: dimensions).map { Float($0) }
        }
        let projection = moments(vectors, dimensions).principalAxes(count: count, seed: 8, threads: 2, kernels: .best)
        let found = rows(projection)
        #expect(projection.outputDimensions == count && projection.inputDimensions == dimensions)
        #expect(found.count == count * dimensions)
        // Bytes keep each entry to a 254th of the row's largest.
        #expect(Plain.distanceFromOrthonormal(found, columns: dimensions) < 0.03)
        for axis in 0..<count {
            let shares = (0..<count).map { Plain.dot(found.part($0, of: dimensions), axes.part(axis, of: dimensions)) }
            #expect(isNear(Plain.length(shares), 1, absolute: 0.03), "axis \(axis)")
        }
    }

    @Test(arguments: [1, 2, 16, 17])
    func `as many axes as dimensions are a rotation`(dimensions: Int) {
        var generator = SeededGenerator(seed: 12)
        let vectors = generator.floats(40 * dimensions)
        let projection = moments(vectors, dimensions)
            .principalAxes(count: dimensions, seed: 5, threads: 1, kernels: .best)
        #expect(rows(projection).count == dimensions * dimensions)
        #expect(Plain.distanceFromOrthonormal(rows(projection), columns: dimensions) < 0.03)
    }

    @Test(arguments: seeds)
    func `the axes are mixed, so that none of them carries most of the variance`(seed: UInt64) {
        let variances: [Float] = [1000] + [Float](repeating: 1, count: 11)
        let projection = moments(alongAxes(variances), 12).principalAxes(
            count: 8, seed: seed, threads: 1, kernels: .best)
        let found = rows(projection)
        let shares = (0..<8).map { found[$0 * 12] * found[$0 * 12] }
        #expect(isNear(shares.reduce(0, +), 1, absolute: 0.03))
        #expect(shares.allSatisfy { $0 < 0.8 })
    }

    @Test func `threads change nothing, seeds do`() {
        var generator = SeededGenerator(seed: 2)
        let vectors = generator.floats(50 * 9)
        func bytes(_ threads: Int, seed: UInt64 = 6) -> [UInt8] {
            moments(vectors, 9, threads: threads).principalAxes(count: 4, seed: seed, threads: threads, kernels: .best)
                .bytes
        }
        #expect(bytes(1) == bytes(4))
        #expect(bytes(1) != bytes(1, seed: 7))
    }
}
