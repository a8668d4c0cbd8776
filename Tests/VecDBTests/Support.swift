import Foundation
import TestSupport
import VectorKernels

@testable import VecDB

/// Vectors around a few centres, as embeddings lie.
func clusteredVectors(count: Int, dimensions: Int, seed: UInt64, clusters: Int = 12) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    let centres = (0..<clusters * dimensions).map { _ in generator.approximateGaussian() }
    var vectors: [Float] = []
    for _ in 0..<count {
        let centre = generator.uniform(below: clusters)
        for column in 0..<dimensions {
            vectors.append(centres[centre * dimensions + column] + 0.4 * generator.approximateGaussian())
        }
    }
    return vectors
}

/// Vectors as a version 1 `.npy` file of little-endian f4.
func writeNPY(_ vectors: [Float], dimensions: Int, to path: String) throws {
    let file = npy(
        rows: vectors.count / dimensions, dimensions: dimensions, content: littleEndianBytes(vectors))
    try Data(file).write(to: URL(fileURLWithPath: path))
}

/// What the definition says each vector scores, larger is nearer, in f64.
func scoresByDefinition(_ query: [Float], in vectors: [Float], metric: Metric) -> [Double] {
    let dimensions = query.count
    func unit(_ vector: ArraySlice<Float>) -> [Double] {
        let norm = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        return vector.map { Double($0) / norm }
    }
    return (0..<vectors.count / dimensions).map { row -> Double in
        let vector = vectors[row * dimensions..<(row + 1) * dimensions]
        switch metric {
        case .dot: return zip(query, vector).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        case .l2:
            return -zip(query, vector).reduce(0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
        case .cosine: return zip(unit(query[...]), unit(vector)).reduce(0) { $0 + $1.0 * $1.1 }
        }
    }
}

/// The k nearest by definition, ties by place. Small integers keep every score exact in f32 too.
func bruteForce(_ query: [Float], in vectors: [Float], metric: Metric, k: Int) -> [UInt64] {
    let scores = scoresByDefinition(query, in: vectors, metric: metric)
    return scores.indices.sorted { (scores[$0], $1) > (scores[$1], $0) }.prefix(k).map { UInt64($0) }
}

/// The bytes of the only segment of a database, without what differs by design: uuids and the header's checksum.
func segmentBytes(of database: String) throws -> Data {
    let names = try FileManager.default.contentsOfDirectory(atPath: database).filter { $0.hasSuffix(".vseg") }
    guard let name = names.first, names.count == 1 else { return Data() }
    var bytes = try Data(contentsOf: URL(fileURLWithPath: database + "/" + name))
    bytes.replaceSubrange(40..<72, with: Data(count: 32))
    bytes.replaceSubrange(4092..<4096, with: Data(count: 4))
    return bytes
}
