import FileSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The operating system's text for an error number.
func systemMessage(_ number: Int32) -> String {
    // strerror returns a string that lives until the next call; it is copied at once.
    // unreached: the C library has a text for every number
    guard let text = unsafe strerror(number) else { return "error \(number)" }
    return unsafe String(cString: text)
}

/// Opens `path` to be read, and closed when another program is started.
///
/// Waits for nobody: a pipe that no program writes to is opened too, and whoever reads it waits for that program.
func openForReading(_ path: String) throws(InputError) -> Int32 {
    guard !path.utf8.contains(0) else {
        throw InputError(.notFound, file: path, "does not exist: a path cannot hold a NUL byte")
    }
    while true {
        // Without O_CREAT, open takes no further argument.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if descriptor >= 0 { return descriptor }
        switch errno {
        // unreached: only slow devices are interrupted while they are opened
        case EINTR: continue
        // unreached: a program holds a lease of the file, which the system has it give back
        case EAGAIN: _ = poll(nil, 0, 10)
        case ENOENT, ENOTDIR, ELOOP: throw InputError(.notFound, file: path, reasonForAbsence(path))
        case let number:
            throw InputError(.notReadable, file: path, "could not be opened: \(systemMessage(number))")
        }
    }
}

func closeDescriptor(_ descriptor: Int32) {
    _ = close(descriptor)  // nothing was written, so there is nothing to lose
}

func fileStatus(of descriptor: Int32, name: String) throws(InputError) -> stat {
    var status = stat()
    // `status` outlives the call.
    guard unsafe fstat(descriptor, &status) == 0 else {
        throw InputError(.notReadable, file: name, "could not be examined: \(systemMessage(errno))")
    }
    return status
}

/// `path` without links, `.` and `..`.
func resolvedPath(_ path: String) throws(InputError) -> String {
    guard !path.utf8.contains(0) else {
        throw InputError(.notFound, file: path, "does not exist: a path cannot hold a NUL byte")
    }
    // realpath allocates its answer; it is copied and freed here.
    guard let resolved = unsafe realpath(path, nil) else {
        switch errno {
        case ENOENT, ENOTDIR, ELOOP: throw InputError(.notFound, file: path, reasonForAbsence(path))
        case let number: throw InputError(.notReadable, file: path, "cannot be resolved: \(systemMessage(number))")
        }
    }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
}

/// Why there is no file at `path`, for messages: nothing, or a link that leads nowhere or in a circle.
func reasonForAbsence(_ path: String, _ advice: String = "check the path") -> String {
    guard !path.utf8.contains(0) else { return "does not exist: a path cannot hold a NUL byte" }
    var status = stat()
    // `status` outlives the call.
    if unsafe stat(path, &status) != 0, errno == ELOOP {
        return "is a link that leads back to itself, or leads through one; mend the link, or name another file"
    }
    var target = [CChar](repeating: 0, count: 4096)
    // readlink writes no more than the count that is passed, which is the array's; path and array live for the call.
    let count = unsafe readlink(path, &target, 4096)
    guard count >= 0 else { return "does not exist; \(advice)" }
    let bytes = target[..<count].map { UInt8(bitPattern: $0) }
    return "is a link to \(quoted(bytes, limit: 200)), where there is nothing; mend the link, or name another file"
}

/// What a path leads to.
enum FileKind {
    case nothing
    case regular
    case directory
    case other
}

func fileKind(_ path: String) -> FileKind {
    guard !path.utf8.contains(0) else { return .nothing }
    var status = stat()
    // `status` outlives the call.
    guard unsafe stat(path, &status) == 0 else { return .nothing }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .regular
    case S_IFDIR: return .directory
    default: return .other
    }
}

/// What the environment says, or `/tmp`.
func defaultSpoolDirectory(variable: String = "TMPDIR") -> String {
    // The environment string is copied at once.
    if let value = unsafe getenv(variable), unsafe value.pointee != 0 { return unsafe String(cString: value) }
    return "/tmp"
}

/// Creates a file in `directory` that has no name: no kill can leave what is put into it behind.
///
/// - Parameter name: of what is to be kept in it, for errors.
/// - Returns: its descriptor, which the caller closes.
/// - Throws: `spoolFailed`.
func unnamedFile(in directory: String, name: String) throws(InputError) -> Int32 {
    var file = openUnnamedFile(inDirectory: directory)
    if file < 0 {
        // A file system that makes none without a name.
        let path = "\(directory)/.vecdb-input-\(String(UInt64.random(in: .min ... .max), radix: 16))"
        // With O_CREAT, the one further argument is the mode.
        file = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        // The path lives for the call.
        if file >= 0 { _ = unsafe unlink(path) }
    }
    guard file >= 0 else { throw spoolFailed(name, directory, "name another directory") }
    guard file <= STDERR_FILENO else { return file }
    // Where the program was started without its standard streams, what it prints must not go into this file.
    defer { closeDescriptor(file) }
    let other = fcntl(file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
    guard other >= 0 else { throw spoolFailed(name, directory, "close some files") }
    return other
}

private func spoolFailed(_ name: String, _ directory: String, _ remedy: String) -> InputError {
    InputError(
        .spoolFailed, file: name,
        "cannot be kept in a temporary file in \(directory): \(systemMessage(errno)); \(remedy)")
}

/// Writes all of `bytes` to `file`.
///
/// - Throws: `spoolFailed`.
func append<Bytes: Collection<UInt8>>(
    _ bytes: Bytes, to file: Int32, name: String, directory: String
) throws(InputError) {
    let bytes = Array(bytes)
    var written = 0
    while written < bytes.count {
        let from = written
        // from..<bytes.count lies inside the array.
        let part = unsafe bytes.withUnsafeBytes { bytes in
            unsafe write(file, bytes.baseAddress.map { unsafe $0 + from }, bytes.count - from)
        }
        if part < 0 {
            // unreached: the kernel interrupts no write to a regular file
            if errno == EINTR { continue }
            throw spoolFailed(name, directory, "free space there or name another directory")
        }
        written += part
    }
}

/// Copies everything from `source` to a new temporary file in `directory` that has no name.
///
/// - Returns: its descriptor, which the caller closes.
/// - Throws: `spoolFailed` when the file cannot be made or written, `notReadable` when `source` fails, `cancelled`.
func spoolToTemporaryFile(
    _ source: Int32, name: String, directory: String, isCancelled: () -> Bool
) throws(InputError) -> Int32 {
    let spool = try unnamedFile(in: directory, name: name)
    do throws(InputError) {
        try copy(source, to: spool, name: name, directory: directory, isCancelled: isCancelled)
        return spool
    } catch {
        closeDescriptor(spool)
        throw error
    }
}

private func copy(
    _ source: Int32, to spool: Int32, name: String, directory: String, isCancelled: () -> Bool
) throws(InputError) {
    var chunk = [UInt8](repeating: 0, count: 256 << 10)
    while true {
        // Waits in slices, so that a pipe can be left that is silent, or that no program has opened to write.
        var events = pollfd(fd: source, events: Int16(POLLIN), revents: 0)
        // `events` outlives the call and is the one entry announced.
        let ready = unsafe poll(&events, 1, 100)
        if isCancelled() { throw InputError(.cancelled, file: name, "stopped while it was being read") }
        // EINTR is unreached: a signal would have to come while it waits.
        if ready == 0 || (ready < 0 && errno == EINTR) { continue }

        // The array's storage is as long as the count that is passed.
        let count = unsafe chunk.withUnsafeMutableBytes { bytes in
            unsafe read(source, bytes.baseAddress, bytes.count)
        }
        if count < 0 {
            // unreached: poll said that there is something to read, or that the last writer has gone
            if errno == EINTR || errno == EAGAIN { continue }
            throw InputError(.notReadable, file: name, "could not be read: \(systemMessage(errno))")
        }
        if count == 0 { return }
        try append(chunk[..<count], to: spool, name: name, directory: directory)
    }
}
