#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif
import Synchronization
import TreeAH

/// What one search at a time has for itself: the snapshot that it searches, and scratch memory.
///
/// `@unchecked`: only the search that has taken it out of its lane touches the scratch.
final class SearchSession: @unchecked Sendable {
    let snapshot: Snapshot
    var scratch: SearchScratch
    /// How many snapshots there had been.
    fileprivate let number: Int

    fileprivate init(_ snapshot: Snapshot, number: Int, scratch: SearchScratch) {
        self.snapshot = snapshot
        self.number = number
        self.scratch = scratch
    }
}

/// The snapshot that is searched, and sessions for searches of it: one for each thread that has ever searched at the same
/// time as others.
///
/// A thread is given the session that it had before: its scratch is in the cache of that thread's core, and it holds the
/// snapshot already, whose references all threads would otherwise count up and down, behind one lock.
final class SearchSessions: Sendable {
    /// The sessions that are idle, of some threads; usually of one. Of a size that keeps the locks of two lanes in lines of
    /// their own.
    private final class Lane: Sendable {
        let idle = Mutex<[SearchSession]>([])
        private let padding = InlineArray<16, UInt64>(repeating: 0)
    }

    private let lanes = (0..<laneCount).map { _ in Lane() }
    private let newest: Mutex<Snapshot>
    private let snapshotNumber = Atomic(0)

    init(_ snapshot: Snapshot) { newest = Mutex(snapshot) }

    var snapshot: Snapshot { newest.withLock { $0 } }

    /// Has later searches use `snapshot`, unless they use a newer one. What was used before is let go, at once or when the
    /// last search under way ends.
    func replaceSnapshot(with snapshot: Snapshot) {
        newest.withLock { if snapshot.generation > $0.generation { $0 = snapshot } }
        snapshotNumber.wrappingAdd(1, ordering: .releasing)
        for lane in lanes { lane.idle.withLock { $0.removeAll() } }
    }

    func withSession<Value>(
        _ body: (SearchSession) throws(DatabaseError) -> Value
    ) throws(DatabaseError) -> Value {
        let lane = lanes[laneOfThread]
        let session = session(of: lane)
        defer {
            lane.idle.withLock { if session.number == snapshotNumber.load(ordering: .acquiring) { $0.append(session) } }
        }
        return try body(session)
    }

    private func session(of lane: Lane) -> SearchSession {
        // Read before the snapshot: one that is replaced in between only makes the session look older than it is.
        let number = snapshotNumber.load(ordering: .acquiring)
        let idle = lane.idle.withLock { $0.popLast() }
        if let idle, idle.number == number { return idle }
        return SearchSession(snapshot, number: number, scratch: SearchScratch())
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
