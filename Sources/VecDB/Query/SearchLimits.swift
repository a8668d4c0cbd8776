/// How long a search may go on: checked between its stages, between queries and groups of a batch, and between the blocks of
/// an exact scan.
struct SearchLimits: Sendable {
    private let deadline: ContinuousClock.Instant?
    private let cancellation: Cancellation?
    /// Most searches have no limits, and pay a test of this for each check.
    let areSet: Bool

    static let none = SearchLimits(deadline: nil, cancellation: nil)

    init(_ options: SearchOptions) {
        self.init(deadline: options.deadline, cancellation: options.cancellation)
    }

    private init(deadline: ContinuousClock.Instant?, cancellation: Cancellation?) {
        (self.deadline, self.cancellation) = (deadline, cancellation)
        areSet = deadline != nil || cancellation != nil
    }

    /// How many queries go together where limits are not looked at in between: as many as should take ten milliseconds.
    ///
    /// - Parameter cost: of one, as ``SearchCost`` counts.
    static func groupSize(_ cost: Int) -> Int { max(1, 16 * 10_000_000 / max(1, cost)) }

    /// - Throws: `deadlinePassed`, `cancelled`.
    @inline(__always)
    func check() throws(DatabaseError) {
        if areSet { try checkBoth() }
    }

    @inline(never)
    private func checkBoth() throws(DatabaseError) {
        if let cancellation, cancellation.isCancelled {
            throw DatabaseError(.cancelled, "the search was cancelled and gives no answer")
        }
        if let deadline, deadline <= .now {
            throw DatabaseError(
                .deadlinePassed, "the deadline of the search has passed; allow more time, or search less")
        }
    }
}
