import Foundation
import VectorKernels

@testable import VecDB

/// A directory that is gone with the test.
final class TemporaryDirectory {
    let path = FileManager.default.temporaryDirectory.path + "/vecdb-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }
    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }
}

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
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(vectors.count / dimensions), \(dimensions)), }"
    while (10 + header.utf8.count + 1) % 64 != 0 { header += " " }
    header += "\n"
    var bytes = Data([0x93] + Array("NUMPY".utf8) + [1, 0])
    bytes.append(contentsOf: [UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)])
    bytes.append(Data(header.utf8))
    for value in vectors {
        for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(8 * shift))) }
    }
    try bytes.write(to: URL(fileURLWithPath: path))
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
