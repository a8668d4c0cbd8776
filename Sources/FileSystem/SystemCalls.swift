#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Repeats a call that a signal interrupted; −1 is failure.
func retrying(_ call: () -> Int) -> Int {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}

/// Refuses what can be the name of no file: the C library would take what stands in front of a NUL byte for it.
func checkName(_ name: String, _ operation: String, path: @autoclosure () -> String) throws(SystemError) {
    guard !name.utf8.contains(0) else { throw SystemError(code: ENOENT, operation: operation, path: path()) }
}

/// Opens what `name` is in the directory behind `base`, to be closed when another program is started.
///
/// - Parameters:
///   - operation, path: for the error.
///   - mode: of a file that is made.
/// - Returns: a descriptor that the caller closes.
func openDescriptor(
    _ name: String, in base: Int32 = AT_FDCWD, _ flags: Int32, mode: mode_t = 0, _ operation: String = "open",
    path: String
) throws(SystemError) -> Int32 {
    try checkName(name, operation, path: path)
    while true {
        let descriptor = retrying { unsafe Int(openat(base, name, flags | O_CLOEXEC, mode)) }
        if descriptor >= 0 { return try beyondStandardStreams(Int32(descriptor), path) }
        // unreached: a program holds a lease of the file, which the system has it give back
        guard errno == EAGAIN else { throw .last(operation, path) }
        _ = poll(nil, 0, 10)
    }
}

/// As `read`: what comes next, at most as much as there is room for.
func readNextBytes(_ descriptor: Int32, into bytes: UnsafeMutableRawBufferPointer) -> Int {
    // Proof: no more is read than fits.
    retrying { unsafe read(descriptor, bytes.baseAddress, bytes.count) }
}

/// The same open file under a number above those of the standard streams: where a program was started with one of them
/// closed, what it prints would otherwise go into a file of ours. Closes `descriptor` where it is replaced.
func beyondStandardStreams(
    _ descriptor: Int32, _ path: String, last: Int32 = STDERR_FILENO
) throws(SystemError) -> Int32 {
    guard descriptor <= last else { return descriptor }
    defer { close(descriptor) }
    let other = fcntl(descriptor, F_DUPFD_CLOEXEC, last + 1)
    guard other >= 0 else { throw .last("open", path) }
    return other
}
