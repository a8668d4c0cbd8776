import FileSystem
import SegmentFile
import TreeAH
import VectorKernels

/// A run of slots in partition order that fits in memory: whole leaves, or a piece of one that is too large. Slots are rows,
/// and where rows have second partitions those once more.
struct EncodingJob: Sendable {
    /// Slots of one leaf among the job's.
    struct Part: Sendable {
        let leaf: Int
        let slots: Range<Int>
    }

    /// What the job's slots hold.
    struct Slots: Sendable {
        /// `rowWidth` floats each.
        let values: [Float]
        let ordinals: [UInt32]
        /// Empty where rows have no second partitions.
        let isSecond: [Bool]
    }

    /// The stored form of a part: codes of all slots, vectors and norms of those that are in their first partition.
    struct Encoded: Sendable {
        var vectors: [UInt8]
        var codes: EncodedRows
        /// Under cosine the lengths that the rows had.
        var norms: [Float]
    }

    let bucket: Int
    let parts: [Part]
    /// Places in the bucket, in partition order.
    private let places: [UInt32]

    /// Divides a bucket. Leaves are kept whole unless one alone exceeds `rowLimit`; its pieces are multiples of a code block.
    ///
    /// Rows of a leaf are in the order of the input, or farthest from the centroid first where their distances are known.
    static func jobs(
        of scatter: PartitionScatter, bucket index: Int, rowLimit: Int, threads: Int
    ) -> [EncodingJob] {
        let bucket = scatter.buckets[index]
        var starts = [Int](repeating: 0, count: bucket.leaves.count + 1)
        for leaf in bucket.leafOfRow { starts[Int(leaf) - bucket.leaves.lowerBound + 1] += 1 }
        for leaf in 0..<bucket.leaves.count { starts[leaf + 1] += starts[leaf] }
        var next = starts
        var order = [UInt32](repeating: 0, count: bucket.rowCount)
        for (place, leaf) in bucket.leafOfRow.enumerated() {
            order[next[Int(leaf) - bucket.leaves.lowerBound]] = UInt32(place)
            next[Int(leaf) - bucket.leaves.lowerBound] += 1
        }
        if !bucket.squaredDistances.isEmpty {
            let (unordered, starts) = (order, starts)
            order = concurrentMap(count: bucket.leaves.count, threads: threads) { leaf in
                farthestFirst(unordered[starts[leaf]..<starts[leaf + 1]], bucket.squaredDistances)
            }.flatMap { $0 }
        }
        let limit = max(32, rowLimit / 32 * 32)
        var jobs: [EncodingJob] = []
        var (parts, places) = ([Part](), [UInt32]())
        func close() {
            if !parts.isEmpty { jobs.append(EncodingJob(bucket: index, parts: parts, places: places)) }
            (parts, places) = ([], [])
        }
        for leaf in 0..<bucket.leaves.count {
            var start = starts[leaf]
            if places.count + starts[leaf + 1] - start > limit { close() }
            while start < starts[leaf + 1] {
                let end = min(starts[leaf + 1], start + limit)
                parts.append(
                    Part(leaf: bucket.leaves.lowerBound + leaf, slots: places.count..<places.count + end - start))
                places += order[start..<end]
                if end < starts[leaf + 1] { close() }
                start = end
            }
        }
        close()
        return jobs
    }

    /// The job's slots, in partition order.
    ///
    /// A bucket is read in pieces of at most as many rows as the job holds.
    func gather(from scatter: PartitionScatter) throws(SystemError) -> Slots {
        let (width, bucket) = (scatter.rowWidth, scatter.buckets[bucket])
        var target = [Int32](repeating: -1, count: bucket.rowCount)
        for (row, place) in places.enumerated() { target[Int(place)] = Int32(row) }
        var rows = [Float](repeating: 0, count: places.count * width)
        let step = max(places.count, 4096)
        for start in stride(from: 0, to: bucket.rowCount, by: step) {
            let range = start..<min(bucket.rowCount, start + step)
            let values = try scatter.rows(of: self.bucket, range)
            var output = rows.mutableSpan
            let input = values.span
            for place in range where target[place] >= 0 {
                let (to, from) = (Int(target[place]) * width, (place - start) * width)
                var row = output._mutatingExtracting(to..<to + width)
                row.copy(input.extracting(from..<from + width))
            }
        }
        return Slots(
            values: rows, ordinals: places.map { bucket.ordinals[Int($0)] },
            isSecond: bucket.isSecond.isEmpty ? [] : places.map { bucket.isSecond[Int($0)] })
    }

    /// Encodes one part.
    ///
    /// - Parameter slots: what ``gather(from:)`` returned; a width beyond the dimensions is the norm.
    func encode(_ part: Int, _ slots: Slots, encoder: Encoder, storage: RowStorage, centroids: [Float]) -> Encoded {
        let (dimensions, range) = (storage.dimensions, parts[part].slots)
        let width = slots.values.count / places.count
        var vectors = Array(slots.values[range.lowerBound * width..<range.upperBound * width])
        let own = slots.isSecond.isEmpty ? Array(range) : range.filter { !slots.isSecond[$0] }
        var norms: [Float] = []
        if width > dimensions {
            norms = own.map { slots.values[$0 * width + dimensions] }
            vectors = range.flatMap { slots.values[$0 * width..<$0 * width + dimensions] }
        }
        let stored = storage.encode(vectors.span)
        // Codes are made from what the reorder section gives back, so that a deep check can make them again.
        if storage.isLossy { vectors = storage.decode(stored.span.rawBytes) }
        let centroid = centroids.span.extracting(parts[part].leaf * dimensions..<(parts[part].leaf + 1) * dimensions)
        let ownStored =
            own.count == range.count
            ? stored
            : own.flatMap { row -> ArraySlice<UInt8> in
                let start = (row - range.lowerBound) * storage.stride
                return stored[start..<start + storage.stride]
            }
        return Encoded(vectors: ownStored, codes: encoder.encode(rows: vectors.span, centroid: centroid), norms: norms)
    }
}

/// Places ordered by falling distance, then by place.
private func farthestFirst(_ places: ArraySlice<UInt32>, _ squaredDistances: [Float]) -> [UInt32] {
    // The bits of floats that are not negative are ordered as they are.
    var keys = places.map { UInt64(~squaredDistances[Int($0)].bitPattern) << 32 | UInt64($0) }
    keys.sort()
    return keys.map { UInt32(truncatingIfNeeded: $0) }
}

extension MutableSpan<Float> {
    /// Takes over the values of a span of the same length.
    fileprivate mutating func copy(_ values: Span<Float>) {
        precondition(count == values.count)
        for index in values.indices { self[index] = values[index] }
    }
}
