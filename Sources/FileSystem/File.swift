#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An open file. Reads and writes carry their offset, so several threads may share it.
public final class File: Sendable {
    public let path: String
    let descriptor: Int32

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    /// What identifies a file and tells whether it has changed.
    public struct Status: Sendable, Hashable {
        public let device: UInt64
        public let inode: UInt64
        public let byteCount: Int
        public let isRegular: Bool
        public let isDirectory: Bool
        public let isPipe: Bool
        /// How many names it has.
        public let nameCount: Int
        /// Who may do what with it.
        let permissions: Permissions
        /// Whether its permissions let anybody write.
        var isOpenToEverybody: Bool { permissions.mode & S_IWOTH != 0 }
        /// When its bytes were last written.
        public let modified: Time
        /// When anything of it was last changed: unlike the time of its bytes, nobody can set this one back.
        let changed: Time

        /// Whether both are of one file, whatever has become of it in between.
        public func isSameFile(as other: Status) -> Bool { inode == other.inode && device == other.device }

        public struct Time: Sendable, Hashable {
            private let seconds: Int
            private let nanoseconds: Int

            init(_ time: timespec) { (seconds, nanoseconds) = (time.tv_sec, time.tv_nsec) }
        }

        init(_ status: stat) {
            device = UInt64(truncatingIfNeeded: status.st_dev)
            inode = UInt64(truncatingIfNeeded: status.st_ino)
            byteCount = Int(status.st_size)
            isRegular = status.st_mode & S_IFMT == S_IFREG
            isDirectory = status.st_mode & S_IFMT == S_IFDIR
            isPipe = status.st_mode & S_IFMT == S_IFIFO
            nameCount = Int(status.st_nlink)
            permissions = Permissions(mode: status.st_mode & 0o777, owner: status.st_uid, group: status.st_gid)
            #if os(Linux)
                (modified, changed) = (Time(status.st_mtim), Time(status.st_ctim))
            #else
                (modified, changed) = (Time(status.st_mtimespec), Time(status.st_ctimespec))
            #endif
        }
    }

    /// Owner, group, and what they and others may do.
    struct Permissions: Sendable, Hashable {
        var mode: mode_t
        let owner: uid_t
        let group: gid_t

        /// For a file that is another group's: then that group may do no more than everybody.
        var withoutGroup: mode_t { mode & ~0o070 | (mode & 0o007) << 3 & mode }
    }

    /// Sets permissions, and owner and group as far as the user may.
    func take(_ permissions: Permissions) throws(SystemError) {
        var mode = permissions.mode
        if fchown(descriptor, permissions.owner, permissions.group) != 0,
            fchown(descriptor, uid_t.max, permissions.group) != 0
        {
            mode = permissions.withoutGroup
        }
        guard fchmod(descriptor, mode) == 0 else { throw .last("set the permissions of", path) }
    }

    public func status() throws(SystemError) -> Status {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .last("examine", path) }
        return Status(status)
    }

    /// Reads until `buffer` is full or the file ends.
    ///
    /// - Returns: the bytes read.
    func read(into buffer: inout MutableRawSpan, at offset: Int) throws(SystemError) -> Int {
        let (descriptor, size) = (descriptor, buffer.byteCount)
        var done = 0
        // Proof: each call writes at most `size - done` bytes at `done`.
        let failed = unsafe buffer.withUnsafeMutableBytes { buffer in
            while done < size {
                let count = retrying {
                    unsafe pread(
                        descriptor, buffer.baseAddress.map { unsafe $0 + done }, size - done, off_t(offset + done))
                }
                if count < 0 { return true }
                if count == 0 { break }
                done += count
            }
            return false
        }
        if failed { throw .last("read", path, offset: offset + done) }
        return done
    }

    /// Writes all of `bytes` at `offset`.
    func write(_ bytes: RawSpan, at offset: Int) throws(SystemError) {
        let (descriptor, size) = (descriptor, bytes.byteCount)
        // Proof: each call reads at most `size - done` bytes from `done` on.
        var done = 0
        let failed = unsafe bytes.withUnsafeBytes { bytes in
            while done < size {
                let count = retrying {
                    unsafe pwrite(
                        descriptor, bytes.baseAddress.map { unsafe $0 + done }, size - done, off_t(offset + done))
                }
                if count <= 0 {
                    // unreached: the kernel writes something or fails
                    if count == 0 { errno = ENOSPC }
                    return true
                }
                done += count
            }
            return false
        }
        if failed { throw .last("write", path, offset: offset + done) }
    }

    /// Reserves room, so that a full disk shows before anything is written.
    public func allocate(_ byteCount: Int) throws(SystemError) {
        #if canImport(Glibc)
            guard byteCount > 0 else { return }
            var code = posix_fallocate(descriptor, 0, off_t(byteCount))
            // unreached: only a signal at the right moment
            while code == EINTR { code = posix_fallocate(descriptor, 0, off_t(byteCount)) }
            // unreached: only file systems that can reserve nothing
            if code == EOPNOTSUPP || code == EINVAL {
                try truncate(to: byteCount)
            } else if code != 0 {
                throw SystemError(code: code, operation: "reserve \(byteCount) bytes for", path: path)
            }
        #else
            try truncate(to: byteCount)
        #endif
    }

    public func truncate(to byteCount: Int) throws(SystemError) {
        guard retrying({ Int(ftruncate(descriptor, off_t(byteCount))) }) == 0 else { throw .last("resize", path) }
    }

    /// Makes what was written survive a loss of power. A failure is final: the kernel may have dropped the dirty pages,
    /// so that a second attempt would succeed without having written them.
    public func synchronize() throws(SystemError) {
        guard retrying({ Int(fsync(descriptor)) }) == 0 else { throw .last("sync", path) }
    }

    /// Takes the flock without waiting.
    ///
    /// - Returns: whether it was free. It is released when the file is closed.
    public func tryLock(exclusive: Bool) throws(SystemError) -> Bool {
        if retrying({ Int(flock(descriptor, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB)) }) == 0 { return true }
        if errno == EWOULDBLOCK { return false }
        throw .last("lock", path)
    }

    /// Asks the kernel to forget what it has cached of the file; best effort.
    package func dropCache() {
        #if canImport(Glibc)
            _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        #endif
    }
}
