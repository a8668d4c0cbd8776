import FileSystem

/// A temporary file without a name, filled from its front to its end: what can be read only once is kept in it.
struct Spool {
    let file: File
    /// What is kept, for errors.
    private let name: String
    private let directory: String
    private var byteCount = 0

    /// - Parameter directory: `nil`: what the environment says.
    /// - Throws: `spoolFailed`.
    init(for name: String, in directory: String?) throws(InputError) {
        let directory = directory ?? Path.temporaryDirectory()
        do throws(SystemError) { file = try File(unnamedIn: directory) } catch {
            let remedy = error.isForWantOfDescriptors ? "close some files" : "name another directory"
            throw Self.failure(name, directory, error, remedy)
        }
        self.name = name
        self.directory = directory
    }

    /// - Throws: `spoolFailed`.
    mutating func append(_ bytes: Span<UInt8>) throws(InputError) {
        do throws(SystemError) { try file.write(bytes, at: byteCount) } catch {
            throw Self.failure(name, directory, error, "free space there or name another directory")
        }
        byteCount += bytes.count
    }

    /// Appends what comes from `source`.
    ///
    /// - Parameter limit: no more is read when the file has grown to so many bytes, or a little more.
    /// - Returns: whether `source` came to its end.
    /// - Throws: `spoolFailed` when the file cannot be written, `notReadable` when `source` fails, `cancelled`.
    mutating func append(
        contentsOf source: File, upTo limit: Int? = nil, isCancelled: () -> Bool
    ) throws(InputError) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        while limit.map({ byteCount < $0 }) ?? true {
            // Asked between waits, so that a pipe can be left that is silent, or that no program has opened to write.
            if isCancelled() { throw InputError(.cancelled, file: name, "stopped while it was being read") }
            var room = chunk.mutableSpan
            let count: Int?
            do throws(SystemError) { count = try source.readNext(into: &room) } catch {
                throw InputError(error, file: name, "could not be read")
            }
            guard let count else { continue }
            if count == 0 { return true }
            try append(chunk.span.extracting(first: count))
        }
        return false
    }

    private static func failure(
        _ name: String, _ directory: String, _ error: SystemError, _ remedy: String
    ) -> InputError {
        InputError(
            .spoolFailed, file: name,
            "cannot be kept in a temporary file in \(directory): \(error.reason); \(remedy)")
    }
}
