import Foundation

/// Standard output, collected into large writes.
struct StandardOutput {
    /// Whoever read the output has closed it, as `head` does when it has seen enough.
    struct ReaderHasGone: Error {}

    /// The output could not be written, for example to a full disk.
    struct WriteFailed: Error, CustomStringConvertible {
        let description: String
    }

    private var pending: [UInt8] = []
    private static let flushedByteCount = 64 << 10

    mutating func write(_ text: String) throws {
        try write(text.utf8)
    }

    mutating func write(_ bytes: some Sequence<UInt8>) throws {
        pending.append(contentsOf: bytes)
        if pending.count >= Self.flushedByteCount { try flush() }
    }

    mutating func writeLine(_ text: String) throws {
        try write(text)
        try write("\n")
    }

    /// Hands over what is pending. Must be called at the end.
    mutating func flush() throws {
        guard !pending.isEmpty else { return }
        defer { pending.removeAll(keepingCapacity: true) }
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(pending))
        } catch {
            if errorNumber(of: error) == EPIPE { throw ReaderHasGone() }
            throw WriteFailed(description: "standard output could not be written: \(reason(error))")
        }
    }

    /// Writes a whole text at once.
    static func print(_ text: String) throws {
        var output = StandardOutput()
        try output.writeLine(text)
        try output.flush()
    }

    /// Writes what a command has to say of something that is done, and stays so if that cannot be written.
    ///
    /// - Parameter done: what is done, for the message of the failure; `nil`: nothing.
    static func print(_ text: String, whenDone done: String?) throws {
        do {
            try print(text)
        } catch let error as WriteFailed {
            guard let done else { throw error }
            throw WriteFailed(description: "\(done); only this could not be told: \(error.description)")
        }
    }
}

/// Standard error, where progress and messages go, as people can read them. A failure to write there is of no consequence.
enum StandardError {
    /// Moves the cursor and the like: for sequences of our own, and nothing that was read anywhere.
    static func control(_ sequence: String) {
        try? FileHandle.standardError.write(contentsOf: Data(sequence.utf8))
    }

    /// Several lines.
    static func writeLines(_ text: String) {
        control(printableLines(text))
    }

    static func note(_ message: String) {
        control("vecdb: \(printable(message))\n")
    }

    static func report(_ message: String) {
        control("vecdb: error: \(printable(message))\n")
    }
}

/// What the operating system said, behind Foundation's wrapping; 0 when it said nothing.
func errorNumber(of error: any Error) -> Int32 {
    if let error = error as? POSIXError { return Int32(error.code.rawValue) }
    let error = error as NSError
    if error.domain == NSPOSIXErrorDomain { return Int32(error.code) }
    guard let underlying = error.userInfo[NSUnderlyingErrorKey] as? any Error else { return 0 }
    return errorNumber(of: underlying)
}

/// The reason of a failed file operation in a few words.
func reason(_ error: any Error) -> String {
    let number = errorNumber(of: error)
    guard number != 0 else { return (error as NSError).localizedDescription }
    return NSError(domain: NSPOSIXErrorDomain, code: Int(number)).localizedDescription
        .replacing("The operation could not be completed. ", with: "")
}
