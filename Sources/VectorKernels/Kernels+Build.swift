import CVectorKernels

// As in the search kernels, every `unsafe` hands C pointers to the storage of spans for the length of one call, after the
// preconditions that C relies on.

extension Kernels {
    /// For each row the index of its largest product with a byte matrix, ties to the smaller (numerics, section 3).
    ///
    /// - Parameters:
    ///   - rows: row-major, `dimensions` floats each.
    ///   - origin: `dimensions` floats that are taken off every row first.
    ///   - matrix: blocks of 16 rows; a bias of −∞ keeps an index from being chosen.
    ///   - threads: rows are shared out in chunks of a fixed size, so the result does not depend on it.
    /// - Complexity: O(rows · blocks · 16 · dimensions), four bytes at a time.
    public func assign(
        rows: [Float], dimensions: Int, origin: [Float], matrix: [UInt8], threads: Int
    ) -> [UInt32] {
        precondition(dimensions > 0 && rows.count % dimensions == 0 && origin.count == dimensions)
        let groups = (dimensions + 3) / 4
        let blockCount = matrix.count / (64 * groups + 192)
        precondition(matrix.count == blockCount * (64 * groups + 192))
        let rowCount = rows.count / dimensions
        let chunk = 1024
        let parts = concurrentMap(count: (rowCount + chunk - 1) / chunk, threads: threads) { part in
            let range = part * chunk..<min(rowCount, (part + 1) * chunk)
            let (levels, ranges) = quantized(rows, range, dimensions: dimensions, origin: origin)
            return unsafe [UInt32](unsafeUninitializedCapacity: range.count) { best, count in
                unsafe levels.withUnsafeBufferPointer { levels in
                    unsafe ranges.withUnsafeBufferPointer { ranges in
                        unsafe matrix.withUnsafeBufferPointer { matrix in
                            unsafe table.pointee.assign_rows(
                                levels.baseAddress, ranges.baseAddress, range.count, groups, matrix.baseAddress,
                                blockCount, best.baseAddress)
                        }
                    }
                }
                count = range.count
            }
        }
        return Array(parts.joined())
    }

    /// Rows less the origin as levels.
    private func quantized(
        _ rows: [Float], _ range: Range<Int>, dimensions: Int, origin: [Float]
    ) -> (levels: [UInt8], ranges: [vk_level_range]) {
        let width = (dimensions + 3) / 4 * 4
        var levels = [UInt8](repeating: 0, count: range.count * width)
        var ranges: [vk_level_range] = []
        var shifted = [Float](repeating: 0, count: dimensions)
        for row in range {
            for column in 0..<dimensions { shifted[column] = rows[row * dimensions + column] - origin[column] }
            var all = levels.mutableSpan
            var own = all._mutatingExtracting((row - range.lowerBound) * width..<(row - range.lowerBound + 1) * width)
            let found = quantizeLevels(of: shifted.span, into: &own)
            ranges.append(vk_level_range(low: found.low, step: found.step))
        }
        return (levels, ranges)
    }

    /// Nearest codewords of projected residuals (numerics, section 5).
    ///
    /// - Parameters:
    ///   - projected: rows of `subspaces * dimensionsPerBlock` floats.
    ///   - codewords: `[subspaces][dimensionsPerBlock][16]`.
    ///   - halfNorms: `[subspaces][16]`, −½|codeword|².
    ///   - products, norms: ⟨y, ŷ⟩ and ⟨y, y⟩ of each row.
    /// - Returns: `[row][subspaces]`, 0…15.
    public func encode(
        _ projected: Span<Float>, subspaces: Int, dimensionsPerBlock: Int, codewords: Span<Float>,
        halfNorms: Span<Float>, products: inout [Float], norms: inout [Float]
    ) -> [UInt8] {
        let width = subspaces * dimensionsPerBlock
        precondition(width > 0 && projected.count % width == 0 && codewords.count == width * 16)
        precondition(halfNorms.count == subspaces * 16)
        let rowCount = projected.count / width
        precondition(products.count == rowCount && norms.count == rowCount)
        var codes = [UInt8](repeating: 0, count: rowCount * subspaces)
        unsafe projected.withUnsafeBufferPointer { projected in
            unsafe codewords.withUnsafeBufferPointer { codewords in
                unsafe halfNorms.withUnsafeBufferPointer { halfNorms in
                    unsafe table.pointee.encode_rows(
                        projected.baseAddress, rowCount, subspaces, dimensionsPerBlock, codewords.baseAddress,
                        halfNorms.baseAddress, &codes, &products, &norms)
                }
            }
        }
        return codes
    }

    /// `sum[j] += rows[index][j]` for the indices in order.
    public func sumRows(
        _ rows: Span<Float>, dimensions: Int, indices: Span<UInt32>, into sum: inout MutableSpan<Float>
    ) {
        precondition(sum.count == dimensions)
        for index in indices.indices { precondition((Int(indices[index]) + 1) * dimensions <= rows.count) }
        unsafe rows.withUnsafeBufferPointer { rows in
            unsafe indices.withUnsafeBufferPointer { indices in
                unsafe sum.withUnsafeMutableBufferPointer { sum in
                    unsafe table.pointee.sum_rows(
                        rows.baseAddress, dimensions, indices.baseAddress, indices.count, sum.baseAddress)
                }
            }
        }
    }
}
