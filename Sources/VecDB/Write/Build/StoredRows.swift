import SegmentFile
import TreeAH
import VectorKernels

/// The rows of a build that are stored: those of the input but for the ones that the policy for duplicate ids skips, in the
/// order of the input.
struct StoredRows {
    let plan: BuildPlan
    let source: CandidateSource
    /// Ordinals that are skipped, ascending.
    let dropped: [UInt64]
    let clock: BuildClock

    /// Rows that belong together, and what is known of each.
    struct Batch {
        /// Normalised for cosine.
        let rows: [Float]
        let ordinals: [UInt64]
        /// Under cosine the length of each row before it was normalised.
        let norms: [Float]
    }

    var count: Int { plan.inputRowCount - dropped.count }

    /// From the first ordinal stored to the last.
    var ordinalRange: (first: UInt64, span: Int) {
        guard count > 0 else { return (0, 0) }
        var (first, last) = (UInt64(0), UInt64(plan.inputRowCount - 1))
        for ordinal in dropped where ordinal == first { first += 1 }
        for ordinal in dropped.reversed() where ordinal == last { last -= 1 }
        return (first, Int(last - first) + 1)
    }

    /// Calls `body` with batches of the rows that are stored, normalised for cosine.
    func forEachBatch(_ phase: BuildPhase, _ body: (Batch) throws -> Void) throws {
        let dimensions = plan.dimensions
        var nextDropped = dropped.startIndex
        var done = 0
        try clock.report(phase, 0, of: plan.inputRowCount)
        try source.forEachBatch { batch, first in
            let count = batch.count / dimensions
            done += count
            guard done <= plan.inputRowCount else {
                throw DatabaseError(.invalidInput, "the input grew while it was read")
                    .with(expected: "\(plan.inputRowCount)")
            }
            var ordinals = Array(first..<first + UInt64(count))
            if nextDropped < dropped.endIndex, dropped[nextDropped] < first + UInt64(count) {
                var kept = 0
                for row in 0..<count {
                    if nextDropped < dropped.endIndex, dropped[nextDropped] == first + UInt64(row) {
                        nextDropped += 1
                        continue
                    }
                    for column in 0..<dimensions {
                        batch[kept * dimensions + column] = batch[row * dimensions + column]
                    }
                    ordinals[kept] = first + UInt64(row)
                    kept += 1
                }
                batch.removeSubrange((kept * dimensions)...)
                ordinals.removeSubrange(kept...)
            }
            let norms = plan.metric == .cosine ? try normaliseRows(&batch, ordinals: ordinals) : []
            try body(Batch(rows: batch, ordinals: ordinals, norms: norms))
            try clock.report(phase, done, of: plan.inputRowCount)
        }
        guard done == plan.inputRowCount else {
            throw DatabaseError(.invalidInput, "the input has \(done) rows now and had \(plan.inputRowCount) at first")
                .with(expected: "\(plan.inputRowCount)", found: "\(done)")
        }
    }

    private func normaliseRows(_ batch: inout [Float], ordinals: [UInt64]) throws(DatabaseError) -> [Float] {
        let dimensions = plan.dimensions
        var norms: [Float] = []
        norms.reserveCapacity(ordinals.count)
        var span = batch.mutableSpan
        for row in ordinals.indices {
            var vector = span._mutatingExtracting(row * dimensions..<(row + 1) * dimensions)
            guard let norm = normalise(&vector) else {
                throw DatabaseError(
                    .invalidInput, "row \(ordinals[row]) is a zero vector, which has no direction for cosine"
                ).with(row: Int(ordinals[row]))
            }
            norms.append(norm)
        }
        return norms
    }
}
