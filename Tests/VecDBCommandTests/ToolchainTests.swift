import Foundation
import Testing

private let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

private func text(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
}

@Test func `fault 24: the README, the scripts and every manifest name the same Swift version`() throws {
    let manifests = [
        "Package.swift", "Tests/Outsider/Package.swift", "Tests/SeededFaults/Package.swift",
        "Tools/fuzzing/Package.swift",
    ]
    let first = try #require(try text("Package.swift").split(separator: "\n").first)
    let version = try #require(first.split(separator: " ").last)
    for manifest in manifests {
        #expect(try text(manifest).hasPrefix("// swift-tools-version: \(version)\n"), "\(manifest)")
    }
    #expect(try text("README.md").contains("with a Swift \(version) toolchain"))
    #expect(try text("Tools/lib/packages.sh").contains("vecdb needs Swift \(version) or newer"))
}

/// What a first build compiles beside our own modules decides how long it takes: a package more is a decision, not an accident.
@Test func `fault 24: two packages are fetched`() throws {
    let manifest = try text("Package.swift")
    let packages = manifest.split(separator: "\n").filter { $0.contains(".package(url:") }
    #expect(packages.count == 2)
    #expect(packages.contains { $0.contains("groue/GRDB.swift") })
    #expect(packages.contains { $0.contains("apple/swift-argument-parser") })
}
