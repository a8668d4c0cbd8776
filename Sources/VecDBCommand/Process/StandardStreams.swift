#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Descriptors 0 to 2 as the process got them.
enum StandardStreams {
    /// Puts `/dev/null` where a standard stream is closed: a file that is opened later would get its number, and what is
    /// printed would go into that file.
    ///
    /// Each is opened the wrong way round, so that reading from it or writing to it fails as it does on a closed one. To be
    /// called before anything else is opened.
    static func fillClosed() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
            guard fcntl(descriptor, F_GETFD) < 0 else { continue }
            // The lowest free number is this one, since those below it are open. Without O_CREAT, open takes no further argument.
            guard unsafe open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) == descriptor else {
                // Without the stream nothing can be said, and nothing may be opened.
                _exit(EXIT_FAILURE)
            }
        }
    }
}
