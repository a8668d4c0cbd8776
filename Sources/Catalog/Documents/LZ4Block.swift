import CLZ4

/// Compresses short texts as LZ4 blocks with a shared dictionary. All that LZ4 is given by address is in this file.
///
/// The dictionary is hashed once; each block starts from a copy of that state (16 KiB), which costs far less than hashing
/// 64 KiB again. Not for use by several threads at once.
@safe final class LZ4Compressor {
    private let dictionary: UnsafeMutableBufferPointer<UInt8>
    private let prepared: UnsafeMutablePointer<LZ4_stream_t>
    private let working: UnsafeMutablePointer<LZ4_stream_t>
    private var output: [UInt8] = []

    /// - Parameter dictionary: at most 64 KiB.
    init(dictionary bytes: [UInt8]) {
        precondition(bytes.count <= DocumentPacking.dictionaryByteLimit)
        // The stream state points into the dictionary, so this copy lives as long as the states do: until deinit.
        unsafe dictionary = UnsafeMutableBufferPointer.allocate(capacity: max(1, bytes.count))
        _ = unsafe dictionary.initialize(from: bytes)
        unsafe prepared = UnsafeMutablePointer.allocate(capacity: 1)
        unsafe working = UnsafeMutablePointer.allocate(capacity: 1)
        // `prepared` is one whole LZ4_stream_t, allocated with its alignment: what LZ4_initStream asks for.
        _ = unsafe LZ4_initStream(prepared, MemoryLayout<LZ4_stream_t>.size)
        unsafe dictionary.withMemoryRebound(to: CChar.self) {
            // The buffer holds at least `bytes.count` initialised bytes; the precondition keeps the count in Int32.
            _ = unsafe LZ4_loadDict(prepared, $0.baseAddress, Int32(bytes.count))
        }
    }

    deinit {
        // Allocated in init, released nowhere else; all three hold trivial types.
        unsafe dictionary.deallocate()
        unsafe prepared.deallocate()
        unsafe working.deallocate()
    }

    /// `bytes` as one LZ4 block, or `nil` when that is not shorter.
    ///
    /// - Parameter bytes: at most 16 MiB.
    /// - Complexity: O(bytes), and a copy of 16 KiB.
    func compress(_ bytes: [UInt8]) -> ArraySlice<UInt8>? {
        precondition(bytes.count <= CatalogMetadataRow.documentByteLimit)
        guard bytes.count > 1 else { return nil }
        // A capacity below the input's size: LZ4 gives up, returning 0, when the block would not be shorter.
        let capacity = bytes.count - 1
        if output.count < capacity { output = [UInt8](repeating: 0, count: capacity) }
        // Both point to one whole trivial LZ4_stream_t, `prepared` initialised in init; lz4.h names copying a state
        // with a loaded dictionary as a way of using it many times.
        unsafe working.update(from: prepared, count: 1)
        let count = unsafe bytes.withUnsafeBytes { input in
            unsafe output.withUnsafeMutableBytes { output in
                // Reads `bytes.count` bytes of `input`, writes at most `capacity` ≤ output.count; both fit Int32.
                unsafe LZ4_compress_fast_continue(
                    working, input.baseAddress?.assumingMemoryBound(to: CChar.self),
                    output.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count), Int32(capacity), 1)
            }
        }
        return count > 0 ? output[0..<Int(count)] : nil
    }
}

/// The `count` bytes behind an LZ4 block, or `nil` when the block does not give exactly that many.
///
/// - Parameters:
///   - dictionary: at most 64 KiB.
///   - count: at most 16 MiB; more than the block can give allocates nothing.
func lz4Decompress(_ block: ArraySlice<UInt8>, dictionary: [UInt8], count: Int) -> [UInt8]? {
    guard (1...CatalogMetadataRow.documentByteLimit).contains(count), block.count <= count,
        count <= lz4GrowthLimit * block.count, dictionary.count <= DocumentPacking.dictionaryByteLimit
    else { return nil }
    var written: Int32 = -1
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { output, initializedCount in
        written = unsafe block.withUnsafeBytes { input in
            unsafe dictionary.withUnsafeBytes { dictionary in
                // LZ4's safe decoder reads only the given counts, never writes past `count`, and refuses offsets
                // before the dictionary's first byte, whatever the block says; all counts were bounded above.
                unsafe LZ4_decompress_safe_usingDict(
                    input.baseAddress?.assumingMemoryBound(to: CChar.self),
                    UnsafeMutableRawPointer(output.baseAddress)?.assumingMemoryBound(to: CChar.self),
                    Int32(input.count), Int32(count),
                    dictionary.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(dictionary.count))
            }
        }
        // Only a full output is claimed as initialised.
        initializedCount = Int(written) == count ? count : 0
    }
    return bytes.count == count ? bytes : nil
}

/// The most bytes that one byte of a block stands for: 255 more of a match, in its length.
private let lz4GrowthLimit = 255
