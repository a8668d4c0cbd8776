import FileSystem
import Foundation

/// A directory that goes when the test ends.
///
/// Under optimisation an array or a structure that holds one may let it go early; `defer { withExtendedLifetime(it) {} }` keeps
/// it.
public class TemporaryDirectory {
    /// Without links.
    public let path: String

    public init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "vecdb-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        path = url.resolvingSymlinksInPath().path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a name in it.
    public func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file and returns its path.
    @discardableResult
    public func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: URL(filePath: file(name)))
        return file(name)
    }

    @discardableResult
    public func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

    /// An empty file to be written.
    public func handle(_ name: String) throws -> FileHandle {
        FileHandle(forWritingAtPath: try write(name, "")) ?? FileHandle.nullDevice
    }

    public func makeDirectory(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: false)
    }

    public func bytes(_ name: String) throws -> [UInt8] { try TestSupport.bytes(of: file(name)) }

    /// Empty where there is none.
    public func text(_ name: String) -> String { (try? String(contentsOfFile: file(name), encoding: .utf8)) ?? "" }

    public func cutOff(_ name: String, at byteCount: UInt64) throws {
        let handle = try FileHandle(forWritingTo: URL(filePath: file(name)))
        try handle.truncate(atOffset: byteCount)
        try handle.close()
    }

    /// What it holds, hidden files too.
    public var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }

    /// The same, and what is in directories in it.
    public func listing() throws -> [String] { try FileManager.default.subpathsOfDirectory(atPath: path).sorted() }
}

/// A temporary directory that is open.
public final class Place: TemporaryDirectory {
    /// Set once, in `init`, which opens what its superclass has made.
    public private(set) var directory: Directory

    public override init() throws {
        directory = try Directory(opening: "/")
        try super.init()
        directory = try Directory(opening: path)
    }
}

public func bytes(of path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path))) }
