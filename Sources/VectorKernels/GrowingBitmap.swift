import Synchronization

/// A bitmap shared by all threads that only gains bits, but for ``forget()``: what has been verified of a file.
///
/// Relaxed order is enough: a bit says that immutable bytes were found intact; nothing else is published through it.
@safe public final class GrowingBitmap: Sendable {
    @usableFromInline nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>
    @usableFromInline let wordCount: Int

    /// - Parameter count: how many bits, all of them clear.
    public init(count: Int) {
        wordCount = (count + 63) / 64
        // Proof: as many zeroed words, which go in `deinit`; every bit is looked for in one of them.
        unsafe words = .allocate(capacity: max(wordCount, 1))
        for word in 0..<wordCount { unsafe (words + word).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe words.deinitialize(count: wordCount)
        unsafe words.deallocate()
    }

    @inlinable public func contains(_ bit: Int) -> Bool {
        precondition(bit >= 0 && bit / 64 < wordCount)
        return unsafe words[bit / 64].load(ordering: .relaxed) >> UInt64(bit % 64) & 1 == 1
    }

    /// Whether all of these bits are set.
    @inlinable public func contains(all bits: Span<UInt32>) -> Bool {
        for index in bits.indices where !contains(Int(bits[index])) { return false }
        return true
    }

    @inlinable public func insert(_ bit: Int) {
        precondition(bit >= 0 && bit / 64 < wordCount)
        _ = unsafe words[bit / 64].bitwiseOr(1 << UInt64(bit % 64), ordering: .relaxed)
    }

    /// Clears all bits.
    public func forget() {
        for word in 0..<wordCount { unsafe words[word].store(0, ordering: .relaxed) }
    }
}
