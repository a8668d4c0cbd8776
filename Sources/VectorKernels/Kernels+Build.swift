import CVectorKernels

// As in the search kernels, every `unsafe` hands C pointers to the storage of spans for the length of one call, after the
// preconditions that C relies on.

extension Kernels {
    /// For each row the index of its largest product with a block matrix, ties to the smaller.
    ///
    /// - Parameters:
    ///   - rows: row-major, `dimensions` floats each.
    ///   - blocks: `[blocks][dimensions][16]`.
    ///   - start: 16 floats a block that the products start from; −∞ keeps an index from being chosen.
    ///   - threads: rows are shared out in chunks of a fixed size, so the result does not depend on it.
    /// - Complexity: O(rows · blocks · 16 · dimensions).
    public func assign(
        rows: [Float], dimensions: Int, blocks: [Float], start: [Float], threads: Int
    ) -> [UInt32] {
        precondition(dimensions > 0 && rows.count % dimensions == 0 && blocks.count % (16 * dimensions) == 0)
        let blockCount = blocks.count / (16 * dimensions)
        precondition(start.count == 16 * blockCount)
        let rowCount = rows.count / dimensions
        let chunk = 2048
        let parts = concurrentMap(count: (rowCount + chunk - 1) / chunk, threads: threads) { part in
            let range = part * chunk..<min(rowCount, (part + 1) * chunk)
            return unsafe [UInt32](unsafeUninitializedCapacity: range.count) { best, count in
                unsafe rows.withUnsafeBufferPointer { rows in
                    unsafe blocks.withUnsafeBufferPointer { blocks in
                        unsafe start.withUnsafeBufferPointer { start in
                            unsafe table.pointee.assign_rows(
                                rows.baseAddress.map { unsafe $0 + range.lowerBound * dimensions }, range.count,
                                dimensions, blocks.baseAddress, blockCount, start.baseAddress, best.baseAddress)
                        }
                    }
                }
                count = range.count
            }
        }
        return Array(parts.joined())
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
