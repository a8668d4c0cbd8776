import CVectorKernels

/// A bitmap shared by all threads that only gains bits, but for ``forget()``: what has been verified of a file.
///
/// Relaxed order is enough: a bit says that immutable bytes were found intact; nothing else is published through it.
@safe public final class GrowingBitmap: Sendable {
    nonisolated(unsafe) private let words: UnsafeMutablePointer<UInt64>
    private let wordCount: Int

    /// - Parameter count: how many bits, all of them clear.
    public init(count: Int) {
        wordCount = (count + 63) / 64
        // Proof: `wordCount` zeroed words, freed in `deinit`, changed by atomic operations alone.
        unsafe words = .allocate(capacity: max(wordCount, 1))
        unsafe words.initialize(repeating: 0, count: max(wordCount, 1))
    }

    deinit { unsafe words.deallocate() }

    public func contains(_ bit: Int) -> Bool {
        precondition(bit >= 0 && bit / 64 < wordCount)
        return unsafe vk_load_relaxed(words + bit / 64) >> UInt64(bit % 64) & 1 == 1
    }

    /// Whether all of these bits are set.
    public func contains(all bits: Span<UInt32>) -> Bool {
        for index in bits.indices where !contains(Int(bits[index])) { return false }
        return true
    }

    public func insert(_ bit: Int) {
        precondition(bit >= 0 && bit / 64 < wordCount)
        unsafe vk_or_relaxed(words + bit / 64, 1 << UInt64(bit % 64))
    }

    /// Clears all bits.
    public func forget() {
        for word in 0..<wordCount { unsafe vk_and_relaxed(words + word, 0) }
    }
}
