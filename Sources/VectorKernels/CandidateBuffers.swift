import CVectorKernels

/// The best estimates of one query or of several whose leaves are scanned together, a buffer for each.
///
/// Slots are appended when they reach their query's rising threshold; when a buffer is full, the best `keep` are
/// selected and the threshold becomes the worst of them. Nothing is allocated once the buffers have their size.
///
/// The pointers in `scans` are set and used during one call of ``scan(_:codes:blockByteCount:pairs:hasBiases:tables:factors:live:kernels:)``;
/// between calls only their counts and thresholds mean anything. That is why it may be sent.
@safe public struct CandidateBuffers: @unchecked Sendable {
    private var scores: [Float] = []
    /// A part of `capacity` places for each query.
    private var numbers: [UInt32] = []
    private var scans: [vk_scan] = unsafe []
    private var keep = 1

    /// Small buffers are full often and raise the threshold early, which is cheaper than what they let through meanwhile.
    private var capacity: Int { 2 * keep + 64 }

    public init() {}

    /// Empties the buffers for `queryCount` queries that keep the best `keep` each, at least 1.
    public mutating func reset(queryCount: Int, keeping keep: Int) {
        precondition(queryCount > 0 && keep > 0)
        self.keep = keep
        if scores.count < queryCount * capacity {
            scores = [Float](repeating: 0, count: queryCount * capacity)
            numbers = [UInt32](repeating: 0, count: queryCount * capacity)
        }
        var empty = unsafe vk_scan()
        unsafe (empty.threshold, empty.capacity) = (-.infinity, capacity)
        unsafe scans.removeAll(keepingCapacity: true)
        for _ in 0..<queryCount { unsafe scans.append(empty) }
    }

    /// Scans the code blocks of leaves, one after the other, each for one query.
    ///
    /// - Parameters:
    ///   - codes: the blocks of all leaves, `blockByteCount` each.
    ///   - tables: the queries' lookup tables one behind the other, `32 · pairs` bytes each.
    ///   - factors: for each query what turns its sums into scores.
    ///   - live: masks of leaves that have one: a word a block.
    /// - Complexity: O(slots · subspaces).
    public mutating func scan(
        _ leaves: Span<ScanLeaf>, codes: RawSpan, blockByteCount: Int, pairs: Int, hasBiases: Bool,
        tables: Span<UInt8>, factors: Span<TableFactors>, live: Span<UInt32>, kernels: Kernels
    ) {
        let (queryCount, capacity, keep) = unsafe (scans.count, capacity, keep)
        precondition(blockByteCount >= 32 * pairs + (hasBiases ? 192 : 64))
        precondition(tables.count >= 32 * pairs * queryCount && factors.count >= queryCount)
        for index in leaves.indices {
            let (leaf, blockCount) = (leaves[index].leaf, leaves[index].blockCount)
            precondition((Int(leaf.first_block) + blockCount) * blockByteCount <= codes.byteCount)
            precondition(leaf.live_start == .max || Int(leaf.live_start) + blockCount <= live.count)
            precondition(Int(leaf.query) < queryCount)
        }
        // Proof: the preconditions bound what is read; `capacity`, which is larger than keep + 32, bounds what is written
        // for each query, and queries have parts of their own. `ScanLeaf` is nothing but a `vk_leaf`.
        unsafe codes.withUnsafeBytes { codes in
            unsafe tables.withUnsafeBufferPointer { tables in
                unsafe live.withUnsafeBufferPointer { live in
                    unsafe leaves.withUnsafeBytes { leaves in
                        unsafe scores.withUnsafeMutableBufferPointer { scores in
                            unsafe numbers.withUnsafeMutableBufferPointer { numbers in
                                unsafe scans.withUnsafeMutableBufferPointer { scans in
                                    for query in 0..<queryCount {
                                        unsafe (scans[query].block_byte_count, scans[query].pairs) =
                                            (blockByteCount, pairs)
                                        unsafe scans[query].has_biases = hasBiases
                                        unsafe (scans[query].step, scans[query].offset) =
                                            (factors[query].step, factors[query].offset)
                                        unsafe scans[query].table =
                                            tables.baseAddress.map { unsafe $0 + 32 * pairs * query }
                                        unsafe scans[query].scores =
                                            scores.baseAddress.map { unsafe $0 + capacity * query }
                                        unsafe scans[query].numbers =
                                            numbers.baseAddress.map { unsafe $0 + capacity * query }
                                    }
                                    unsafe kernels.table.pointee.scan_leaves(
                                        scans.baseAddress, codes.baseAddress?.assumingMemoryBound(to: UInt8.self),
                                        leaves.baseAddress?.assumingMemoryBound(to: vk_leaf.self),
                                        leaves.count / MemoryLayout<ScanLeaf>.stride, live.baseAddress, keep)
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Reduces a query's candidates to the best `keep`.
    ///
    /// - Returns: the places of their numbers in ``allNumbers``, in no particular order.
    public mutating func select(query: Int, kernels: Kernels) -> Range<Int> {
        let (first, count, keep) = unsafe (query * capacity, scans[query].count, keep)
        guard count > keep else { return first..<first + count }
        // Proof: the query's part has `capacity` places, `count` of them filled, and 0 < keep < count.
        unsafe scores.withUnsafeMutableBufferPointer { scores in
            unsafe numbers.withUnsafeMutableBufferPointer { numbers in
                // unreached: arrays with places have addresses
                guard let score = scores.baseAddress, let number = numbers.baseAddress else { return }
                _ = unsafe kernels.table.pointee.select_top(score + first, number + first, count, keep)
            }
        }
        unsafe scans[query].count = keep
        return first..<first + keep
    }

    /// Numbers of the candidates of all queries.
    public var allNumbers: [UInt32] { numbers }
    /// Their estimates.
    public var allScores: [Float] { scores }

    /// Where a query's candidates are among them.
    public func places(of query: Int) -> Range<Int> {
        unsafe query * capacity..<query * capacity + scans[query].count
    }
}

/// What turns the integer sums of a lookup table into scores: `sum * step + offset`.
public struct TableFactors: BitwiseCopyable, Sendable {
    public var step: Float
    public var offset: Float

    public init(step: Float, offset: Float) {
        (self.step, self.offset) = (step, offset)
    }
}

/// A leaf whose code blocks are to be scanned.
@frozen public struct ScanLeaf: BitwiseCopyable, Sendable {
    @usableFromInline let leaf: vk_leaf

    /// - Parameters:
    ///   - query: whose scan it is: the query's number in its ``CandidateBuffers``.
    ///   - firstBlock: where its blocks begin among all blocks.
    ///   - firstNumber: the number of slot 0.
    ///   - constant: the part of the score that its slots share.
    ///   - biasFactor: what their biases are multiplied by.
    ///   - liveStart: where its words begin in the live mask; `nil` when every slot may be kept.
    ///   - tag: what its owner knows it by.
    @inlinable public init(
        query: Int = 0, firstBlock: Int, slotCount: Int, firstNumber: UInt32, constant: Float, biasFactor: Float = 1,
        liveStart: Int? = nil, tag: UInt32 = 0
    ) {
        leaf = vk_leaf(
            constant: constant, bias_factor: biasFactor, slot_count: UInt32(slotCount), first_number: firstNumber,
            query: UInt32(query), live_start: liveStart.map(UInt32.init) ?? .max, first_block: UInt32(firstBlock),
            tag: tag)
    }

    /// The part of the leaf in some of its blocks.
    @inlinable public func part(_ blocks: Range<Int>) -> ScanLeaf {
        precondition(blocks.lowerBound >= 0 && blocks.upperBound <= blockCount && !blocks.isEmpty)
        var part = leaf
        part.first_block += UInt32(blocks.lowerBound)
        part.first_number += UInt32(32 * blocks.lowerBound)
        part.slot_count = UInt32(min(slotCount, 32 * blocks.upperBound) - 32 * blocks.lowerBound)
        if part.live_start != .max { part.live_start += UInt32(blocks.lowerBound) }
        return ScanLeaf(leaf: part)
    }

    @inlinable init(leaf: vk_leaf) { self.leaf = leaf }

    /// Whose scan it is.
    @inlinable public var query: Int { Int(leaf.query) }
    /// What its owner knows it by.
    @inlinable public var tag: UInt32 { leaf.tag }
    /// Where its blocks begin among all blocks.
    @inlinable public var firstBlock: Int { Int(leaf.first_block) }
    /// The number of slot 0.
    @inlinable public var firstNumber: UInt32 { leaf.first_number }
    @inlinable public var slotCount: Int { Int(leaf.slot_count) }
    @inlinable public var blockCount: Int { (slotCount + 31) / 32 }
    /// The part of the score that its slots share.
    @inlinable public var constant: Float { leaf.constant }
}
