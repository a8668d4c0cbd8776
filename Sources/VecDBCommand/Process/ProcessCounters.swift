import Foundation

/// What the operating system has counted for this process; zeros where it does not tell.
struct ProcessCounters {
    /// Bytes that were read from a disk, not from the page cache.
    let readBytes: Int
    /// Page faults that had to wait for a disk.
    let majorFaults: Int

    static var now: ProcessCounters {
        // Behind the name in parentheses: state is the first field, major faults the tenth.
        let fields = text(of: "/proc/self/stat").split(separator: ")").last?.split(separator: " ") ?? []
        return ProcessCounters(
            readBytes: value(of: "read_bytes:", in: "/proc/self/io"),
            majorFaults: fields.count > 9 ? Int(fields[9]) ?? 0 : 0)
    }

    /// Memory of this process that is in RAM, mapped files included.
    static var residentBytes: Int { 1024 * value(of: "VmRSS:", in: "/proc/self/status") }

    /// Memory that this process uses: what is resident of it, less the pages of files that are mapped, which the system takes
    /// back when it needs them. `nil` where `/proc` does not tell.
    static var usedBytes: Int? {
        let fields = text(of: "/proc/self/statm").split(separator: " ")
        guard fields.count > 2, let resident = Int(fields[1]), let shared = Int(fields[2]) else { return nil }
        return max(0, resident - shared) * sysconf(Int32(_SC_PAGESIZE))
    }

    private static func value(of key: String, in file: String) -> Int {
        for line in text(of: file).split(separator: "\n") where line.hasPrefix(key) {
            return Int(line.dropFirst(key.count).filter(\.isNumber)) ?? 0
        }
        return 0
    }

    private static func text(of file: String) -> String {
        String(decoding: FileManager.default.contents(atPath: file) ?? Data(), as: UTF8.self)
    }
}

/// The most memory that this process was seen to use (``ProcessCounters/usedBytes``).
///
/// Sampled, since the system keeps a peak only of all that is resident, mapped files included: what was used between two
/// samples alone is missed.
struct PeakMemory {
    /// `nil` where the system does not tell.
    private(set) var bytes = ProcessCounters.usedBytes

    mutating func sample() {
        if let used = ProcessCounters.usedBytes { bytes = max(bytes ?? 0, used) }
    }
}
