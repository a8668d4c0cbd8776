import CVectorKernels

// Every `unsafe` below hands C pointers to the storage of spans for the length of one call; the preconditions before it
// are the lengths that C relies on.

extension Kernels {
    /// The k-th largest of at least k scores by order key, NaN counted as −∞.
    ///
    /// - Parameter scratch: room for as many floats.
    /// - Complexity: O(count) a pass, about ten passes.
    public func kthLargest(_ k: Int, of scores: Span<Float>, scratch: inout MutableSpan<Float>) -> Float {
        precondition(0 < k && k <= scores.count && scratch.count >= scores.count)
        return unsafe scores.withUnsafeBufferPointer { scores in
            unsafe scratch.withUnsafeMutableBufferPointer { scratch in
                unsafe table.pointee.kth_largest(scores.baseAddress, scores.count, k, scratch.baseAddress)
            }
        }
    }

    /// The best `keep` of some scores by order key, equal ones by earlier place; NaN is passed over.
    ///
    /// - Parameters:
    ///   - best: their scores, room for 16 more than there are scores.
    ///   - places: their places, as many: the best one first, the others ascending.
    /// - Returns: how many there are, at most `keep`.
    /// - Complexity: two passes over the scores, and a few over little more than `keep` of them.
    public func selectBest(
        _ keep: Int, of scores: Span<Float>, into best: inout MutableSpan<Float>, places: inout MutableSpan<UInt32>
    ) -> Int {
        precondition(keep > 0 && best.count >= scores.count + 16 && places.count >= scores.count + 16)
        return unsafe scores.withUnsafeBufferPointer { scores in
            unsafe best.withUnsafeMutableBufferPointer { best in
                unsafe places.withUnsafeMutableBufferPointer { places in
                    unsafe table.pointee.select_best(
                        scores.baseAddress, scores.count, keep, best.baseAddress, places.baseAddress)
                }
            }
        }
    }

    /// Asks the CPU for bytes that will be read soon.
    ///
    /// - Complexity: a fetch for each 64 bytes; nothing is waited for.
    @inlinable public func fetch(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { bytes in unsafe vk_fetch(bytes.baseAddress, bytes.count) }
    }
}
