import Testing
import VectorKernels

@testable import TreeAH

/// What is coded: a form of scores with or without biases, behind a projection.
struct Coding: Sendable, CustomTestStringConvertible {
    let name: String
    let form: ScoreForm
    let hasBiases: Bool
    let projection: Projection
    let dimensionsPerBlock: Int

    var testDescription: String { "\(name), \(form), biases \(hasBiases), \(dimensionsPerBlock) a block" }

    func tree(sizes: [Int], seed: UInt64) -> SmallTree {
        SmallTree(
            form, sizes: sizes, projection: projection, dimensionsPerBlock: dimensionsPerBlock, hasBiases: hasBiases,
            seed: seed)
    }

    static let all: [Coding] = {
        var generator = SeededGenerator(seed: 90)
        let signs = (0..<4 * 7).map { _ in Float(generator.uniform(below: 2) * 2 - 1) }
        let axes = Orthonormal.random(count: 5, dimensions: 8, generator: &generator).map { Float($0) }
        let projections: [(String, Projection, Int)] = [
            ("no projection", .none(dimensions: 6), 2), ("structured", .structured(signs: signs), 3),
            ("dense", .dense(rows: axes, columnCount: 8), 1),
        ]
        let forms: [(ScoreForm, Bool)] = [(.dot, false), (.dot, true), (.negatedSquaredDistance, true)]
        return projections.flatMap { name, projection, perBlock in
            forms.map { form, hasBiases in
                Coding(
                    name: name, form: form, hasBiases: hasBiases, projection: projection, dimensionsPerBlock: perBlock)
            }
        }
    }()
}

@Suite struct EncoderTests {
    /// P times a vector, in f64, completed with zeros.
    private func project(_ tree: SmallTree, _ vector: [Double]) -> [Double] {
        let padding = [Double](repeating: 0, count: tree.shape.paddedDimensions - tree.shape.projectedDimensions)
        switch tree.projection {
        case .none: return vector + padding
        case .structured(let signs): return Plain.structured(vector, signs: signs) + padding
        case .dense(let matrix, _):
            let rows = matrix.meantRows.doubles
            return (0..<matrix.rowCount).map { Plain.dot(rows.part($0, of: vector.count), vector) } + padding
        }
    }

    private struct Coded {
        var leaf: Int
        var row: Int
        var slot: Plain.Slot
        var centroid: [Double]
        var residual: [Double]
        /// t.
        var target: [Double]
        var factor: Double
        var reconstruction: [Double]
    }

    /// Every row with what was stored for it.
    private func coded(_ tree: SmallTree) -> [Coded] {
        tree.leaves.indices.flatMap { leaf in
            (0..<Int(tree.leaves[leaf].rowCount)).map { place in
                let row = Int(tree.leaves[leaf].firstRow) + place
                let centroid = tree.centroids.part(leaf, of: tree.dimensions).doubles
                let residual = zip(tree.rows.part(row, of: tree.dimensions).doubles, centroid).map { $0 - $1 }
                let projected = project(tree, residual)
                let factor = Double(tree.codingLength) / Plain.length(projected)
                let slot = Plain.slot(
                    32 * Int(tree.leaves[leaf].firstBlock) + place, in: tree.codes, subspaces: tree.shape.subspaces,
                    hasBiases: tree.hasBiases)
                return Coded(
                    leaf: leaf, row: row, slot: slot, centroid: centroid, residual: residual,
                    target: projected.map { $0 * factor }, factor: factor,
                    reconstruction: Plain.reconstruction(
                        slot.codes, codewords: tree.codebooks.codewords,
                        dimensionsPerBlock: tree.shape.dimensionsPerBlock))
            }
        }
    }

    @Test(arguments: seeds, Coding.all)
    func `each code names the nearest codeword`(seed: UInt64, coding: Coding) {
        let tree = coding.tree(sizes: [40, 33], seed: seed)
        let width = tree.shape.dimensionsPerBlock
        for row in coded(tree) {
            for subspace in 0..<tree.shape.subspaces {
                let part = row.target.part(subspace, of: width)
                let distances = (0..<16).map { word in
                    let codes = [Int](repeating: word, count: tree.shape.evenSubspaces)
                    let words = Plain.reconstruction(
                        codes, codewords: tree.codebooks.codewords, dimensionsPerBlock: width)
                    return Plain.squaredDistance(part, words.part(subspace, of: width))
                }
                let least = distances.reduce(.infinity, min)
                #expect(distances[row.slot.codes[subspace]] <= least + 1e-5, "row \(row.row), subspace \(subspace)")
            }
            #expect(row.slot.codes[tree.shape.subspaces...].allSatisfy { $0 == 0 })
        }
    }

    @Test(arguments: seeds, Coding.all)
    func `scales take the error along the residual out`(seed: UInt64, coding: Coding) {
        for row in coded(coding.tree(sizes: [34], seed: seed)) {
            let (product, norm) = (
                Plain.dot(row.target, row.reconstruction), Plain.dot(row.target, row.target)
            )
            // Ten binary digits of a fraction, and the last bit of f32 sums.
            let expected = norm / product / row.factor
            #expect(isNear(row.slot.scale, expected, relative: 0x1p-10, absolute: 1e-7), "row \(row.row)")
        }
    }

    @Test(arguments: seeds, Coding.all.filter(\.hasBiases))
    func `biases are what the format says`(seed: UInt64, coding: Coding) {
        let tree = coding.tree(sizes: [33, 3], seed: seed)
        for row in coded(tree) {
            let counted = tree.form == .dot ? row.centroid : zip(row.centroid, tree.origin.doubles).map { $0 - $1 }
            let share = row.slot.scale * Plain.dot(project(tree, counted), row.reconstruction)
            let expected =
                tree.form == .dot
                ? (share - Plain.dot(row.centroid, row.residual)) / Plain.dot(row.centroid, row.centroid)
                : share + 0.5 * Plain.dot(row.residual, row.residual)
            #expect(isNear(row.slot.bias, expected, relative: 1e-4, absolute: 1e-4), "row \(row.row)")
        }
    }

    @Test(arguments: [0, 1, 31, 32, 33, 65])
    func `a leaf fills whole blocks, and slots that are not used are zero`(count: Int) {
        let tree = Coding.all[1].tree(sizes: [count], seed: 6)
        let encoder = tree.encoder
        let blocks = (count + 31) / 32
        #expect(encoder.layout.byteCount == 32 * 2 + 64 + 128)  // three subspaces
        #expect(tree.codes.count == blocks * encoder.layout.byteCount)
        #expect(tree.radii.count == blocks)
        for slot in count..<blocks * 32 {
            let stored = Plain.slot(slot, in: tree.codes, subspaces: 3, hasBiases: true)
            #expect(stored.codes == [0, 0, 0, 0] && stored.scale == 0 && stored.bias == 0)
        }
        #expect((0..<count).allSatisfy { Plain.slot($0, in: tree.codes, subspaces: 3, hasBiases: true).scale > 0 })
    }

    @Test(arguments: seeds)
    func `the radius of a block is the longest residual in it, wherever that stands`(seed: UInt64) {
        let tree = Coding.all[0].tree(sizes: [70], seed: seed)
        let centroid = tree.centroids.part(0, of: 6)
        var generator = SeededGenerator(seed: seed)
        let shuffled = (0..<70).shuffled(using: &generator).flatMap { tree.rows.part($0, of: 6) }
        let radii = tree.encoder.encode(rows: shuffled.span, centroid: centroid.span).radii
        let lengths = (0..<70).map {
            Plain.squaredDistance(shuffled.part($0, of: 6).doubles, centroid.doubles).squareRoot()
        }
        let expected = [lengths[..<32].max(), lengths[32..<64].max(), lengths[64...].max()].map { $0 ?? 0 }
        #expect(areNear(radii.doubles, expected))
    }

    @Test(arguments: Coding.all)
    func `a row on its centroid has a scale of zero and no bias`(coding: Coding) {
        let tree = coding.tree(sizes: [20], seed: 2)
        let centroid = tree.centroids
        let encoded = tree.encoder.encode(rows: centroid.span, centroid: centroid.span)
        let slot = Plain.slot(0, in: encoded.blocks, subspaces: tree.shape.subspaces, hasBiases: tree.hasBiases)
        #expect(slot.scale == 0 && slot.bias == 0 && encoded.radii == [0])
    }

    @Test func `a centroid of zeros gives inner products no bias`() {
        let tree = Coding.all[1].tree(sizes: [20], seed: 2)
        let rows = tree.rows
        let zeros = [Float](repeating: 0, count: 6)
        let encoded = tree.encoder.encode(rows: rows.span, centroid: zeros.span)
        for slot in 0..<20 {
            #expect(Plain.slot(slot, in: encoded.blocks, subspaces: 3, hasBiases: true).bias == 0)
        }
    }

    @Test func `codes that count errors along rows more lose less of that kind`() {
        let tree = Coding.all[0].tree(sizes: [60], seed: 5)
        let encoder = Encoder(
            form: .dot, hasBiases: false, origin: [], projection: tree.projection, codebooks: tree.codebooks,
            codingLength: tree.codingLength, anisotropy: 20, kernels: .best)
        var other = tree
        other.codes = encoder.encode(rows: tree.rows.span, centroid: tree.centroids.span).blocks
        func errorAlongRows(_ tree: SmallTree) -> Double {
            coded(tree).reduce(0) { sum, row in
                let vector = tree.rows.part(row.row, of: 6).doubles
                let error = zip(row.target, row.reconstruction).map { $0 - $1 }
                let along = Plain.dot(error, vector) / Plain.length(vector)
                return sum + along * along
            }
        }
        #expect(errorAlongRows(other) < 0.5 * errorAlongRows(tree))
    }

    @Test(arguments: seeds, Coding.all.filter(\.hasBiases))
    func `residuals of a sample are projected against the centroids that its rows have`(seed: UInt64, coding: Coding) {
        let tree = coding.tree(sizes: [3, 2], seed: seed)
        let (dimensions, width) = (tree.dimensions, tree.shape.paddedDimensions)
        var generator = SeededGenerator(seed: seed)
        // More rows than one thread takes at a time.
        let rows = generator.floats(1100 * dimensions)
        let assigned = (0..<1100).map { _ in UInt32(generator.uniform(below: 2)) }
        let found = Encoder.projectedResiduals(
            rows: rows, assigned: assigned, centroids: tree.centroids, projection: tree.projection, shape: tree.shape,
            threads: 2, kernels: .best)
        #expect(found.count == 1100 * width)
        for row in [0, 1, 2, 3, 1023, 1024, 1099] {
            let centroid = tree.centroids.part(Int(assigned[row]), of: dimensions).doubles
            let residual = zip(rows.part(row, of: dimensions).doubles, centroid).map { $0 - $1 }
            #expect(areNear(found.part(row, of: width).doubles, project(tree, residual)), "row \(row)")
        }
    }
}
