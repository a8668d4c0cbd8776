import CVectorKernels
import Foundation

/// The instruction sets that kernels exist for. All of them give the same bits.
public enum InstructionSet: String, CaseIterable, Sendable {
    case avx512, avx2, neon, scalar

    /// Those that this CPU has, fastest first; `scalar` is always the last.
    public static let available = allCases.filter { Kernels($0) != nil }

    var code: vk_instruction_set {
        switch self {
        case .scalar: VK_SCALAR
        case .neon: VK_NEON
        case .avx2: VK_AVX2
        case .avx512: VK_AVX512
        }
    }
}

/// The leaf functions for one instruction set: spans in, values out.
///
/// Lengths that do not fit each other are the caller's mistake and trap; every method is one call into C that does the
/// whole loop. `Formats/numerics.md` defines the results.
@safe public struct Kernels: Sendable {
    /// A constant table of functions, so sharing it between threads is harmless.
    nonisolated(unsafe) let table: UnsafePointer<vk_kernels>
    public let instructionSet: InstructionSet

    /// - Returns: `nil` when this CPU lacks the instruction set.
    public init?(_ instructionSet: InstructionSet) {
        guard let table = unsafe vk_kernels_for(instructionSet.code) else { return nil }
        unsafe self.table = table
        self.instructionSet = instructionSet
    }

    /// The fastest there are, or those that the environment variable `VECDB_INSTRUCTION_SET` names if this CPU has them.
    public static let best: Kernels = {
        let wanted = ProcessInfo.processInfo.environment["VECDB_INSTRUCTION_SET"]
        if let set = wanted.flatMap(InstructionSet.init), let kernels = Kernels(set) { return kernels }
        for set in InstructionSet.allCases {
            if let kernels = Kernels(set) { return kernels }
        }
        preconditionFailure("the scalar kernels run everywhere")
    }()
}
