#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file's bytes, mapped read-only. The only `mmap` of the project.
///
/// The bytes must not be trusted to stay: whoever truncates the file underneath makes later accesses fault. With a
/// `TruncationGuard` they read zeros instead, and `hasFaulted` tells.
@safe package final class MappedFile: Sendable {
    /// Proof for all uses: the mapping of `byteCount` bytes is made once in `init`, never changed, and unmapped in
    /// `deinit`, when no span can be alive any more, since spans borrow the object.
    nonisolated(unsafe) private let base: UnsafeRawPointer?
    package let byteCount: Int
    private let watch: TruncationGuard.Entry?

    package init(_ file: File, byteCount: Int) throws(SystemError) {
        self.byteCount = byteCount
        guard byteCount > 0 else {
            unsafe base = nil
            watch = nil
            return
        }
        let address = unsafe mmap(nil, byteCount, PROT_READ, MAP_SHARED, file.descriptor, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else { throw .last("map", file.path) }
        unsafe base = UnsafeRawPointer(address)
        watch = unsafe TruncationGuard.watch(address, byteCount: byteCount)
    }

    deinit {
        watch?.unwatch()
        if let base = unsafe base { unsafe munmap(UnsafeMutableRawPointer(mutating: base), byteCount) }
    }

    /// Whether accesses beyond the end of a truncated file are survived.
    package var isGuarded: Bool { watch != nil }
    /// Whether there have been any: then bytes that were read may be zeros that nobody wrote.
    package var hasFaulted: Bool { watch?.hasFaulted ?? false }

    package var bytes: RawSpan {
        @_lifetime(borrow self) get {
            guard let base = unsafe base else { return RawSpan() }
            let span = unsafe RawSpan(_unsafeStart: base, byteCount: byteCount)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// How pages will be used: best effort.
    package enum Advice {
        /// Scattered: a fault brings in one page, and no more of the file around it.
        case random
        /// Soon: reading begins now and is not waited for.
        case willNeed
    }

    package func advise(_ advice: Advice, _ range: Range<Int>) {
        guard let base = unsafe base, !range.isEmpty else { return }
        precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
        let start = range.lowerBound / 4096 * 4096
        // Proof: whole pages that lie in the mapping; the advice changes no byte.
        _ = unsafe madvise(
            UnsafeMutableRawPointer(mutating: base) + start, range.upperBound - start,
            advice == .random ? MADV_RANDOM : MADV_WILLNEED)
    }

    /// Takes the pages out of this mapping; the next access to each maps it again. Best effort.
    package func dropPages() { dropPages(in: 0..<byteCount) }

    /// As `dropPages()` for the pages of a range.
    package func dropPages(in range: Range<Int>) {
        guard let base = unsafe base, !range.isEmpty else { return }
        precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
        let start = range.lowerBound / 4096 * 4096
        // Proof: whole pages that lie in the mapping; of a shared mapping of a file nothing is lost.
        _ = unsafe madvise(UnsafeMutableRawPointer(mutating: base) + start, range.upperBound - start, MADV_DONTNEED)
    }
}
