import CSystemCalls

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An open directory. Names are looked up in it and not through its path, so renaming it underneath does no harm.
public final class Directory: Sendable {
    public let path: String
    private let handle: File

    /// - Throws: `ENOENT`, `ENOTDIR` and what else opening can say.
    public init(opening path: String) throws(SystemError) {
        let descriptor = retrying { openDescriptor(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw .last("open", path) }
        self.path = path
        handle = File(descriptor: try beyondStandardStreams(Int32(descriptor), path), path: path)
    }

    /// Opens a directory in another one; never follows a symbolic link.
    public init(opening name: String, in parent: Directory) throws(SystemError) {
        handle = try parent.file(name, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, operation: "open")
        path = parent.pathOf(name)
    }

    /// Makes the directory, readable by all and writable by its owner as far as the umask allows.
    public static func create(_ path: String) throws(SystemError) {
        guard unsafe mkdir(path, 0o777) == 0 else { throw .last("create", path) }
    }

    /// Opens a file for reading; never follows a symbolic link.
    public func open(_ name: String, writable: Bool = false) throws(SystemError) -> File {
        // Non-blocking, so that a pipe under this name is refused later and does not hang here.
        let flags = (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        return try file(name, flags: flags, operation: "open")
    }

    /// Creates a file that must not exist yet.
    public func create(_ name: String) throws(SystemError) -> File {
        try file(name, flags: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, operation: "create")
    }

    /// Opens a file for reading and writing, and creates it if it is missing.
    public func openOrCreate(_ name: String) throws(SystemError) -> File {
        try file(name, flags: O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, operation: "open")
    }

    private func file(_ name: String, flags: Int32, operation: String) throws(SystemError) -> File {
        let descriptor = retrying { unsafe Int(openat(handle.descriptor, name, flags, 0o666)) }
        guard descriptor >= 0 else { throw .last(operation, pathOf(name)) }
        return File(descriptor: try beyondStandardStreams(Int32(descriptor), pathOf(name)), path: pathOf(name))
    }

    /// Creates a file that has no name: it is gone when it is closed, whatever happens to the process.
    ///
    /// - Parameter name: what it is called for a moment where the file system makes none without.
    func createUnnamed(_ name: String) throws(SystemError) -> File {
        let descriptor = retrying { unsafe Int(vecdb_open_unnamed(handle.descriptor, ".")) }
        if descriptor >= 0 {
            return File(descriptor: try beyondStandardStreams(Int32(descriptor), path), path: pathOf(name))
        }
        let file = try create(name)
        try remove(name)
        return file
    }

    public func pathOf(_ name: String) -> String { path.hasSuffix("/") ? path + name : path + "/" + name }

    /// What is at `name`, links not followed; `nil` when there is nothing.
    public func status(of name: String) throws(SystemError) -> File.Status? {
        var status = stat()
        if unsafe fstatat(handle.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { return File.Status(status) }
        if errno == ENOENT { return nil }
        throw .last("examine", pathOf(name))
    }

    /// The names in the directory, sorted, without `.` and `..`.
    public func names() throws(SystemError) -> [String] {
        let copy = retrying { unsafe Int(openat(handle.descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) }
        guard copy >= 0 else { throw .last("list", path) }
        // Proof: fdopendir owns the copied descriptor from here on; closedir ends both.
        // unreached: fails for descriptors of no directory, and without memory
        guard let stream = unsafe fdopendir(Int32(copy)) else {
            close(Int32(copy))
            throw .last("list", path)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = unsafe readdir(stream) {
            // Proof: d_name is a terminated string inside the entry, which lives until the next readdir.
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
            errno = 0
        }
        // unreached: only a damaged directory
        if errno != 0 { throw .last("list", path) }
        return names.sorted()
    }

    /// Removes a file; one that is not there is no error.
    public func remove(_ name: String) throws(SystemError) {
        if unsafe unlinkat(handle.descriptor, name, 0) != 0, errno != ENOENT { throw .last("remove", pathOf(name)) }
    }

    /// Removes an empty directory.
    public func removeDirectory(_ name: String) throws(SystemError) {
        if unsafe unlinkat(handle.descriptor, name, AT_REMOVEDIR) != 0, errno != ENOENT {
            throw .last("remove", pathOf(name))
        }
    }

    /// Renames an entry of this directory to a name in it that must be free: fails with `EEXIST` otherwise.
    public func rename(_ name: String, toFreeName newName: String) throws(SystemError) {
        let (from, to) = (handle.descriptor, handle.descriptor)
        guard unsafe vecdb_rename_without_replacing(from, name, to, newName) != 0 else { return }
        guard errno == EINVAL || errno == ENOSYS else { throw .last("create", pathOf(newName)) }
        // A file system without the flag. Renaming a directory replaces only an empty directory, so nothing can be lost.
        guard unsafe renameat(from, name, to, newName) == 0 else { throw .last("create", pathOf(newName)) }
    }

    /// Makes creations, renames and removals in it survive a loss of power.
    public func synchronize() throws(SystemError) { try handle.synchronize() }

    /// Whether this is the directory that `path` leads to now.
    public func isStill(at path: String) -> Bool {
        guard let other = try? Directory(opening: path), let mine = try? handle.status(),
            let theirs = try? other.handle.status()
        else { return false }
        return theirs.inode == mine.inode && theirs.device == mine.device
    }

    /// Whether the user may create files here: no for read-only media and missing permissions.
    public var isWritable: Bool { unsafe faccessat(handle.descriptor, ".", W_OK, 0) == 0 }

    /// Whether any user may create, replace and remove files here.
    public var isOpenToEverybody: Bool {
        // unreached: an open descriptor always has a status
        (try? handle.status())?.isOpenToEverybody ?? false
    }

    /// The kind of network file system it lies on, whose locks and syncs cannot be trusted; `nil` for others.
    public var networkFileSystem: String? { Self.networkFileSystems[vecdb_file_system_type(handle.descriptor)] }

    /// By the magic number that the kernel tells.
    static let networkFileSystems: [Int64: String] = [
        0x6969: "NFS",
        0xFF53_4D42: "SMB", 0xFE53_4D42: "SMB", 0x517B: "SMB",
        0x0102_1997: "9P",
        0x0BD0_0BD0: "Lustre",
        0x00C3_6400: "Ceph",
        0x5346_414F: "AFS",
        0x7461_636F: "OCFS2",
        0x0116_1970: "GFS2",
    ]
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

/// The C library's `open`, which methods of that name would hide.
private func openDescriptor(_ path: String, _ flags: Int32) -> Int { unsafe Int(open(path, flags)) }
