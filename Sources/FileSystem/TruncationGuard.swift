import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Survives the truncation of a mapped file: what lies beyond its new end reads as zeros, and the mapping knows that it did.
///
/// Without it such an access ends the process with SIGBUS. It is a signal handler for the whole process, so nobody gets it
/// who has not asked; a SIGBUS elsewhere goes to the handler that was there before.
public enum TruncationGuard {
    /// Guards every file that is mapped from now on. Once is enough, and again does nothing.
    public static func install() {
        isInstalled.withLock { isInstalled in
            guard !isInstalled else { return }
            // Proof: the words are zeroed before the handler can see them, and stay for as long as the process.
            let table = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: Entry.capacity * Entry.wordCount)
            for word in 0..<Entry.capacity * Entry.wordCount { unsafe (table + word).initialize(to: Atomic(0)) }
            unsafe entries = table
            unsafe pageByteCount = UInt(sysconf(Int32(_SC_PAGESIZE)))
            var action = sigaction()
            #if os(Linux)
                unsafe action.__sigaction_handler.sa_sigaction = handleBusError
            #else
                unsafe action.__sigaction_u.__sa_sigaction = handleBusError
            #endif
            action.sa_flags = SA_SIGINFO | Int32(truncatingIfNeeded: SA_ONSTACK)
            // Both actions outlive the call.
            isInstalled = unsafe sigaction(SIGBUS, &action, &previousAction) == 0
        }
    }

    /// Begins to watch a mapping.
    ///
    /// - Returns: what to ask and to end with; `nil` where the guard is not installed, or watches too many already.
    static func watch(_ start: UnsafeRawPointer, byteCount: Int) -> Entry? {
        isInstalled.withLock { isInstalled in
            guard isInstalled else { return nil }
            for number in 0..<Entry.capacity {
                let entry = Entry(number: number)
                guard entry.start == 0 else { continue }
                let first = UInt64(UInt(bitPattern: start))
                entry.set(start: first, end: first + UInt64(byteCount))
                return entry
            }  // unreached: while a thousand files are watched, other tests' would not be
            return nil
        }
    }

    /// A watched mapping: its place in the table that the handler looks at.
    struct Entry: Sendable {
        fileprivate static let capacity = 1024
        fileprivate static let wordCount = 3

        fileprivate let number: Int

        /// Whether an access met the end of the file.
        var hasFaulted: Bool { word(2) != 0 }

        func unwatch() { TruncationGuard.isInstalled.withLock { _ in set(start: 0, end: 0) } }

        fileprivate var start: UInt64 { word(0) }
        fileprivate var end: UInt64 { word(1) }

        fileprivate func noteFault() { unsafe address(2).pointee.store(1, ordering: .relaxed) }

        /// An entry with a start is in use: it is cleared first and set last.
        fileprivate func set(start: UInt64, end: UInt64) {
            for (place, value) in [(0, 0), (1, end), (2, 0), (0, start)] {
                unsafe address(place).pointee.store(value, ordering: .relaxed)
            }
        }

        private func word(_ place: Int) -> UInt64 { unsafe address(place).pointee.load(ordering: .relaxed) }

        /// Proof: entries exist only after the table has been allocated, and their numbers are below its capacity.
        private func address(_ place: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
            unsafe entries.unsafelyUnwrapped + (number * Self.wordCount + place)
        }
    }

    private static let isInstalled = Mutex(false)
}

// What the handler reads: constants at load time, so that no access of it initialises anything. Written once, in `install`,
// before the handler is set.
nonisolated(unsafe) private var entries: UnsafeMutablePointer<Atomic<UInt64>>?
nonisolated(unsafe) private var pageByteCount: UInt = 4096
nonisolated(unsafe) private var previousAction = sigaction()

/// Maps zeros over what is left of the mapping, so that the access goes on.
///
/// Only what is safe at any moment: no allocation, no lock, no reference counting.
private func handleBusError(
    _ number: Int32, _ information: UnsafeMutablePointer<siginfo_t>?, _ context: UnsafeMutableRawPointer?
) {
    #if os(Linux)
        let fault = unsafe information?.pointee._sifields._sigfault.si_addr
    #else
        let fault = unsafe information?.pointee.si_addr
    #endif
    let address = UInt64(UInt(bitPattern: fault))
    for number in 0..<TruncationGuard.Entry.capacity {
        let entry = TruncationGuard.Entry(number: number)
        guard entry.start != 0, entry.start <= address, address < entry.end else { continue }
        let page = unsafe UInt(address) & ~(pageByteCount - 1)
        // Proof: whole pages of a mapping of ours, which is read-only and stays mapped while somebody reads it.
        let mapped = unsafe mmap(
            UnsafeMutableRawPointer(bitPattern: page), Int(UInt(entry.end) - page), PROT_READ,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
        guard unsafe mapped != MAP_FAILED else { break }  // unreached: it replaces a mapping that is there
        return entry.noteFault()
    }  // unreached: a SIGBUS of another's making would end the tests
    // Not ours: the access is tried again under the handler that was there before.
    unsafe sigaction(SIGBUS, &previousAction, nil)
}
