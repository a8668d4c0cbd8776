#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The operating system refused something.
public struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    /// `errno`.
    public let code: Int32
    /// What was attempted: `open`, `fsync` …
    public let operation: String
    public let path: String
    /// The byte of the file that could not be read or written.
    public let offset: Int?

    public init(code: Int32, operation: String, path: String, offset: Int? = nil) {
        self.code = code
        self.operation = operation
        self.path = path
        self.offset = offset
    }

    /// The error of the call that just failed.
    static func last(_ operation: String, _ path: String, offset: Int? = nil) -> SystemError {
        SystemError(code: errno, operation: operation, path: path, offset: offset)
    }

    public var isNotFound: Bool { code == ENOENT || code == ENOTDIR }
    /// Whether links led in a circle, or one stood where none is followed.
    public var isLinkLoop: Bool { code == ELOOP }
    public var alreadyExists: Bool { code == EEXIST || code == ENOTEMPTY }

    /// Whether there were too many open files.
    public var isForWantOfDescriptors: Bool { code == EMFILE || code == ENFILE }

    /// The system's text for the code.
    public var reason: String {
        // Proof: strerror returns a terminated string that lives at least until the next call on this thread.
        unsafe String(cString: strerror(code))
    }

    public var description: String { "\(path): \(problem)" }

    /// What was refused, why, and what to do.
    public var problem: String {
        "cannot \(operation): \(reason)\(remedy.map { "; " + $0 } ?? "")"
    }

    private var remedy: String? {
        switch code {
        case ENOSPC, EDQUOT: "make room on the disk and try again; nothing was changed"
        case EROFS: "the medium is read-only; choose another place"
        case EACCES, EPERM: "check the permissions of the file and its directories"
        case EMFILE, ENFILE: "too many open files; raise the limit (ulimit -n) or close some"
        case ELOOP: "a symbolic link stands where a file should be; put the file itself there"
        case EIO: "the disk reports an error; check it before trusting what it holds"
        case EFBIG: "the file would be larger than the limit (ulimit -f) allows"
        default: nil
        }
    }
}

/// The codes of files that could not even be opened, for want of descriptors or permission: nothing is known of them then.
package let unopenedCodes = [EMFILE, ENFILE, EACCES]
