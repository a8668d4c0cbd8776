import CFuzzer
import Glibc

/// A fault behind a magic word, which shows that the harness notices such faults: `Tools/fuzz --self-test`.
public final class PlantedFault {
    public enum Kind { case outOfBoundsRead, readBehindSection, trap, unboundedAllocation }

    private let kind: Kind
    /// What was read, so that reading it cannot be left out.
    public private(set) var observed = 0

    public init(_ kind: Kind) { self.kind = kind }

    public func run(_ input: [UInt8]) {
        // Byte by byte, so that each that is right is new coverage: without counters it would not be found.
        guard input.count > 4, input[0] == UInt8(ascii: "v"), input[1] == UInt8(ascii: "d"),
            input[2] == UInt8(ascii: "b"), input[3] == UInt8(ascii: "!")
        else { return }
        let number = Int(input[4])
        switch kind {
        case .outOfBoundsRead: readBehind(number)
        case .readBehindSection: readBehindSection(number)
        case .trap: precondition(number > input.count * 256, "a planted trap")
        case .unboundedAllocation: precondition(allocated(1 << 30) > 0)
        }
    }

    /// Unchecked on purpose.
    @inline(never) private func readBehind(_ number: Int) {
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 16)
        unsafe buffer.initialize(repeating: 1)
        // 16 bytes are there; the next ones are not.
        observed = unsafe buffer.baseAddress.map { unsafe Int($0[16 + number % 4]) } ?? 0
        unsafe buffer.deallocate()
    }

    /// In mapped memory, which the sanitizer knows nothing of but what a fence says.
    @inline(never) private func readBehindSection(_ number: Int) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        guard let page = unsafe mmap(nil, 4096, PROT_READ | PROT_WRITE, flags, -1, 0), unsafe page != MAP_FAILED else {
            return
        }
        unsafe __asan_poison_memory_region(page + 100, 3996)
        // The page is there as a whole; its first 100 bytes may be read.
        observed = unsafe Int(page.load(fromByteOffset: 104 + number % 4, as: UInt8.self))
        unsafe munmap(page, 4096)
    }

    @inline(never) private func allocated(_ count: Int) -> Int {
        // Of `count` bytes one is written.
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            unsafe buffer[0] = 1
            initialized = 1
        }.count
    }
}
