import CSystemCalls

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension File {
    /// Opens what a path leads to for reading, links followed.
    ///
    /// Waits for nobody: a pipe that no program writes to is opened too, and whoever reads it waits for that program.
    public convenience init(reading path: String) throws(SystemError) {
        self.init(descriptor: try openDescriptor(path, O_RDONLY | O_NONBLOCK, path: path), path: path)
    }

    /// Creates a file without a name in a directory, to be read and written: no kill can leave what is put into it behind.
    ///
    /// - Parameter directory: its path; nobody need be allowed to list it.
    public convenience init(unnamedIn directory: String) throws(SystemError) {
        let name = ".vecdb-input-\(String(UInt64.random(in: 0...UInt64.max), radix: 16))"
        try self.init(unnamedIn: directory, of: AT_FDCWD, path: directory, name: name)
    }

    /// - Parameters:
    ///   - directory: looked up in the one behind `base`.
    ///   - path: for errors.
    ///   - name: what the file is called for a moment where the file system makes none without.
    convenience init(unnamedIn directory: String, of base: Int32, path: String, name: String) throws(SystemError) {
        try checkName(directory, "create", path: path)
        // Proof: the string lives for the call.
        let unnamed = retrying { unsafe Int(vecdb_open_unnamed(base, directory)) }
        if unnamed >= 0 {
            self.init(descriptor: try beyondStandardStreams(Int32(unnamed), path), path: path)
            return
        }
        let place = directory + "/" + name
        let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW
        self.init(
            descriptor: try openDescriptor(place, in: base, flags, mode: 0o600, "create", path: path), path: path)
        guard unsafe unlinkat(base, place, 0) == 0 else { throw .last("remove", path) }
    }

    /// What is read on standard input. Closing it closes no more than this way to it.
    public static func standardInput() throws(SystemError) -> File {
        let path = "standard input"
        let descriptor = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
        guard descriptor >= 0 else { throw .last("read", path) }
        return File(descriptor: descriptor, path: path)
    }

    /// Waits for what comes next through a pipe, or from a terminal; at most a tenth of a second.
    ///
    /// - Returns: how many bytes came, 0 at the end, `nil` where nothing has come so far.
    public func readNext(into bytes: inout MutableSpan<UInt8>) throws(SystemError) -> Int? {
        var events = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        // Proof: `events` outlives the call and is the one entry announced.
        let ready = unsafe poll(&events, 1, 100)
        // EINTR is unreached: a signal would have to come while it waits.
        if ready == 0 || (ready < 0 && errno == EINTR) { return nil }
        let descriptor = descriptor
        // Proof: the pointer is used for the length of the call.
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe readNextBytes(descriptor, into: $0) }
        if count >= 0 { return count }
        // unreached: poll said that there is something to read, or that the last writer has gone
        if errno == EAGAIN { return nil }
        throw .last("read", path)
    }
}
