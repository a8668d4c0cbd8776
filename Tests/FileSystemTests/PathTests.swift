import Foundation
import TestSupport
import Testing

@testable import FileSystem

@Test func `a path that holds a NUL byte leads to nothing`() throws {
    let place = try Place()
    _ = try place.directory.create("a")
    let path = place.file("a\0b")
    #expect(try Path.status(of: path) == nil && Path.linkTarget(path) == nil)
    #expect(throws: SystemError(code: ENOENT, operation: "resolve", path: path)) { try Path.resolved(path) }
    #expect(throws: SystemError(code: ENOENT, operation: "open", path: path)) { try File(reading: path) }
    #expect(throws: SystemError(code: ENOENT, operation: "create", path: path)) { try File(unnamedIn: path) }
}

@Test func `a name that holds a NUL byte is taken for no other`() throws {
    let place = try Place()
    _ = try place.directory.create("a")
    let (directory, name) = (place.directory, "a\0b")
    let calls: [(operation: String, call: () throws -> Void)] = [
        ("open", { _ = try directory.open(name) }),
        ("create", { _ = try directory.create(name) }),
        ("create", { try directory.createDirectory(name) }),
        ("examine", { _ = try directory.status(of: name) }),
        ("remove", { try directory.remove(name) }),
        ("remove", { try directory.removeDirectory(name) }),
        ("create", { try directory.rename("a", toFreeName: name) }),
    ]
    for (operation, call) in calls {
        #expect(throws: SystemError(code: ENOENT, operation: operation, path: place.file(name))) { try call() }
    }
    #expect(try directory.names() == ["a"])
}

@Test func `what a path leads to is told of its end, and links of themselves`() throws {
    let place = try Place()
    _ = try place.directory.create("a")
    try FileManager.default.createSymbolicLink(atPath: place.file("link"), withDestinationPath: "a")
    try FileManager.default.createSymbolicLink(atPath: place.file("nowhere"), withDestinationPath: "missing")
    try FileManager.default.createSymbolicLink(atPath: place.file("circle"), withDestinationPath: "circle")
    #expect(try Path.status(of: place.file("link")) == place.directory.status(of: "a"))
    #expect(try Path.status(of: place.file("nowhere")) == nil)
    #expect(try Path.status(of: place.file("a/b")) == nil)
    #expect(try Path.status(of: place.path)?.isDirectory == true)
    let circle = place.file("circle")
    #expect(throws: SystemError(code: ELOOP, operation: "examine", path: circle)) { try Path.status(of: circle) }
    #expect(Path.linkTarget(place.file("nowhere")) == Array("missing".utf8))
    #expect(Path.linkTarget(place.file("a")) == nil)
    #expect(try Path.resolved(place.file("./link")) == Path.resolved(place.file("a")))
}

@Test func `temporary files go where the environment says, else to tmp`() {
    #expect(Path.temporaryDirectory(variable: "PATH").contains("/bin"))
    #expect(Path.temporaryDirectory(variable: "VECDB_TESTS_SET_NO_SUCH_VARIABLE") == "/tmp")
}

@Test func `a file whose bytes are written back has changed, and one whose name is looked up has not`() throws {
    let place = try Place()
    let file = try place.directory.create("a")
    let before = try file.status()
    #expect(try place.directory.status(of: "a") == before)
    // File systems count time in ticks of up to ten milliseconds.
    Thread.sleep(forTimeInterval: 0.03)
    var times = [timespec(), timespec()]
    // Proof: the array has the two entries that futimens reads, and lives for the call.
    #expect(unsafe futimens(file.descriptor, &times) == 0)
    #expect(unsafe futimens(file.descriptor, &times) == 0)
    let after = try file.status()
    #expect(after != before && after.isSameFile(as: before))
}

@Test func `an unnamed file in a directory that nobody may list keeps what is written`() throws {
    let place = try Place()
    try place.directory.createDirectory("drop")
    #expect(unsafe chmod(place.file("drop"), 0o300) == 0)
    let file = try File(unnamedIn: place.file("drop"))
    let numbers: [Float] = [1, -0, .infinity]
    try file.write(numbers.span, at: 4)
    var words = [UInt32](repeating: 7, count: 4)
    var span = words.mutableSpan
    #expect(try file.read(into: &span, at: 0) == 16)
    #expect(words == [0] + numbers.map(\.bitPattern))
    #expect(unsafe chmod(place.file("drop"), 0o700) == 0)
    #expect(try Directory(opening: place.file("drop")).names().isEmpty)
}

@Test func `what comes through a pipe is read piece by piece, and its end is told`() throws {
    let place = try Place()
    // The path lives for the call.
    try #require(unsafe mkfifo(place.file("pipe"), 0o600) == 0)
    let reader = try File(reading: place.file("pipe"))
    #expect(try reader.status().isPipe)
    let writer = try place.directory.open("pipe", writable: true)
    var bytes = [UInt8](repeating: 0, count: 100)
    func next() throws -> Int? {
        var span = bytes.mutableSpan
        return try reader.readNext(into: &span)
    }
    #expect(try next() == nil)
    let sent: [UInt8] = [1, 2, 3]
    // Proof: three bytes of an array of three.
    #expect(unsafe write(writer.descriptor, sent, 3) == 3)
    #expect(try next() == 3 && bytes.starts(with: sent))
    #expect(dup2(reader.descriptor, writer.descriptor) == writer.descriptor)
    #expect(try next() == 0)
}

@Test func `a directory cannot be read as a pipe`() throws {
    let place = try Place()
    let reader = try File(reading: place.path)
    var bytes = [UInt8](repeating: 0, count: 1)
    #expect(throws: SystemError(code: EISDIR, operation: "read", path: place.path)) {
        var span = bytes.mutableSpan
        return try reader.readNext(into: &span)
    }
}
