#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif
import Synchronization
import TreeAH

/// Scratch memory for searches, one for each thread that has ever searched at the same time as others.
///
/// A thread is given the scratch that it had before: it is in the cache of its core, from which another thread would have
/// to fetch it line by line.
final class ScratchPool: Sendable {
    /// Moved in and out of the pool as a reference; only the search that has taken it out touches what is inside.
    private final class Lendable: @unchecked Sendable {
        var scratch = SearchScratch()
    }

    /// What some threads share; usually one. Of a size that keeps the locks of two lanes in lines of their own.
    private final class Lane: Sendable {
        let idle = Mutex<[Lendable]>([])
        private let padding = InlineArray<16, UInt64>(repeating: 0)
    }

    private let lanes = (0..<laneCount).map { _ in Lane() }

    func withScratch<Value>(
        _ body: (inout SearchScratch) throws(DatabaseError) -> Value
    ) throws(DatabaseError) -> Value {
        let lane = lanes[laneOfThread]
        let lent = lane.idle.withLock { $0.popLast() } ?? Lendable()
        defer { lane.idle.withLock { $0.append(lent) } }
        return try body(&lent.scratch)
    }
}

/// A power of two; more than threads that are likely to search at the same time, so that few of them share one.
private let laneBits = 6
private let laneCount = 1 << laneBits

/// A lane that is always the same for the running thread.
private var laneOfThread: Int {
    #if canImport(Glibc)
        let thread = UInt64(pthread_self())
    #else
        let thread = UInt64(unsafe UInt(bitPattern: pthread_self()))
    #endif
    // By Fibonacci hashing: what tells threads apart is an address, a multiple of a large power of two.
    return Int((thread &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - laneBits))
}
