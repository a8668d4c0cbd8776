import FileSystem
import SegmentFile
import TreeAH
import VectorKernels

/// Finds the partitions of a build's rows and brings the rows into buckets by partition.
struct PartitionSort {
    let stored: StoredRows
    let model: TreeModel
    /// What residuals refer to, see ``TreeModel/references``.
    let references: [Float]
    /// Rows that each leaf will get, by estimate.
    let expectedSizes: [Double]
    let directory: Directory

    private var plan: BuildPlan { stored.plan }
    private var kernels: Kernels { .best }

    /// Appends each row to the bucket of its partition, and of its second one.
    func run() throws -> PartitionScatter {
        let isCosine = plan.metric == .cosine
        let assigner = PartitionAssigner(model, references: references, threads: plan.threads, kernels: kernels)
        let scatter = PartitionScatter(
            expectedSizes: model.hasSecondAssignments ? expectedSizes.map { 2 * $0 } : expectedSizes,
            rowWidth: plan.dimensions + (isCosine ? 1 : 0),
            bucketByteCount: plan.memoryBytes / 12, bufferByteCount: plan.memoryBytes / 6,
            scratch: try ScratchFile(in: directory))
        try stored.forEachBatch(.assign) { batch in
            let first = assigner.leaves(of: batch.rows, threads: plan.threads, kernels: kernels)
            let second = assigner.secondLeaves(of: batch.rows, first: first, threads: plan.threads, kernels: kernels)
            let values = isCosine ? rowsWithNorms(batch) : batch.rows
            try add(values, of: batch, to: scatter, leaves: first, isSecond: second == nil ? nil : false)
            if let second { try add(values, of: batch, to: scatter, leaves: second, isSecond: true) }
        }
        try scatter.finish()
        stored.clock.mark(.assign)
        return scatter
    }

    /// Each row followed by the length it had.
    private func rowsWithNorms(_ batch: StoredRows.Batch) -> [Float] {
        var values: [Float] = []
        values.reserveCapacity(batch.rows.count + batch.norms.count)
        for row in batch.norms.indices {
            values += batch.rows[row * plan.dimensions..<(row + 1) * plan.dimensions]
            values.append(batch.norms[row])
        }
        return values
    }

    private func add(
        _ values: [Float], of batch: StoredRows.Batch, to scatter: PartitionScatter, leaves: [UInt32], isSecond: Bool?
    ) throws {
        let (first, width) = (stored.ordinalRange.first, scatter.rowWidth)
        let distances = plan.metric.boundsEstimates ? squaredDistances(of: batch.rows, leaves) : []
        for row in leaves.indices {
            try scatter.add(
                values.span.extracting(row * width..<(row + 1) * width), leaf: leaves[row],
                ordinal: UInt32(batch.ordinals[row] - first),
                squaredDistance: distances.isEmpty ? nil : distances[row], isSecond: isSecond)
        }
    }

    /// The squared distances of rows from their leaves' centroids, as the rows will be stored.
    private func squaredDistances(of rows: [Float], _ leaves: [UInt32]) -> [Float] {
        let (storage, dimensions, kernels, chunk) = (plan.storage, plan.dimensions, kernels, 1024)
        let references = references
        return concurrentMap(count: (leaves.count + chunk - 1) / chunk, threads: plan.threads) { part in
            let range = part * chunk..<min(leaves.count, (part + 1) * chunk)
            var stored = Array(rows[range.lowerBound * dimensions..<range.upperBound * dimensions])
            if storage.isLossy { stored = storage.roundTripped(stored) }
            let (vectors, targets) = (stored.span, references.span)
            return range.enumerated().map { place, row in
                let leaf = Int(leaves[row])
                return abs(
                    kernels.score(
                        .negatedSquaredDistance,
                        query: vectors.extracting(place * dimensions..<(place + 1) * dimensions),
                        row: targets.extracting(leaf * dimensions..<(leaf + 1) * dimensions).rawBytes))
            }
        }.flatMap { $0 }
    }
}
