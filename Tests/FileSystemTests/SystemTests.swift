import Foundation
import TestSupport
import Testing

@testable import FileSystem

private func write(to write: (Span<UInt8>, Int) throws -> Void) throws {
    let bytes = parameters
    try write(bytes.span, 0)
}

/// Reads `count` bytes; the file's error is the caller's.
private func read(_ count: Int, at offset: Int, by read: (inout MutableSpan<UInt8>, Int) throws -> Int) throws -> Int {
    var bytes = [UInt8](repeating: 0, count: count)
    var span = bytes.mutableSpan
    return try read(&span, offset)
}

/// No file ever has the number −1, so that the kernel refuses every call.
@Test func `a call that the kernel refuses says what could not be done to which file`() {
    let closed = File(descriptor: -1, path: "nothing")
    let calls: [(operation: String, offset: Int?, call: () throws -> Void)] = [
        ("examine", nil, { _ = try closed.status() }),
        ("read", 3, { _ = try read(1, at: 3) { bytes, offset in try closed.read(into: &bytes, at: offset) } }),
        ("write", 0, { try write { bytes, offset in try closed.write(bytes, at: offset) } }),
        ("reserve 10 bytes for", nil, { try closed.allocate(10) }),
        ("resize", nil, { try closed.truncate(to: 10) }),
        ("sync", nil, { try closed.synchronize() }),
        ("lock", nil, { _ = try closed.tryLock(exclusive: true) }),
        ("map", nil, { _ = try MappedFile(closed, byteCount: 1) }),
    ]
    for (operation, offset, call) in calls {
        #expect(throws: SystemError(code: EBADF, operation: operation, path: "nothing", offset: offset)) { try call() }
    }
}

@Test func `a call that a signal interrupted is made again`() {
    var results = [-1, -1, 7]
    let result = retrying {
        errno = EINTR
        return results.removeFirst()
    }
    #expect(result == 7 && results.isEmpty)
}

@Test func `a write that finds no room says so`() throws {
    let full = try Directory(opening: "/dev").open("full", writable: true)
    #expect(throws: SystemError(code: ENOSPC, operation: "write", path: "/dev/full", offset: 0)) {
        try write { bytes, offset in try full.write(bytes, at: offset) }
    }
}

@Test func `nothing is reserved for an empty file`() throws {
    let place = try Place()
    let file = try place.directory.create("empty")
    try file.allocate(0)
    #expect(try file.status().byteCount == 0)
    let map = try MappedFile(file, byteCount: 0)
    #expect(map.bytes.byteCount == 0)
    // Nothing to advise about, nothing to drop.
    map.advise(.random, 0..<0)
    map.dropPages()
}

@Test(arguments: [
    (ENOSPC, "make room"), (EDQUOT, "make room"), (EROFS, "read-only"), (EACCES, "permissions"), (EPERM, "permissions"),
    (EMFILE, "ulimit -n"), (ENFILE, "ulimit -n"), (ELOOP, "symbolic link"), (EIO, "check it"), (EFBIG, "ulimit -f"),
])
func `an error that the user can do something about says what`(code: Int32, remedy: String) {
    let error = SystemError(code: code, operation: "write", path: "a/b")
    #expect(error.description.hasPrefix("a/b: cannot write: "))
    #expect(error.description.contains(remedy))
}

@Test func `other errors give the system's reason alone`() {
    let error = SystemError(code: EINVAL, operation: "map", path: "a")
    #expect(error.description == "a: cannot map: Invalid argument")
    #expect(!error.isNotFound && !error.alreadyExists)
}

@Test func `a directory that is missing or a file cannot be opened, one that is there not be made`() throws {
    let place = try Place()
    _ = try place.directory.create("file")
    func error(_ body: () throws -> Void) -> SystemError? {
        do { try body() } catch { return error as? SystemError }
        return nil
    }
    #expect(error { _ = try Directory(opening: place.file("missing")) }?.isNotFound == true)
    #expect(error { _ = try Directory(opening: place.file("file")) }?.isNotFound == true)
    #expect(error { try place.directory.createDirectory("file") }?.alreadyExists == true)
    #expect(error { _ = try place.directory.create("file") }?.alreadyExists == true)
    #expect(error { _ = try place.directory.open("missing") }?.isNotFound == true)
}

@Test func `a path may end in a slash`() throws {
    let place = try Place()
    #expect(try Directory(opening: place.path + "/").pathOf("a") == place.path + "/a")
}

@Test func `what is under a name is told, and names too long are an error`() throws {
    let place = try Place()
    try place.directory.createDirectory("inner")
    #expect(try place.directory.status(of: "inner")?.isDirectory == true)
    #expect(try place.directory.status(of: "missing") == nil)
    let name = String(repeating: "x", count: 256)
    #expect(throws: SystemError(code: ENAMETOOLONG, operation: "examine", path: place.file(name))) {
        try place.directory.status(of: name)
    }
}

@Test func `removing spares what is of another kind, and takes what is missing for done`() throws {
    let place = try Place()
    try place.directory.createDirectory("inner")
    _ = try Directory(opening: place.file("inner")).create("file")
    try place.directory.remove("missing")
    try place.directory.removeDirectory("missing")
    #expect(throws: SystemError(code: EISDIR, operation: "remove", path: place.file("inner"))) {
        try place.directory.remove("inner")
    }
    #expect(throws: SystemError(code: ENOTEMPTY, operation: "remove", path: place.file("inner"))) {
        try place.directory.removeDirectory("inner")
    }
    #expect(try place.directory.names() == ["inner"])
}

@Test func `a rename takes no name that is taken, and no directory into itself`() throws {
    let place = try Place()
    try place.directory.createDirectory("a")
    try place.directory.createDirectory("b")
    try place.directory.rename("a", toFreeName: "c")
    #expect(throws: SystemError(code: EEXIST, operation: "create", path: place.file("b"))) {
        try place.directory.rename("c", toFreeName: "b")
    }
    // The kernel answers this as it answers where a file system cannot keep a name from being replaced.
    #expect(throws: SystemError(code: EINVAL, operation: "create", path: place.file("c/inner"))) {
        try place.directory.rename("c", toFreeName: "c/inner")
    }
    #expect(try place.directory.names() == ["b", "c"])
}

@Test func `fault 03: a directory knows when its path leads elsewhere`() throws {
    let place = try Place()
    try place.directory.createDirectory("a")
    let directory = try Directory(opening: place.file("a"))
    #expect(directory.isStillThere)
    try place.directory.rename("a", toFreeName: "b")
    #expect(!directory.isStillThere)
    try place.directory.createDirectory("a")
    #expect(!directory.isStillThere)
    #expect(try Directory(opening: place.file("a")).isStillThere)
    try place.directory.removeDirectory("a")
    try place.directory.rename("b", toFreeName: "a")
    #expect(directory.isStillThere)
}

@Test func `fault 03: a directory in another one is where both are`() throws {
    let place = try Place()
    try place.directory.createDirectory("outer")
    try place.directory.createDirectory("outer/inner")
    let inner = try Directory(opening: "inner", in: try Directory(opening: place.file("outer")))
    #expect(inner.isStillThere)
    try place.directory.rename("outer", toFreeName: "moved")
    #expect(!inner.isStillThere)
    try place.directory.rename("moved", toFreeName: "outer")
    #expect(inner.isStillThere)
}

@Test func `fault 03: a link is followed where it may be`() throws {
    let place = try Place()
    try place.directory.createDirectory("a")
    try FileManager.default.createSymbolicLink(atPath: place.file("link"), withDestinationPath: "a")
    #expect(throws: SystemError.self) { try Directory(opening: "link", in: place.directory) }
    let directory = try Directory(opening: "link", in: place.directory, followingLinks: true)
    #expect(directory.isStillThere)
    try place.directory.rename("a", toFreeName: "b")
    #expect(!directory.isStillThere)
}

@Test func `fault 09: files take the permissions of another`() throws {
    let place = try Place()
    for mode: mode_t in [0o600, 0o640, 0o664, 0o666] {
        let model = try place.directory.create("model")
        #expect(unsafe chmod(place.file("model"), mode) == 0)
        let directory = place.directory.makingFiles(like: try model.status())
        #expect(try directory.create("new").status().permissions == model.status().permissions)
        #expect(try directory.openOrCreate("lock").status().permissions == model.status().permissions)
        for name in ["model", "new", "lock"] { try place.directory.remove(name) }
    }
}

@Test func `fault 09: a file that cannot be of that group gives its own group no more than everybody`() {
    for (mode, expected) in [(0o660, 0o600), (0o664, 0o644), (0o640, 0o600), (0o600, 0o600), (0o606, 0o606)] {
        let permissions = File.Permissions(mode: mode_t(mode), owner: 1, group: 2)
        #expect(permissions.withoutGroup == mode_t(expected))
    }
}

@Test func `a removed directory holds nothing`() throws {
    let place = try Place()
    try place.directory.createDirectory("a")
    let directory = try Directory(opening: place.file("a"))
    try place.directory.removeDirectory("a")
    #expect(try directory.names().isEmpty)
}

@Test func `a local directory lies on no network file system`() throws {
    #expect(try Place().directory.networkFileSystem == nil)
    #expect(Directory.networkFileSystems[0x6969] == "NFS")
}

@Test func `a scratch file gives back no more than was written`() throws {
    let place = try Place()
    let scratch = try ScratchFile(in: place.directory)
    try write { bytes, offset in try scratch.write(bytes, at: offset) }
    do {
        _ = try read(2, at: 127) { bytes, offset in
            try scratch.read(into: &bytes, at: offset)
            return 2
        }
        Issue.record("a byte was read that was never written")
    } catch let error as SystemError {
        #expect(error.code == EIO && error.operation == "read back")
    }
}
