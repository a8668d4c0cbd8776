import Foundation

@testable import FileSystem

/// A directory that is gone with the test.
final class Place {
    let path = FileManager.default.temporaryDirectory.path + "/files-\(UUID().uuidString)"
    let directory: Directory

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        directory = try Directory(opening: path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    func cutOff(_ name: String, at byteCount: UInt64) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file(name)))
        try handle.truncate(atOffset: byteCount)
        try handle.close()
    }
}

/// Some bytes to write.
let parameters = (0..<128).map { UInt8(truncatingIfNeeded: $0) }
