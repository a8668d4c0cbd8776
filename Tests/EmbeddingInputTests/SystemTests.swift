import Foundation
import TestSupport
import Testing

@testable import EmbeddingInput
@testable import FileSystem

/// What the operating system refuses, by conditions that make it refuse.
@Suite struct SystemTests {
    private let tooLong = "/" + String(repeating: "x", count: 300)

    @Test func `paths that no file can have are told apart from missing files`() throws {
        #expect(try inputError { _ = try IDReader.open("a\0b") }.code == .notFound)
        #expect(try inputError { _ = try resolvedPath("a\0b") }.code == .notFound)
        #expect(fileKind("a\0b") == .nothing)
        #expect(try inputError { _ = try IDReader.open(tooLong) }.code == .notReadable)
        #expect(try inputError { _ = try resolvedPath(tooLong) }.code == .notReadable)
        #expect(fileKind("/dev/null") == .other)
    }

    @Test func `a device is no input`() throws {
        #expect(try inputError { _ = try IDReader.open("/dev/null") }.code == .notAFile)
    }

    @Test func `a closed descriptor cannot be examined`() throws {
        #expect(try inputError { _ = try status(of: File(descriptor: -1, path: "x"), name: "x") }.code == .notReadable)
    }

    @Test func `what cannot be copied says so`() throws {
        let directory = try TemporaryDirectory()
        var spool = try Spool(for: "x", in: directory.path)
        let source = try openForReading(directory.path)
        let error = try inputError { _ = try spool.append(contentsOf: source, isCancelled: { false }) }
        #expect(error.code == .notReadable)
    }

    @Test func `a pipe that is silent for a while is waited for`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.pipe(Array("a\n".utf8), pause: 0.4)
        let reader = try IDReader.open(path)
        #expect(try reader.next() == "a")
        #expect(try reader.next() == nil)
    }

    @Test func `metadata may come from a pipe`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.pipe(Array(#"{"a":1}"#.utf8), named: "pipe.ndjson")
        #expect(try MetadataReader.open(path).next()?.values == [.integer(1)])
    }

    @Test func `a file that was replaced while it was closed is refused at the next read`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("ids.txt", "a\n")
        let reader = try IDReader.open(path)
        try reader.rewind()
        try directory.write("ids.txt", "a\nb\n")
        #expect(try inputError { _ = try reader.next() }.code == .changed)
    }

    @Test func `a read that fails names the byte`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("ids.txt", "a\n")
        let reader = try IDReader.open(path)
        // From here on it leads to a directory, whose bytes nobody can read.
        try redirect(toDescriptorOf: directory.path, O_RDONLY) { $0 == path }
        let error = try inputError { _ = try reader.next() }
        #expect(error.code == .notReadable && error.message.contains("at byte 0"))
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
    func `spooling to a disk that is full says where there is no room`() throws {
        let directory = try TemporaryDirectory()
        var spool = try Spool(for: "a pipe", in: directory.path)
        try redirect(spool.file.descriptor, toDescriptorOf: "/dev/full", O_WRONLY)
        let bytes: [UInt8] = [1, 2, 3]
        let error = try inputError { try spool.append(bytes.span) }
        #expect(error.code == .spoolFailed && error.message.contains("\(directory.path): No space left on device"))
    }
}

/// Lets the process's descriptor of a file lead to another one.
private func redirect(toDescriptorOf other: String, _ flags: Int32, where isFile: (String) -> Bool) throws {
    let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
    let descriptor = try #require(
        descriptors.first { descriptor in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
            return target.map(isFile) ?? false
        })
    try redirect(descriptor, toDescriptorOf: other, flags)
}

private func redirect(_ descriptor: Int32, toDescriptorOf other: String, _ flags: Int32) throws {
    // Without O_CREAT, open takes no further argument.
    let new = unsafe open(other, flags | O_CLOEXEC)
    #expect(dup2(new, descriptor) == descriptor)
    close(new)
}
