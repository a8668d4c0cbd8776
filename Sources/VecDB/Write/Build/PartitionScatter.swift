import FileSystem
import SegmentFile
import TreeAH
import VectorKernels

/// Sorts rows into partition order when they do not fit in memory: rows are appended to buckets of consecutive leaves in a
/// scratch file, and each bucket is later read back, in pieces where it is large.
///
/// Memory: eight bytes a row for leaves and ordinals, four more where distances order them, twice that and a byte where
/// rows have second partitions, and one write buffer a bucket.
final class PartitionScatter {
    /// A run of consecutive leaves.
    struct Bucket {
        let leaves: Range<Int>
        /// For each row, in the order of the input: its leaf, and its ordinal less the first.
        fileprivate(set) var leafOfRow: [UInt32] = []
        fileprivate(set) var ordinals: [UInt32] = []
        /// The squared distance from the leaf's centroid, where it orders the rows of a leaf; else empty.
        fileprivate(set) var squaredDistances: [Float] = []
        /// Whether the leaf is the row's second one; empty where rows have none.
        fileprivate(set) var isSecond: [Bool] = []
        fileprivate var buffer: [Float] = []
        fileprivate var extents: [(offset: Int, floatCount: Int)] = []

        var rowCount: Int { leafOfRow.count }
    }

    /// Floats a row takes up: its values, and its norm under cosine.
    let rowWidth: Int
    private(set) var buckets: [Bucket] = []
    private var bucketOfLeaf: [Int] = []
    private let bufferFloatCount: Int
    private let scratch: ScratchFile
    private var nextOffset = 0

    /// - Parameters:
    ///   - expectedSizes: rows that each leaf will get, by estimate.
    ///   - bucketByteCount: how large a bucket should become.
    ///   - bufferByteCount: what all write buffers may take together.
    init(expectedSizes: [Double], rowWidth: Int, bucketByteCount: Int, bufferByteCount: Int, scratch: ScratchFile) {
        self.rowWidth = rowWidth
        self.scratch = scratch
        var (start, bytes) = (0, 0.0)
        for leaf in expectedSizes.indices {
            bytes += expectedSizes[leaf] * Double(4 * rowWidth)
            if bytes >= Double(bucketByteCount) || leaf == expectedSizes.count - 1 {
                buckets.append(Bucket(leaves: start..<leaf + 1))
                (start, bytes) = (leaf + 1, 0)
            }
            bucketOfLeaf.append(start > leaf ? buckets.count - 1 : buckets.count)
        }
        let share = bufferByteCount / max(1, buckets.count) / (4 * rowWidth)
        bufferFloatCount = max(1, min(share, (256 << 10) / (4 * rowWidth))) * rowWidth
    }

    /// Adds a row to the bucket of its leaf.
    ///
    /// - Parameters:
    ///   - values: `rowWidth` floats.
    ///   - squaredDistance: from the leaf's centroid, where it orders rows.
    ///   - isSecond: whether the leaf is the row's second one; `nil` where rows have none.
    func add(
        _ values: Span<Float>, leaf: UInt32, ordinal: UInt32, squaredDistance: Float? = nil, isSecond: Bool? = nil
    ) throws(SystemError) {
        let index = bucketOfLeaf[Int(leaf)]
        buckets[index].leafOfRow.append(leaf)
        buckets[index].ordinals.append(ordinal)
        if let squaredDistance { buckets[index].squaredDistances.append(squaredDistance) }
        if let isSecond { buckets[index].isSecond.append(isSecond) }
        buckets[index].buffer.append(values)
        if buckets[index].buffer.count >= bufferFloatCount { try flush(index) }
    }

    /// Writes what is still in buffers; call once behind the last row.
    func finish() throws(SystemError) {
        for index in buckets.indices where !buckets[index].buffer.isEmpty { try flush(index) }
    }

    private func flush(_ index: Int) throws(SystemError) {
        // Moved out and back, so that its capacity stays and nothing is copied.
        var buffer: [Float] = []
        swap(&buffer, &buckets[index].buffer)
        try scratch.write(buffer.span, at: nextOffset)
        buckets[index].extents.append((nextOffset, buffer.count))
        nextOffset += 4 * buffer.count
        buffer.removeAll(keepingCapacity: true)
        swap(&buffer, &buckets[index].buffer)
    }

    /// Some consecutive rows of a bucket, in the order of the input.
    func rows(of index: Int, _ range: Range<Int>) throws(SystemError) -> [Float] {
        let wanted = range.lowerBound * rowWidth..<range.upperBound * rowWidth
        var result = [Float](repeating: 0, count: wanted.count)
        var start = 0
        for extent in buckets[index].extents {
            let part = (start..<start + extent.floatCount).clamped(to: wanted)
            if !part.isEmpty {
                var span = result.mutableSpan
                var target = span._mutatingExtracting(
                    part.lowerBound - wanted.lowerBound..<part.upperBound - wanted.lowerBound)
                try scratch.read(into: &target, at: extent.offset + 4 * (part.lowerBound - start))
            }
            start += extent.floatCount
        }
        return result
    }

    /// Lets go of a bucket that has been dealt with.
    func release(_ index: Int) {
        buckets[index].leafOfRow = []
        buckets[index].ordinals = []
        buckets[index].squaredDistances = []
        buckets[index].isSecond = []
    }
}
