import CVectorKernels

// Every `unsafe` below hands C pointers to the storage of spans for the length of one call; the preconditions before it
// are the lengths that C relies on.

extension Kernels {
    /// `out[i] = start[i] + Σ v[j]·M[i][j]` for a matrix in blocks of 16 rows (numerics, section 3).
    ///
    /// - Parameters:
    ///   - vector: n floats.
    ///   - blocks: `[blocks][n][16]`.
    ///   - start: as many floats as `output`, or empty for zeros.
    ///   - output: 16 floats a block.
    public func blockProducts(
        of vector: Span<Float>, with blocks: Span<Float>, start: Span<Float> = Span(),
        into output: inout MutableSpan<Float>
    ) {
        let count = vector.count
        precondition(count > 0 && blocks.count % (16 * count) == 0)
        let blockCount = blocks.count / (16 * count)
        precondition(output.count >= 16 * blockCount && (start.isEmpty || start.count >= 16 * blockCount))
        unsafe vector.withUnsafeBufferPointer { vector in
            unsafe blocks.withUnsafeBufferPointer { blocks in
                unsafe start.withUnsafeBufferPointer { start in
                    unsafe output.withUnsafeMutableBufferPointer { output in
                        unsafe table.pointee.block_products(
                            vector.baseAddress, count, blocks.baseAddress, blockCount,
                            start.isEmpty ? nil : start.baseAddress, output.baseAddress)
                    }
                }
            }
        }
    }

    /// A vector as levels 0…127 above its smallest value (numerics, section 3).
    ///
    /// - Parameter levels: at least as many as the vector has values, rounded up to a multiple of 4; completed with zeros.
    public func quantizeLevels(of vector: Span<Float>, into levels: inout MutableSpan<UInt8>) -> LevelRange {
        precondition(!vector.isEmpty && levels.count >= (vector.count + 3) / 4 * 4)
        var range = LevelRange(low: 0, step: 0)
        unsafe vector.withUnsafeBufferPointer { vector in
            unsafe levels.withUnsafeMutableBufferPointer { levels in
                unsafe table.pointee.quantize_levels(
                    vector.baseAddress, vector.count, levels.baseAddress, &range.low, &range.step)
            }
        }
        return range
    }

    /// The products of a quantized vector with a byte matrix (numerics, section 3).
    ///
    /// - Parameters:
    ///   - levels: a multiple of 4 of them.
    ///   - matrix: blocks of 16 rows, `16 · levels.count + 192` bytes each.
    ///   - output: 16 floats a block.
    public func byteProducts(
        of levels: Span<UInt8>, _ range: LevelRange, with matrix: RawSpan, into output: inout MutableSpan<Float>
    ) {
        precondition(levels.count % 4 == 0)
        let stride = 16 * levels.count + 192
        let blockCount = matrix.byteCount / stride
        precondition(matrix.byteCount % stride == 0 && output.count >= 16 * blockCount)
        unsafe levels.withUnsafeBufferPointer { levels in
            unsafe matrix.withUnsafeBytes { matrix in
                unsafe output.withUnsafeMutableBufferPointer { output in
                    unsafe table.pointee.byte_products(
                        levels.baseAddress, range.low, range.step, levels.count / 4,
                        matrix.baseAddress?.assumingMemoryBound(to: UInt8.self), blockCount, output.baseAddress)
                }
            }
        }
    }

    /// The lookup table of one query, quantized to 7 bits (numerics, section 4).
    ///
    /// - Parameters:
    ///   - projected: the projected query, `subspaces * dimensionsPerBlock` floats.
    ///   - codewords: `[subspaces][dimensionsPerBlock][16]`, an even number of subspaces.
    ///   - scratch: room for `subspaces * 16` floats.
    ///   - output: `[subspaces][16]`.
    /// - Returns: what turns an integer sum into a partial score.
    /// - SeeAlso: André et al., "Quicker ADC", TPAMI 2021.
    public func lookupTable(
        of projected: Span<Float>, codewords: Span<Float>, subspaces: Int, dimensionsPerBlock: Int,
        scratch: inout MutableSpan<Float>, into output: inout MutableSpan<UInt8>
    ) -> TableFactors {
        precondition(subspaces % 2 == 0 && projected.count >= subspaces * dimensionsPerBlock)
        precondition(codewords.count == subspaces * dimensionsPerBlock * 16)
        precondition(scratch.count >= subspaces * 16 && output.count >= subspaces * 16)
        var step: Float = 0
        var offset: Float = 0
        unsafe projected.withUnsafeBufferPointer { projected in
            unsafe codewords.withUnsafeBufferPointer { codewords in
                unsafe scratch.withUnsafeMutableBufferPointer { scratch in
                    unsafe output.withUnsafeMutableBufferPointer { output in
                        unsafe table.pointee.lookup_table(
                            projected.baseAddress, subspaces, dimensionsPerBlock, codewords.baseAddress,
                            scratch.baseAddress, output.baseAddress, &step, &offset)
                    }
                }
            }
        }
        return TableFactors(step: step, offset: offset)
    }

    /// Exact scores of stored rows, larger is nearer (numerics, section 2).
    ///
    /// - Parameters:
    ///   - query: `dimensions` floats.
    ///   - rows: rows of `stride` bytes.
    ///   - indices: which rows; each below the number of rows, which is the caller's to check: it traps.
    public func exactScores(
        _ form: ScoreForm, element: RowElement, query: Span<Float>, rows: RawSpan, stride: Int,
        indices: Span<UInt32>, into output: inout MutableSpan<Float>
    ) {
        precondition(stride >= element.byteCount(dimensions: query.count) && output.count >= indices.count)
        let rowCount = rows.byteCount / stride
        var largest: UInt32 = 0
        for index in indices.indices { largest = max(largest, indices[index]) }
        precondition(indices.isEmpty || Int(largest) < rowCount)
        unsafe query.withUnsafeBufferPointer { query in
            unsafe rows.withUnsafeBytes { rows in
                unsafe indices.withUnsafeBufferPointer { indices in
                    unsafe output.withUnsafeMutableBufferPointer { output in
                        unsafe table.pointee.exact_scores(
                            form.code, element.code, query.baseAddress, query.count,
                            rows.baseAddress?.assumingMemoryBound(to: UInt8.self), stride, indices.baseAddress,
                            indices.count, output.baseAddress)
                    }
                }
            }
        }
    }

    /// Exact scores of all rows of `rows`, in order.
    public func exactScores(
        _ form: ScoreForm, element: RowElement, query: Span<Float>, rows: RawSpan, stride: Int,
        into output: inout MutableSpan<Float>
    ) {
        let rowCount = rows.byteCount / stride
        precondition(stride >= element.byteCount(dimensions: query.count) && output.count >= rowCount)
        unsafe query.withUnsafeBufferPointer { query in
            unsafe rows.withUnsafeBytes { rows in
                unsafe output.withUnsafeMutableBufferPointer { output in
                    unsafe table.pointee.exact_scores(
                        form.code, element.code, query.baseAddress, query.count,
                        rows.baseAddress?.assumingMemoryBound(to: UInt8.self), stride, nil, rowCount,
                        output.baseAddress)
                }
            }
        }
    }

    /// Exact scores of all rows of `rows` for several queries at once, bit for bit those of single queries.
    ///
    /// - Parameters:
    ///   - queries: row-major, `dimensions` floats each.
    ///   - scratch: room for `batchScratchCount(dimensions:queries:rows:)` floats.
    ///   - output: a row of scores for each query.
    public func exactScores(
        _ form: ScoreForm, element: RowElement, queries: Span<Float>, dimensions: Int, rows: RawSpan, stride: Int,
        scratch: inout MutableSpan<Float>, into output: inout MutableSpan<Float>
    ) {
        precondition(dimensions > 0 && queries.count % dimensions == 0)
        precondition(stride >= element.byteCount(dimensions: dimensions))
        let (queryCount, rowCount) = (queries.count / dimensions, rows.byteCount / stride)
        precondition(output.count >= queryCount * rowCount)
        let scratchCount = Self.batchScratchCount(dimensions: dimensions, queries: queryCount, rows: rowCount)
        precondition(scratch.count >= scratchCount)
        unsafe queries.withUnsafeBufferPointer { queries in
            unsafe rows.withUnsafeBytes { rows in
                unsafe scratch.withUnsafeMutableBufferPointer { scratch in
                    unsafe output.withUnsafeMutableBufferPointer { output in
                        guard scratchCount > 0 else {
                            for query in 0..<queryCount {
                                unsafe table.pointee.exact_scores(
                                    form.code, element.code, queries.baseAddress.map { unsafe $0 + query * dimensions },
                                    dimensions, rows.baseAddress?.assumingMemoryBound(to: UInt8.self), stride, nil,
                                    rowCount, output.baseAddress.map { unsafe $0 + query * rowCount })
                            }
                            return
                        }
                        unsafe table.pointee.exact_scores_batch(
                            form.code, element.code, queries.baseAddress, queryCount, dimensions,
                            rows.baseAddress?.assumingMemoryBound(to: UInt8.self), stride, rowCount,
                            scratch.baseAddress, output.baseAddress, rowCount)
                    }
                }
            }
        }
    }

    /// Floats that exact scores of several queries need for themselves: as many as a tile of rows has, or none for fewer
    /// rows, which are scored query by query. So the memory is in proportion to the rows and queries that there are.
    public static func batchScratchCount(dimensions: Int, queries: Int, rows: Int) -> Int {
        rows < Int(VK_BATCH_ROWS) ? 0 : vk_batch_scratch(dimensions, queries)
    }

    /// ⟨a, b⟩ in the order of exact scores.
    public func dot(_ a: Span<Float>, _ b: Span<Float>) -> Float {
        unsafe score(.dot, query: a, row: b.bytes)  // floats have no padding to expose
    }

    /// The exact score of one `f32` row.
    public func score(_ form: ScoreForm, query: Span<Float>, row: RawSpan) -> Float {
        precondition(row.byteCount >= 4 * query.count)
        var result: Float = 0
        unsafe query.withUnsafeBufferPointer { query in
            unsafe row.withUnsafeBytes { row in
                unsafe table.pointee.exact_scores(
                    form.code, RowElement.float32.code, query.baseAddress, query.count,
                    row.baseAddress?.assumingMemoryBound(to: UInt8.self), row.count, nil, 1, &result)
            }
        }
        return result
    }
}

/// What a vector's levels stand for: `low + step · level`.
public struct LevelRange: BitwiseCopyable, Sendable {
    public var low: Float
    public var step: Float

    public init(low: Float, step: Float) { (self.low, self.step) = (low, step) }
}

/// The two arithmetic forms of a score; larger is nearer in both.
public enum ScoreForm: Sendable {
    /// ⟨q, x⟩.
    case dot
    /// −Σ (qⱼ − xⱼ)².
    case negatedSquaredDistance

    var code: vk_similarity {
        switch self {
        case .dot: VK_DOT
        case .negatedSquaredDistance: VK_NEGATED_SQUARED_DISTANCE
        }
    }
}

/// How the rows behind exact scores are stored (`Formats/segment.md`, section 7).
public enum RowElement: Sendable, CaseIterable {
    case float32, bfloat16, int8, uint8
    /// An f32 scale, then signed bytes.
    case scaledInt8

    var code: vk_element {
        switch self {
        case .float32: VK_F32
        case .bfloat16: VK_BF16
        case .int8: VK_I8
        case .uint8: VK_U8
        case .scaledInt8: VK_INT8_SCALED
        }
    }

    /// Bytes of a row without the padding behind it.
    public func byteCount(dimensions: Int) -> Int {
        switch self {
        case .float32: 4 * dimensions
        case .bfloat16: 2 * dimensions
        case .int8, .uint8: dimensions
        case .scaledInt8: 4 + dimensions
        }
    }

    /// Bytes from one row to the next in a segment file.
    public func stride(dimensions: Int) -> Int {
        switch self {
        case .float32: (4 * dimensions + 15) / 16 * 16
        case .bfloat16, .int8, .uint8, .scaledInt8: (byteCount(dimensions: dimensions) + 3) / 4 * 4
        }
    }
}
