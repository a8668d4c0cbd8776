import CVectorKernels

/// The best candidates seen so far, by score and then by smaller number.
///
/// New ones are appended when they reach a rising threshold; when the buffer is full, the best `keep` are selected and
/// the threshold becomes the worst of them. No heap: appending costs a compare, and selecting is amortised over a
/// buffer. Nothing is allocated once the buffer has its size.
public struct TopCandidates: Sendable {
    /// Scores and numbers of the first `count` places, in no particular order.
    public private(set) var scores: [Float] = []
    public private(set) var numbers: [UInt32] = []
    public private(set) var count = 0
    /// What a score must reach to be among the best `keep`.
    public private(set) var threshold = -Float.infinity
    private var keep = 0
    private var keys: [UInt64] = []

    public init() {}

    /// Empties the buffer for a search that keeps the best `keep`, at least 1, of those whose scores reach `threshold`.
    public mutating func reset(keeping keep: Int, above threshold: Float = -.infinity) {
        precondition(keep > 0)
        self.keep = keep
        count = 0
        self.threshold = threshold
        let capacity = 2 * keep + 256
        if scores.count < capacity {
            scores = [Float](repeating: 0, count: capacity)
            numbers = [UInt32](repeating: 0, count: capacity)
        }
    }

    /// Reduces the buffer to the best `keep` and raises the threshold to the worst of them.
    public mutating func select(kernels: Kernels) {
        guard count > keep else { return }
        // Proof: both arrays have at least `count` places, and 0 < keep < count.
        threshold = unsafe kernels.table.pointee.select_top(&scores, &numbers, count, keep)
        count = keep
    }

    /// Orders what is there: larger scores first, equal ones by smaller number.
    ///
    /// - Complexity: O(count · log count), quadratic in short runs.
    public mutating func sortByRank() {
        keys.removeAll(keepingCapacity: true)
        // The order key inverted above the number: ascending keys are descending scores, then ascending numbers.
        for place in 0..<count {
            let inverted = UInt32(bitPattern: ~orderKey(scores[place])) ^ 0x8000_0000
            keys.append(UInt64(inverted) << 32 | UInt64(numbers[place]))
        }
        keys.sort()
        for (place, key) in keys.enumerated() {
            let key32 = ~Int32(bitPattern: UInt32(key >> 32) ^ 0x8000_0000)
            scores[place] = score(ofOrderKey: key32)
            numbers[place] = UInt32(truncatingIfNeeded: key)
        }
    }

    /// Adds the scores of consecutive numbers.
    ///
    /// - Parameters:
    ///   - first: the number of the first score.
    ///   - live: a bit for each score, 32 to a word, cleared where it must not be kept; empty when all may be.
    ///   - numbering: the number of each score where they are not consecutive, else empty.
    public mutating func append(
        _ newScores: Span<Float>, first: UInt32, live: Span<UInt32> = Span(), numbering: Span<UInt32> = Span(),
        kernels: Kernels
    ) {
        precondition(live.isEmpty || live.count * 32 >= newScores.count)
        precondition(numbering.isEmpty || numbering.count >= newScores.count)
        var done = 0
        while done < newScores.count {
            if scores.count - count < 64 { select(kernels: kernels) }
            // A multiple of 32, so that the next call starts at a whole word of `live`.
            let part = newScores.extracting(done..<min(newScores.count, done + (scores.count - count) / 32 * 32))
            var filled = count
            // Proof: `collect` fills at most as many places as it consumes scores, and `part` fits what is left; `live`
            // covers it by the precondition.
            unsafe part.withUnsafeBufferPointer { part in
                unsafe live.withUnsafeBufferPointer { live in
                    let word = unsafe live.isEmpty ? nil : live.baseAddress.map { unsafe $0 + done / 32 }
                    _ = unsafe kernels.table.pointee.collect(
                        part.baseAddress, part.count, first &+ UInt32(truncatingIfNeeded: done), threshold, word,
                        &scores, &numbers, scores.count, &filled)
                }
            }
            if !numbering.isEmpty {
                for place in count..<filled { numbers[place] = numbering[Int(numbers[place] &- first)] }
            }
            count = filled
            done += part.count
        }
    }
}

/// A score as an integer of the same order, so that comparisons are total even where a score is NaN (numerics, end of
/// section 4).
public func orderKey(_ score: Float) -> Int32 {
    let bits = Int32(bitPattern: score.bitPattern)
    return bits >= 0 ? bits : bits ^ 0x7FFF_FFFF
}

/// The score whose order key is `key`.
public func score(ofOrderKey key: Int32) -> Float {
    Float(bitPattern: UInt32(bitPattern: key >= 0 ? key : key ^ 0x7FFF_FFFF))
}
