import Testing
import VectorKernels

@testable import TreeAH

@Suite struct SecondAssignmentTests {
    private let dimensions = 7

    /// The loss by definition, in f64.
    private func loss(_ row: ArraySlice<Float>, _ first: ArraySlice<Float>, _ second: ArraySlice<Float>) -> Double {
        let r = zip(row, first).map { Double($0) - Double($1) }
        let other = zip(row, second).map { Double($0) - Double($1) }
        let along = zip(r, other).reduce(0) { $0 + $1.0 * $1.1 }
        let square = r.reduce(0) { $0 + $1 * $1 }
        return other.reduce(0) { $0 + $1 * $1 } + (square > 0 ? along * along / square : 0)
    }

    private func part(_ vectors: [Float], _ index: Int) -> ArraySlice<Float> {
        vectors[index * dimensions..<(index + 1) * dimensions]
    }

    @Test func `the second partition is another one, and of the least loss`() {
        var generator = SeededGenerator(seed: 17)
        // Fewer leaves than are considered, so that none of them may be passed over.
        let centroids = (0..<40 * dimensions).map { _ in generator.approximateGaussian() }
        let rows = (0..<600 * dimensions).map { _ in generator.approximateGaussian() }
        let table = CentroidTable(centroids, dimensions: dimensions, kernels: .best)
        let first = table.nearest(to: rows, threads: 1, kernels: .best)
        let assignment = SecondAssignment(centroids: centroids, dimensions: dimensions, threads: 1, kernels: .best)
        let second = assignment.leaves(for: rows, first: first, threads: 2, kernels: .best)
        #expect(second.count == 600)
        for row in 0..<600 {
            #expect(second[row] != first[row])
            let own = part(centroids, Int(first[row]))
            let losses = (0..<40).filter { $0 != Int(first[row]) }.map {
                loss(part(rows, row), own, part(centroids, $0))
            }
            let chosen = loss(part(rows, row), own, part(centroids, Int(second[row])))
            #expect(chosen <= losses.reduce(.infinity, min) * (1 + 1e-5), "row \(row)")
        }
        #expect(assignment.leaves(for: rows, first: first, threads: 1, kernels: .best) == second)
    }

    @Test func `a row on its centroid has the nearest other one`() {
        let centroids: [Float] = [0, 0, 0, 0, 0, 0, 0] + [5, 0, 0, 0, 0, 0, 0] + [0, 3, 0, 0, 0, 0, 0]
        let assignment = SecondAssignment(centroids: centroids, dimensions: 7, threads: 1, kernels: .best)
        let row = [Float](repeating: 0, count: 7)
        #expect(assignment.leaves(for: row, first: [0], threads: 1, kernels: .best) == [2])
    }
}
