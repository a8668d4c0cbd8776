import Dispatch
import Synchronization

/// Runs `body` for 0 ..< `count` on up to `threads` threads and returns the results in order.
///
/// The results do not depend on `threads` as long as `body` depends on nothing but its index. Of several errors the one
/// of the smallest index that was reached is thrown; no new index is started after the first.
///
/// - Complexity: O(count) calls; one array of the results.
public func concurrentMap<Result: Sendable, Failure: Error>(
    count: Int, threads: Int, _ body: @Sendable (Int) throws(Failure) -> Result
) throws(Failure) -> [Result] {
    guard threads > 1, count > 1 else {
        var results: [Result] = []
        results.reserveCapacity(count)
        for index in 0..<count { results.append(try body(index)) }
        return results
    }
    let next = Atomic(0)
    let outcomes = Mutex([Swift.Result<Result, Failure>?](repeating: nil, count: count))
    DispatchQueue.concurrentPerform(iterations: min(threads, count)) { _ in
        while true {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard index < count else { return }
            let outcome: Swift.Result<Result, Failure>
            do throws(Failure) { outcome = .success(try body(index)) } catch { outcome = .failure(error) }
            outcomes.withLock { $0[index] = outcome }
            if case .failure = outcome { next.store(count, ordering: .relaxed) }
        }
    }
    var results: [Result] = []
    results.reserveCapacity(count)
    var failure: Failure?
    for case let outcome? in outcomes.withLock({ $0 }) {
        switch outcome {
        case .success(let result): results.append(result)
        case .failure(let error): failure = failure ?? error
        }
    }
    if let failure { throw failure }
    return results
}
