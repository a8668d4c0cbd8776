#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What paths lead to, as links and the working directory have it at that moment.
public enum Path {
    /// What is at the end of a path, links followed; `nil` where there is nothing.
    ///
    /// - Throws: where that cannot be known; `isLinkLoop` for links in a circle.
    public static func status(of path: String) throws(SystemError) -> File.Status? {
        guard !path.utf8.contains(0) else { return nil }
        var status = stat()
        if unsafe stat(path, &status) == 0 { return File.Status(status) }
        let error = SystemError.last("examine", path)
        if error.isNotFound { return nil }
        throw error
    }

    /// The absolute path of the same file without links, `.` and `..`.
    public static func resolved(_ path: String) throws(SystemError) -> String {
        try checkName(path, "resolve", path: path)
        // Proof: realpath allocates a terminated string, which is copied and freed here.
        guard let resolved = unsafe realpath(path, nil) else { throw .last("resolve", path) }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    /// What a link says that it leads to; `nil` for everything that is no link.
    public static func linkTarget(_ path: String) -> [UInt8]? {
        guard !path.utf8.contains(0) else { return nil }
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        // Proof: readlink writes no more than the count that is passed, which is the array's.
        let count = unsafe readlink(path, &target, target.count)
        return count < 0 ? nil : target[..<count].map { UInt8(bitPattern: $0) }
    }

    /// Where temporary files go: what the environment says, or `/tmp`.
    public static func temporaryDirectory(variable: String = "TMPDIR") -> String {
        // Proof: the environment's string is terminated, and copied at once.
        if let value = unsafe getenv(variable), unsafe value.pointee != 0 { return unsafe String(cString: value) }
        return "/tmp"
    }
}
