import CSeededFaults
import Dispatch
import Foundation
import Synchronization

/// What makes one fault, by the name that the command line takes.
let faults: [String: () -> Int] = [
    "none": { reads(15) { $0[$1] } + countsUnderALock() },
    "out-of-bounds": { reads(16) { $0[$1] } },
    "out-of-bounds-in-c": { reads(16) { seeded_byte($0, $1) } },
    "use-after-free": readsWhatWasFreed,
    "leak": forgetsObjects,
    "data-race": countsOnTwoThreads,
    "signed-overflow-in-c": { Int(seeded_sum(Int32.max, Int32(CommandLine.arguments.count))) },
]

/// Optimisation must not see what a function gets, or it might leave the fault out.
@inline(never) @_optimize(none)
func hidden<Value>(_ value: Value) -> Value { value }

/// Reads one of 16 bytes, which has a number above 15 where there is to be a fault.
func reads(_ index: Int, by read: (UnsafeMutablePointer<UInt8>, Int) -> UInt8) -> Int {
    let bytes = sixteenBytes()
    defer { bytes.deallocate() }
    return Int(read(hidden(bytes), hidden(index)))
}

func sixteenBytes() -> UnsafeMutablePointer<UInt8> {
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: hidden(16))
    bytes.initialize(repeating: 1, count: hidden(16))
    return bytes
}

func readsWhatWasFreed() -> Int {
    let bytes = sixteenBytes()
    let dangling = hidden(bytes)
    bytes.deallocate()
    return Int(dangling[hidden(3)])
}

final class Link {
    var next: Link?
}

/// Makes rings of two objects that hold each other; of the last one the stack may still know.
func forgetsObjects() -> Int {
    for _ in 0..<100 {
        let (first, second) = (hidden(Link()), hidden(Link()))
        (first.next, second.next) = (second, first)
    }
    return 100
}

nonisolated(unsafe) var counter = 0

func count() {
    for _ in 0..<1_000 { counter = hidden(counter) + 1 }
}

func countsOnTwoThreads() -> Int {
    let isDone = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
        count()
        isDone.signal()
    }
    count()
    isDone.wait()
    return counter
}

/// Threads that take turns, and wait for each other: not a fault.
func countsUnderALock() -> Int {
    let total = Mutex([0])
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
        for _ in 0..<20_000 { total.withLock { $0[0] += 1 } }
    }
    return total.withLock { $0[0] }
}

guard CommandLine.arguments.count == 2, let fault = faults[CommandLine.arguments[1]] else {
    print(faults.keys.sorted().joined(separator: "\n"))
    exit(2)
}
print("result \(fault())")
