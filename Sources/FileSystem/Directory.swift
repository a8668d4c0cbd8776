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
    private let origin: Origin
    /// Whose permissions new files get; the umask decides where there are none.
    private let permissions: File.Permissions?

    /// What the directory's name was looked up in.
    private enum Origin {
        /// The working directory of that moment, for a relative path.
        case path(File?)
        case entry(of: Directory, name: String, followsLinks: Bool)
    }

    /// - Throws: `ENOENT`, `ENOTDIR` and what else opening can say.
    public convenience init(opening path: String) throws(SystemError) {
        // Kept open, so that the path goes on to mean what it meant here when the process moves elsewhere.
        let base: File? =
            path.utf8.first == UInt8(ascii: "/") ? nil : try Self.opened(".", in: AT_FDCWD, vecdb_path_only, path: ".")
        let handle = try Self.opened(path, in: base?.descriptor ?? AT_FDCWD, O_RDONLY, path: path)
        self.init(path: path, handle: handle, origin: .path(base), permissions: nil)
    }

    /// Opens a directory in another one.
    ///
    /// - Parameter followingLinks: whether the name may be a symbolic link to one.
    public convenience init(
        opening name: String, in parent: Directory, followingLinks: Bool = false
    ) throws(SystemError) {
        let flags = followingLinks ? O_RDONLY : O_RDONLY | O_NOFOLLOW
        let path = parent.pathOf(name)
        let handle = try Self.opened(name, in: parent.handle.descriptor, flags, path: path)
        self.init(
            path: path, handle: handle, origin: .entry(of: parent, name: name, followsLinks: followingLinks),
            permissions: nil)
    }

    private init(path: String, handle: File, origin: Origin, permissions: File.Permissions?) {
        self.path = path
        self.handle = handle
        self.origin = origin
        self.permissions = permissions
    }

    private static func opened(
        _ name: String, in base: Int32, _ flags: Int32, path: String
    ) throws(SystemError) -> File {
        File(descriptor: try openDescriptor(name, in: base, flags | O_DIRECTORY, path: path), path: path)
    }

    /// The same directory; files made through it are as open to others as `model`.
    public func makingFiles(like model: File.Status) -> Directory {
        Directory(path: path, handle: handle, origin: origin, permissions: model.permissions)
    }

    /// Makes a directory in it, readable by all and writable by its owner as far as the umask allows.
    public func createDirectory(_ name: String) throws(SystemError) {
        try checkName(name, "create", path: pathOf(name))
        guard unsafe mkdirat(handle.descriptor, name, 0o777) == 0 else { throw .last("create", pathOf(name)) }
    }

    /// Opens a file for reading; never follows a symbolic link.
    public func open(_ name: String, writable: Bool = false) throws(SystemError) -> File {
        // Non-blocking, so that a pipe under this name is refused later and does not hang here.
        let flags = (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK
        return try file(name, flags: flags, operation: "open")
    }

    /// Creates a file that must not exist yet.
    public func create(_ name: String) throws(SystemError) -> File {
        // At first for nobody else where its permissions are still to be set.
        let mode: mode_t = permissions == nil ? 0o666 : 0o600
        let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW
        let new = try file(name, flags: flags, operation: "create", mode: mode)
        guard let permissions else { return new }
        do throws(SystemError) { try new.take(permissions) } catch {
            // unreached: the owner of a file may say who reads it
            try? remove(name)
            throw error
        }
        return new
    }

    /// Opens a file for reading and writing, and creates it if it is missing.
    public func openOrCreate(_ name: String) throws(SystemError) -> File {
        while true {
            do throws(SystemError) { return try open(name, writable: true) } catch {
                guard error.code == ENOENT else { throw error }
            }
            do throws(SystemError) { return try create(name) } catch {
                // Somebody else was faster.
                guard error.alreadyExists else { throw error }
            }
        }
    }

    private func file(
        _ name: String, flags: Int32, operation: String, mode: mode_t = 0
    ) throws(SystemError) -> File {
        let path = pathOf(name)
        let descriptor = try openDescriptor(name, in: handle.descriptor, flags, mode: mode, operation, path: path)
        return File(descriptor: descriptor, path: path)
    }

    /// Creates a file that has no name: it is gone when it is closed, whatever happens to the process.
    ///
    /// - Parameter name: what it is called for a moment where the file system makes none without.
    func createUnnamed(_ name: String) throws(SystemError) -> File {
        try File(unnamedIn: ".", of: handle.descriptor, path: pathOf(name), name: name)
    }

    public func pathOf(_ name: String) -> String {
        path.utf8.last == UInt8(ascii: "/") ? path + name : path + "/" + name
    }

    /// What is at `name`, links not followed; `nil` when there is nothing.
    public func status(of name: String) throws(SystemError) -> File.Status? {
        try checkName(name, "examine", path: pathOf(name))
        var status = stat()
        if unsafe fstatat(handle.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { return File.Status(status) }
        if errno == ENOENT { return nil }
        throw .last("examine", pathOf(name))
    }

    /// The names in the directory, sorted, without `.` and `..`.
    public func names() throws(SystemError) -> [String] {
        let copy = try openDescriptor(".", in: handle.descriptor, O_RDONLY | O_DIRECTORY, "list", path: path)
        // Proof: fdopendir owns the copied descriptor from here on; closedir ends both.
        // unreached: fails for descriptors of no directory, and without memory
        guard let stream = unsafe fdopendir(copy) else {
            close(copy)
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
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Removes a file; one that is not there is no error.
    public func remove(_ name: String) throws(SystemError) {
        try checkName(name, "remove", path: pathOf(name))
        if unsafe unlinkat(handle.descriptor, name, 0) != 0, errno != ENOENT { throw .last("remove", pathOf(name)) }
    }

    /// Removes an empty directory.
    public func removeDirectory(_ name: String) throws(SystemError) {
        try checkName(name, "remove", path: pathOf(name))
        if unsafe unlinkat(handle.descriptor, name, AT_REMOVEDIR) != 0, errno != ENOENT {
            throw .last("remove", pathOf(name))
        }
    }

    /// Renames an entry of this directory to a name in it that must be free: fails with `EEXIST` otherwise.
    public func rename(_ name: String, toFreeName newName: String) throws(SystemError) {
        for name in [name, newName] { try checkName(name, "create", path: pathOf(newName)) }
        let (from, to) = (handle.descriptor, handle.descriptor)
        guard unsafe vecdb_rename_without_replacing(from, name, to, newName) != 0 else { return }
        guard errno == EINVAL || errno == ENOSYS else { throw .last("create", pathOf(newName)) }
        // A file system without the flag. Renaming a directory replaces only an empty directory, so nothing can be lost.
        guard unsafe renameat(from, name, to, newName) == 0 else { throw .last("create", pathOf(newName)) }
    }

    /// Makes creations, renames and removals in it survive a loss of power.
    public func synchronize() throws(SystemError) { try handle.synchronize() }

    /// Whether what it was opened by leads to it still: its path, from where the process was at that time.
    public var isStillThere: Bool {
        guard let mine = try? handle.status() else { return false }
        var found = stat()
        let result: Int32
        switch origin {
        case .path(let base): result = unsafe fstatat(base?.descriptor ?? AT_FDCWD, path, &found, 0)
        case .entry(let parent, let name, let followsLinks):
            guard parent.isStillThere else { return false }
            let flags = followsLinks ? 0 : AT_SYMLINK_NOFOLLOW
            result = unsafe fstatat(parent.handle.descriptor, name, &found, flags)
        }
        return result == 0 && File.Status(found).isSameFile(as: mine)
    }

    /// A path to it that no rename and no change of the working directory can turn to another, as long as it is open: for
    /// those who take nothing but paths.
    public var lastingPath: String {
        #if os(Linux)
            "/proc/self/fd/\(handle.descriptor)"
        #else
            // unreached: an open descriptor always has a status
            (try? handle.status()).map { "/.vol/\($0.device)/\($0.inode)" } ?? path
        #endif
    }

    /// Whether the system knows such paths: Linux does where `/proc` is mounted.
    public var hasLastingPath: Bool { (try? Path.status(of: lastingPath)) != nil }

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
