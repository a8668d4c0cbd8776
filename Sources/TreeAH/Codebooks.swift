import VectorKernels

/// Sixteen codewords for every subspace of the projected residuals.
public struct Codebooks: Sendable {
    /// How K projected dimensions divide into subspaces.
    public struct Shape: Sendable, Equatable {
        /// K.
        public let projectedDimensions: Int
        public let dimensionsPerBlock: Int

        public init(projectedDimensions: Int, dimensionsPerBlock: Int) {
            precondition(1...projectedDimensions ~= dimensionsPerBlock)
            self.projectedDimensions = projectedDimensions
            self.dimensionsPerBlock = dimensionsPerBlock
        }

        public var subspaces: Int { (projectedDimensions + dimensionsPerBlock - 1) / dimensionsPerBlock }
        /// Two subspaces share a byte.
        public var pairs: Int { (subspaces + 1) / 2 }
        public var evenSubspaces: Int { 2 * pairs }
        /// Floats of a projected vector with the zeros that complete its last pair.
        public var paddedDimensions: Int { evenSubspaces * dimensionsPerBlock }
        public var codewordFloatCount: Int { paddedDimensions * 16 }
    }

    public let shape: Shape
    /// `[evenSubspaces][dimensionsPerBlock][16]`.
    public let codewords: [Float]

    public init(shape: Shape, codewords: [Float]) {
        precondition(codewords.count == shape.codewordFloatCount)
        self.shape = shape
        self.codewords = codewords
    }

    /// Trains all subspaces by k-means over a sample of projected residuals.
    ///
    /// - Parameter sample: rows of `paddedDimensions` floats.
    /// - Complexity: O(iterations · rows · K · 16).
    public static func train(
        sample: [Float], shape: Shape, iterations: Int, seed: UInt64, threads: Int, kernels: Kernels
    ) -> Codebooks {
        let width = shape.paddedDimensions
        let rowCount = sample.count / width
        guard rowCount > 0 else {
            return Codebooks(shape: shape, codewords: [Float](repeating: 0, count: shape.codewordFloatCount))
        }
        var generator = SeededGenerator(seed: seed)
        var codewords = [Float](repeating: 0, count: shape.codewordFloatCount)
        for subspace in 0..<shape.subspaces {
            for word in 0..<16 {
                let row = generator.uniform(below: rowCount)
                shape.copyCodeword(from: sample, row: row, subspace: subspace, word: word, to: &codewords)
            }
        }
        for iteration in 0..<iterations {
            let current = Codebooks(shape: shape, codewords: codewords)
            let sums = current.clusterSums(of: sample, threads: threads, kernels: kernels)
            for subspace in 0..<shape.subspaces {
                for word in 0..<16 {
                    let size = sums.sizes[subspace * 16 + word]
                    if size > 0 {
                        for offset in 0..<shape.dimensionsPerBlock {
                            let index = (subspace * shape.dimensionsPerBlock + offset) * 16 + word
                            codewords[index] = Float(sums.values[index] / Double(size))
                        }
                    } else if iteration < iterations / 2 {
                        let row = generator.uniform(below: rowCount)
                        shape.copyCodeword(from: sample, row: row, subspace: subspace, word: word, to: &codewords)
                    }
                }
            }
        }
        return Codebooks(shape: shape, codewords: codewords)
    }

    /// −½|codeword|², `[evenSubspaces][16]`, by the chain of numerics section 5.
    public var halfNorms: [Float] {
        var result = [Float](repeating: 0, count: shape.evenSubspaces * 16)
        for subspace in 0..<shape.evenSubspaces {
            for word in 0..<16 {
                var norm: Float = 0
                for offset in 0..<shape.dimensionsPerBlock {
                    let value = codewords[(subspace * shape.dimensionsPerBlock + offset) * 16 + word]
                    norm.addProduct(value, value)
                }
                result[subspace * 16 + word] = -0.5 * norm
            }
        }
        return result
    }

    fileprivate struct ClusterSums: Sendable {
        /// Laid out as the codewords are.
        var values: [Double]
        /// `[evenSubspaces][16]`.
        var sizes: [Int]
    }

    /// Sums over chunks of a fixed size, added in order: the same at any thread count.
    private func clusterSums(of sample: [Float], threads: Int, kernels: Kernels) -> ClusterSums {
        let width = shape.paddedDimensions
        let (rowCount, chunk) = (sample.count / width, 4096)
        let norms = halfNorms
        let (shape, codewords) = (shape, codewords)
        let parts = concurrentMap(count: (rowCount + chunk - 1) / chunk, threads: threads) { part in
            let rows = part * chunk..<min(rowCount, (part + 1) * chunk)
            let projected = sample.span.extracting(rows.lowerBound * width..<rows.upperBound * width)
            let codes = kernels.encode(projected, shape: shape, codewords: codewords, halfNorms: norms).codes
            return shape.sums(of: projected, codes: codes)
        }
        var total = ClusterSums(
            values: [Double](repeating: 0, count: shape.codewordFloatCount),
            sizes: [Int](repeating: 0, count: shape.evenSubspaces * 16))
        for part in parts {
            for index in total.values.indices { total.values[index] += part.values[index] }
            for index in total.sizes.indices { total.sizes[index] += part.sizes[index] }
        }
        return total
    }
}

extension Codebooks.Shape {
    fileprivate func copyCodeword(
        from sample: [Float], row: Int, subspace: Int, word: Int, to codewords: inout [Float]
    ) {
        for offset in 0..<dimensionsPerBlock {
            let dimension = subspace * dimensionsPerBlock + offset
            codewords[dimension * 16 + word] = sample[row * paddedDimensions + dimension]
        }
    }

    fileprivate func sums(of projected: Span<Float>, codes: [UInt8]) -> Codebooks.ClusterSums {
        var values = [Double](repeating: 0, count: codewordFloatCount)
        var sizes = [Int](repeating: 0, count: evenSubspaces * 16)
        for row in 0..<projected.count / paddedDimensions {
            for subspace in 0..<subspaces {
                let word = Int(codes[row * evenSubspaces + subspace])
                sizes[subspace * 16 + word] += 1
                for offset in 0..<dimensionsPerBlock {
                    let dimension = subspace * dimensionsPerBlock + offset
                    values[dimension * 16 + word] += Double(projected[row * paddedDimensions + dimension])
                }
            }
        }
        return Codebooks.ClusterSums(values: values, sizes: sizes)
    }
}

extension Kernels {
    /// Codes `[row][evenSubspaces]`, ⟨y, ŷ⟩ and ⟨y, y⟩ of rows of `paddedDimensions` floats.
    func encode(
        _ projected: Span<Float>, shape: Codebooks.Shape, codewords: [Float], halfNorms: [Float]
    ) -> (codes: [UInt8], products: [Float], norms: [Float]) {
        var products = [Float](repeating: 0, count: projected.count / shape.paddedDimensions)
        var norms = products
        let codes = encode(
            projected, subspaces: shape.evenSubspaces, dimensionsPerBlock: shape.dimensionsPerBlock,
            codewords: codewords.span, halfNorms: halfNorms.span, products: &products, norms: &norms)
        return (codes, products, norms)
    }
}
