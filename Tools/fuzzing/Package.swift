// swift-tools-version: 6.3
import PackageDescription

// The modules of the root package once more, compiled from the same files (`Sources/` here holds links to them), but
// with the address sanitizer and counters of coverage, and open to `@testable`. A package that depends on the root one
// could reach neither, and flags for the whole build would slow the packages down that are not being tested.

let checked: [SwiftSetting] = [
    .strictMemorySafety(), .enableExperimentalFeature("Lifetimes"),
    .unsafeFlags(["-enable-testing", "-sanitize=address"]),
]

/// Comparisons are not watched: the words that a parser looks for are in a dictionary. From nothing, in 40 seconds, watching
/// them found 1,491 to 1,525 edges of vectors instead of 1,525 to 1,542, of metadata 1,178 to 1,204 instead of 1,221 to 1,242,
/// of manifests 598 instead of 594.
let instrumented = checked + [.unsafeFlags(["-sanitize-coverage=edge,inline-8bit-counters,pc-table"])]

let package = Package(
    name: "fuzzing",
    platforms: [.macOS("26.0")],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0")
    ],
    targets: [
        .target(
            name: "CVectorKernels",
            cSettings: [.unsafeFlags(["-fsanitize=address", "-fsanitize-coverage=inline-8bit-counters,pc-table"])]),
        .target(name: "VectorKernels", dependencies: ["CVectorKernels"], swiftSettings: instrumented),
        .target(name: "TreeAH", dependencies: ["VectorKernels"], swiftSettings: instrumented),
        .systemLibrary(name: "CSystemCalls"),
        .target(name: "FileSystem", dependencies: ["CSystemCalls"], swiftSettings: instrumented),
        .target(name: "SegmentFile", dependencies: ["FileSystem", "VectorKernels"], swiftSettings: instrumented),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"]), .brew(["lz4"])]),
        .target(
            name: "Catalog", dependencies: ["CLZ4", "FileSystem", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: instrumented),
        .target(name: "EmbeddingInput", dependencies: ["FileSystem"], swiftSettings: instrumented),
        .target(
            name: "VecDB",
            dependencies: ["TreeAH", "SegmentFile", "FileSystem", "Catalog", "EmbeddingInput", "VectorKernels"],
            swiftSettings: instrumented),
        // libFuzzer's and the sanitizer's functions, as C declares them.
        .target(name: "CFuzzer"),
        .target(name: "PlantedFaults", dependencies: ["CFuzzer"], swiftSettings: instrumented),
        // Without counters: an input is not worth keeping for what it makes the harness do.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "VecDB", "SegmentFile", "FileSystem", "PlantedFaults", "CFuzzer",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: checked),
        // In C, because SwiftPM renames the `main` of Swift.
        .executableTarget(
            name: "fuzz", dependencies: ["FuzzTargets", "CFuzzer"],
            // libFuzzer is written in C++.
            linkerSettings: [.linkedLibrary("stdc++"), .unsafeFlags(["-sanitize=address"])]),
    ]
)
