import Synchronization

/// A wish to stop, which searches, builds and tuning look at now and then: whoever sees it raised throws `cancelled` and
/// leaves nothing behind.
///
/// Any number of calls may share one, and any thread may raise it. What cancels a task raises it like this:
///
/// ```swift
/// let hits = try await Cancellation.ofTask { cancellation in
///     try movies.search(user, options: SearchOptions(cancellation: cancellation))
/// }
/// ```
public final class Cancellation: Sendable {
    private let isRaised = Atomic(false)
    private let isRequested: (@Sendable () -> Bool)?

    /// One that nothing but ``cancel()`` raises.
    public init() { isRequested = nil }

    /// One that is also raised when `isRequested` says so once.
    ///
    /// - Parameter isRequested: asked by every thread that works, between things that take about a millisecond.
    public init(when isRequested: @escaping @Sendable () -> Bool) { self.isRequested = isRequested }

    /// Raises it, for good.
    public func cancel() { isRaised.store(true, ordering: .relaxed) }

    public var isCancelled: Bool {
        if isRaised.load(ordering: .relaxed) { return true }
        guard let isRequested, isRequested() else { return false }
        cancel()
        return true
    }

    /// Runs `body` with a cancellation that is raised when the running task is cancelled.
    public static func ofTask<Value>(
        isolation: isolated (any Actor)? = #isolation, _ body: (Cancellation) async throws -> Value
    ) async rethrows -> Value {
        let cancellation = Cancellation()
        return try await withTaskCancellationHandler {
            try await body(cancellation)
        } onCancel: {
            cancellation.cancel()
        }
    }
}
