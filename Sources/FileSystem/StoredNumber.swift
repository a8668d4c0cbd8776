/// A number whose memory is its value and nothing else: there is no padding in it, and every pattern of bits is a value.
public protocol StoredNumber: BitwiseCopyable {}

extension UInt8: StoredNumber {}
extension UInt16: StoredNumber {}
extension UInt32: StoredNumber {}
extension UInt64: StoredNumber {}
extension Float: StoredNumber {}

extension MutableSpan where Element: StoredNumber {
    /// The numbers as bytes, in the machine's order.
    public func withBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        // Proof: numbers without padding, for the length of the call.
        unsafe span.withUnsafeBufferPointer { numbers in
            unsafe body(Span(_unsafeBytes: UnsafeRawBufferPointer(numbers)))
        }
    }
}

extension Array where Element: StoredNumber {
    /// The numbers as they lie in memory.
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Proof: numbers without padding, for the length of the call. Not `span.bytes`: under optimisation (6.3.1) the stores
        // into a literal array do not count as used by it.
        let outcome = unsafe withUnsafeBytes { bytes in
            Swift.Result { () throws(Failure) in unsafe try body(RawSpan(_unsafeBytes: bytes)) }
        }
        return try outcome.get()
    }
}

extension File {
    /// As ``read(into:at:)`` for raw bytes, into numbers in the machine's order.
    ///
    /// - Returns: the bytes read.
    public func read<Number: StoredNumber>(
        into numbers: inout MutableSpan<Number>, at offset: Int
    ) throws(SystemError) -> Int {
        // Proof: no padding, and any bits are a value.
        var bytes = unsafe numbers.mutableBytes
        return try read(into: &bytes, at: offset)
    }

    /// Writes all of the numbers at `offset`, in the machine's order.
    public func write<Number: StoredNumber>(_ numbers: Span<Number>, at offset: Int) throws(SystemError) {
        // Proof: no padding.
        try write(unsafe numbers.bytes, at: offset)
    }
}
