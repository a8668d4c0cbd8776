import CFuzzer
import Glibc

/// Something that must survive every input.
protocol FuzzTarget: AnyObject {
    /// Feeds it one input. What it throws is an answer like any other; a trap, a report of the sanitizer or too much
    /// memory is what is looked for.
    func run(_ input: [UInt8]) throws
    /// A changed input of at most `limit` bytes, where libFuzzer's own mutations would seldom get far.
    func mutated(_ input: [UInt8], limit: Int, random: inout SplitMix) -> [UInt8]
}

extension FuzzTarget {
    func mutated(_ input: [UInt8], limit: Int, random: inout SplitMix) -> [UInt8] {
        libFuzzerMutation(of: input, limit: limit)
    }
}

/// The target that the environment names in `FUZZ_TARGET`. One process fuzzes one target, on one thread.
nonisolated(unsafe) private var target: (any FuzzTarget)?

/// Makes the target ready; called by `main` before anything else.
///
/// - Returns: the exit status: 0, or 2 when there is no such target.
@_cdecl("fuzz_prepare") public func prepare() -> Int32 {
    // The string is copied at once.
    let name = unsafe getenv("FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
    do {
        guard let make = fuzzTargets[name] else {
            print("FUZZ_TARGET is '\(name)'; it must be one of \(fuzzTargets.keys.sorted().joined(separator: ", "))")
            return 2
        }
        unsafe target = try make()
        return 0
    } catch {
        print("the target '\(name)' cannot be made ready: \(error)")
        return 1
    }
}

/// Runs the target on libFuzzer's `size` bytes at `data`.
@_cdecl("fuzz_run") public func run(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    // libFuzzer lends `size` bytes for the time of the call; they are copied.
    let input = unsafe [UInt8](UnsafeBufferPointer(start: data, count: size))
    do {
        try unsafe target?.run(input)
    } catch {
        // Making a message of what was found must not trap either.
        precondition(!"\(error)".isEmpty)
    }
    return 0
}

/// Changes libFuzzer's `size` bytes at `data` in place, to at most `limit`; returns how many there are now.
@_cdecl("fuzz_mutate") public func mutate(
    _ data: UnsafeMutablePointer<UInt8>?, _ size: Int, _ limit: Int, _ seed: UInt32
) -> Int {
    guard let data = unsafe data, let target = unsafe target else { return 0 }
    var random = SplitMix(seed: UInt64(seed))
    // libFuzzer lends `limit` bytes, of which `size` are set.
    let input = unsafe [UInt8](UnsafeBufferPointer(start: data, count: size))
    let changed = target.mutated(input, limit: limit, random: &random).prefix(limit)
    for (index, byte) in changed.enumerated() { unsafe data[index] = byte }
    return changed.count
}

/// What libFuzzer itself would make of an input.
func libFuzzerMutation(of input: [UInt8], limit: Int) -> [UInt8] {
    let capacity = max(limit, input.count)
    var bytes = input + [UInt8](repeating: 0, count: capacity - input.count)
    let count = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
        // The buffer holds `capacity` bytes, as the call is told.
        unsafe LLVMFuzzerMutate(buffer.baseAddress, input.count, capacity)
    }
    return Array(bytes.prefix(count))
}

/// A small generator with a seed, so that a run can be repeated.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Whether something that happens once in `times` happens now.
    mutating func oneIn(_ times: UInt64) -> Bool { next() % times == 0 }
}
