import CFuzzer

/// A fault behind a magic word, which shows that the harness notices such faults: `Tools/fuzz --self-test`.
final class PlantedFault: FuzzTarget {
    enum Kind { case outOfBoundsRead, trap, unboundedAllocation }

    private let kind: Kind
    /// What was read, so that reading it cannot be left out.
    private(set) var observed = 0

    init(_ kind: Kind) { self.kind = kind }

    func run(_ input: [UInt8]) {
        // Byte by byte, so that each that is right is new coverage: without counters it would not be found.
        guard input.count > 4, input[0] == UInt8(ascii: "v"), input[1] == UInt8(ascii: "d"),
            input[2] == UInt8(ascii: "b"), input[3] == UInt8(ascii: "!")
        else { return }
        let number = Int(input[4])
        switch kind {
        case .outOfBoundsRead: readBehind(input, number)
        case .trap: precondition(number > input.count * 256, "a planted trap")
        case .unboundedAllocation: precondition(allocated(1 << 30) > 0)
        }
    }

    /// Unchecked on purpose, and beyond what rounding an allocation up may have added.
    @inline(never) private func readBehind(_ input: [UInt8], _ number: Int) {
        observed = unsafe input.withUnsafeBufferPointer { Int($0.baseAddress?[$0.count + 20 + number % 4] ?? 0) }
    }

    @inline(never) private func allocated(_ count: Int) -> Int {
        // Of `count` bytes one is written.
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            unsafe buffer[0] = 1
            initialized = 1
        }.count
    }
}
