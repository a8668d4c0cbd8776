// swift-tools-version: 6.3
import PackageDescription

/// A program with faults on purpose, by which `Tools/sanitize` shows that a sanitizer finds them. Nothing depends on it.
let package = Package(
    name: "seeded-faults",
    targets: [
        .target(name: "CSeededFaults"),
        .executableTarget(name: "SeededFaults", dependencies: ["CSeededFaults"]),
    ]
)
