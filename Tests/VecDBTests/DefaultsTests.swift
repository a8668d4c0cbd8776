import Foundation
import TestSupport
import Testing
import VectorKernels

@testable import VecDB

/// How rows may lie that make partitions uneven, estimates alike, or lengths useless.
enum AwkwardRows: CaseIterable {
    case fewDistinct, oneGiantCluster, constantDimensions, heavyDuplicates, differentLengths, severalScales

    static let count = 2_000
    static let dimensions = 24

    var vectors: [Float] {
        let (count, dimensions) = (Self.count, Self.dimensions)
        var generator = SeededGenerator(seed: 5)
        func random(_ scale: Float) -> [Float] { (0..<dimensions).map { _ in scale * generator.approximateGaussian() } }
        switch self {
        case .fewDistinct:
            let distinct = (0..<30).map { _ in random(1) }
            return (0..<count).flatMap { _ in distinct[generator.uniform(below: distinct.count)] }
        case .oneGiantCluster:
            let centre = random(1)
            return (0..<count).flatMap { row in row % 20 == 0 ? random(1) : zip(centre, random(0.02)).map { $0 + $1 } }
        case .constantDimensions:
            return (0..<count).flatMap { _ in random(1).enumerated().map { $0 < dimensions / 2 ? 3 : $1 } }
        case .heavyDuplicates:
            let repeated = clusteredVectors(count: count / 40, dimensions: dimensions, seed: 6)
            return (0..<count).flatMap { row in
                let first = row % (count / 40) * dimensions
                return Array(repeated[first..<first + dimensions])
            }
        case .differentLengths:
            return (0..<count).flatMap { _ in random(Float(exp(1.5 * Double(generator.approximateGaussian())))) }
        case .severalScales:
            // Dimensions whose units differ by a thousand.
            return (0..<count).flatMap { _ in random(1).enumerated().map { $1 * [1, 30, 1_000][$0 % 3] } }
        }
    }
}

/// A hit counts that scores no less than the k-th of brute force: which of equal rows are named is no matter of recall.
@Test(arguments: AwkwardRows.allCases, Metric.allCases)
func `stored defaults find what was asked for, however the rows lie`(_ rows: AwkwardRows, _ metric: Metric) throws {
    let place = try TemporaryDirectory()
    let (vectors, dimensions) = (rows.vectors, AwkwardRows.dimensions)
    var options = BuildOptions()
    options.metric = metric
    options.index = .treeAH
    let path = place.file("rows.vecdb")
    try VectorDatabase.build(at: path, from: .memory(vectors: vectors, dimensions: dimensions), options: options)
    let database = try VectorDatabase.open(path)
    // Not by brute force.
    #expect(try #require(database.info.defaults).reorder < AwkwardRows.count)
    var (found, wanted) = (0, 0)
    for row in stride(from: 7, to: AwkwardRows.count, by: 11) {
        let query = Array(vectors[row * dimensions..<(row + 1) * dimensions])
        let exact = try database.search(query, options: SearchOptions(k: 10, exact: true))
        let hits = try database.search(query, options: SearchOptions(k: 10))
        let worst = try #require(exact.last).score
        found += hits.filter { metric == .l2 ? $0.score <= worst : $0.score >= worst }.count
        wanted += exact.count
    }
    #expect(Double(found) / Double(wanted) >= 0.95)
}
