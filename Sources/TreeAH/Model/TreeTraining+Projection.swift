import VectorKernels

extension TreeTraining {
    /// The projection that suits the residuals, and how it was made.
    func projection(of residuals: Residuals, kernels: Kernels) -> (Projection, TreeModel.ProjectionOrigin) {
        let seed = seed(.projection)
        switch projection {
        case .none: return (.none(dimensions: dimensions), .none)
        case .random: return (.randomRotation(dimensions: dimensions, seed: seed), .random)
        case .principalAxes(let count):
            return (axes(count, of: moments(of: residuals, kernels: kernels), kernels: kernels), .principalAxes)
        case .auto:
            guard dimensions >= 96 else { return (.none(dimensions: dimensions), .none) }
            // As many axes as residuals have dimensions in effect carry what matters: axes that are left out add less error
            // than codes do. Where variance is spread over all axes they would ruin recall, and a rotation is right.
            guard dimensions <= Self.principalAxesLimit else {
                return (.randomRotation(dimensions: dimensions, seed: seed), .random)
            }
            let moments = moments(of: residuals, kernels: kernels)
            let count = max(32, Int((moments.effectiveDimensions / 16).rounded(.up)) * 16)
            guard count <= dimensions / 2, count * dimensions <= Projection.denseEntryLimit else {
                return (.randomRotation(dimensions: dimensions, seed: seed), .random)
            }
            return (axes(count, of: moments, kernels: kernels), .principalAxes)
        }
    }

    private func axes(_ count: Int, of moments: SecondMoments, kernels: Kernels) -> Projection {
        moments.principalAxes(count: count, seed: seed(.projection), threads: threads, kernels: kernels)
    }

    private func moments(of residuals: Residuals, kernels: Kernels) -> SecondMoments {
        let vectors = residuals.projected(
            by: .none(dimensions: dimensions),
            shape: Codebooks.Shape(projectedDimensions: dimensions, dimensionsPerBlock: 1), training: self,
            kernels: kernels)
        // An odd number of subspaces has been completed by a column of zeros.
        let width = (dimensions + 1) / 2 * 2
        let unpadded =
            width == dimensions
            ? vectors
            : (0..<residuals.assigned.count).flatMap { vectors[$0 * width..<$0 * width + dimensions] }
        return SecondMoments(of: unpadded, dimensions: dimensions, threads: threads, kernels: kernels)
    }

    /// Whether projected queries rank leaves as whole ones do, while there is less to read: the axes are those of residuals,
    /// and must carry the differences between centroids as well. Only those matter to squared distances; inner products
    /// with rescaled centroids also have what all centroids share.
    func canRank(_ projection: Projection, centroids: [Float], kernels: Kernels) -> Bool {
        guard projection.kind == .dense, 2 * projection.outputDimensions <= dimensions else { return false }
        let mean = meanOfRows(centroids, dimensions: dimensions)
        let centred = centroids.enumerated().map { $1 - mean[$0 % dimensions] }
        let projected = projection.applied(
            to: centred.span, paddedTo: projection.outputDimensions, kernels: kernels)
        func energy(_ vectors: [Float]) -> Double { vectors.reduce(0) { $0 + Double($1) * Double($1) } }
        return energy(projected) >= 0.95 * energy(centred)
    }
}
