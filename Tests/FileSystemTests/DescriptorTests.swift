import Foundation
import TestSupport
import Testing

@testable import FileSystem

@Test func `fault 08: a file never has the number of a standard stream`() throws {
    let place = try Place()
    let file = try place.directory.create("a")
    #expect(try beyondStandardStreams(file.descriptor, "a") == file.descriptor)
    // As if all descriptors up to this one were standard streams; the copy that is given away is closed in its place.
    let copy = dup(file.descriptor)
    let moved = try beyondStandardStreams(copy, "a", last: copy)
    #expect(moved > copy)
    #expect(fcntl(moved, F_GETFD) & FD_CLOEXEC != 0)
    try File(descriptor: moved, path: "a").truncate(to: 3)
    #expect(try file.status().byteCount == 3)
}

@Test func `fault 25: a scratch file has no name, and keeps what is written`() throws {
    let place = try Place()
    let scratch = try ScratchFile(in: place.directory)
    #expect(try place.directory.names().isEmpty)
    let written = [UInt8](1...100)
    try scratch.write(written.span, at: 10)
    var read = [UInt8](repeating: 0, count: 50)
    var span = read.mutableSpan
    try scratch.read(into: &span, at: 20)
    #expect(read == Array(written[10..<60]))
}
