import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Signals that ask a build to stop, turned into a flag that its progress callback looks at.
///
/// Only a build catches them: it has something to clean up. Other commands are ended by the signal itself.
enum Interrupts {
    /// Whether a signal has arrived since `catchThem()`.
    static var requested: Bool { wasRequested.load(ordering: .relaxed) }

    /// From now on SIGINT, SIGTERM and SIGHUP (a closed terminal) raise the flag and do nothing else. A second one
    /// changes nothing either: the build is already cleaning up, and must be left to finish that.
    static func catchThem() {
        wasRequested.store(false, ordering: .relaxed)  // also initialises the global before a handler can run
        var caught = sigset_t()
        // `caught` outlives these calls, here and below.
        _ = unsafe sigemptyset(&caught)
        for number in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(number) {
            // The handler only stores to an atomic flag, which is safe at any moment.
            _ = signal(number) { _ in wasRequested.store(true, ordering: .relaxed) }
            _ = unsafe sigaddset(&caught, number)
        }
        // A program that starts this one from a worker thread hands on a mask under which no signal would arrive.
        _ = unsafe pthread_sigmask(SIG_UNBLOCK, &caught, nil)
    }

    /// Lets writes to a closed pipe, or beyond a file size limit, fail with an error instead of ending the process:
    /// neither `| head` on standard error nor `ulimit -f` can kill a build that has something to clean up.
    static func ignoreWriteSignals() {
        _ = signal(SIGPIPE, SIG_IGN)
        _ = signal(SIGXFSZ, SIG_IGN)
    }

    /// Whether whoever started the process wants it to survive this signal, as `nohup` does.
    private static func isIgnored(_ number: Int32) -> Bool {
        var current = sigaction()
        // Without a new action, sigaction only reports, into `current`, which outlives the call.
        guard unsafe sigaction(number, nil, &current) == 0 else { return false }
        #if os(Linux)
            let handler = unsafe current.__sigaction_handler.sa_handler
        #else
            let handler = unsafe current.__sigaction_u.__sa_handler
        #endif
        return unsafe unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}

private let wasRequested = Atomic<Bool>(false)
