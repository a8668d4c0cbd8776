#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A temporary file without a name: gone when it is closed, whatever happens to the process.
public final class ScratchFile: Sendable {
    private static let namePrefix = ".scratch-"

    private let file: File

    /// - Parameter directory: where the bytes go; a place with as much room as what will be written.
    public init(in directory: Directory) throws(SystemError) {
        file = try directory.createUnnamed(Self.namePrefix + "\(UInt64.random(in: 0...UInt64.max))")
    }

    /// Whether a file of this name is one that a loss of power left: some file systems make none without a name.
    public static func isName(_ name: String) -> Bool {
        guard name.utf8.starts(with: namePrefix.utf8), let number = UInt64(name.dropFirst(namePrefix.utf8.count)) else {
            return false
        }
        return name.utf8.elementsEqual((namePrefix + "\(number)").utf8)
    }

    public func write<Number: StoredNumber>(_ numbers: Span<Number>, at offset: Int) throws(SystemError) {
        try file.write(numbers, at: offset)
    }

    /// Fills `numbers`, which must have been written.
    public func read<Number: StoredNumber>(
        into numbers: inout MutableSpan<Number>, at offset: Int
    ) throws(SystemError) {
        let wanted = numbers.count * MemoryLayout<Number>.stride
        guard try file.read(into: &numbers, at: offset) == wanted else {
            throw SystemError(code: EIO, operation: "read back", path: file.path)
        }
    }
}
