import Synchronization
import Testing

@testable import VectorKernels

@Suite struct ConcurrentMapTests {
    struct Refusal: Error, Equatable { let index: Int }

    @Test(arguments: [1, 2, 3, 8, 100]) func `results come in order, each computed once`(threads: Int) {
        for count in [0, 1, 2, 7, 1000] {
            let calls = Atomic(0)
            let results = concurrentMap(count: count, threads: threads) { index in
                calls.wrappingAdd(1, ordering: .relaxed)
                return "\(index * index)"
            }
            #expect(results == (0..<count).map { "\($0 * $0)" })
            #expect(calls.load(ordering: .relaxed) == count)
        }
    }

    @Test(arguments: [1, 2, 4]) func `the error of the smallest index is thrown`(threads: Int) {
        for _ in 0..<20 {
            #expect(throws: Refusal(index: 37)) {
                try concurrentMap(count: 500, threads: threads) { index in
                    if index >= 37 { throw Refusal(index: index) }
                    return index
                }
            }
        }
    }

    @Test(arguments: [1, 2, 4]) func `nothing new is started after an error`(threads: Int) {
        let calls = Atomic(0)
        #expect(throws: Refusal.self) {
            try concurrentMap(count: 1_000_000, threads: threads) { index in
                calls.wrappingAdd(1, ordering: .relaxed)
                throw Refusal(index: index)
            }
        }
        // Each thread may have had one more in hand.
        #expect(calls.load(ordering: .relaxed) <= threads)
    }
}

@Suite struct InstructionSetTests {
    @Test func `the plain kernels are always there and come last`() {
        #expect(InstructionSet.available.last == .scalar)
        #expect(InstructionSet.available.allSatisfy { Kernels($0)?.instructionSet == $0 })
    }

    @Test func `what this processor's architecture never has is refused`() {
        #if arch(x86_64)
            #expect(Kernels(.neon) == nil)
        #elseif arch(arm64)
            #expect(Kernels(.avx2) == nil && Kernels(.avx512) == nil && Kernels(.neon) != nil)
        #endif
    }

    @Test func `the best kernels are among those available`() {
        #expect(InstructionSet.available.contains(Kernels.best.instructionSet))
    }
}
