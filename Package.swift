// swift-tools-version: 6.3
import PackageDescription

/// Swift 6 language mode is implied by the tools version; every target also asks the compiler to
/// point at each use of an unsafe construct, so that none of them stands without its proof.
let strict: [SwiftSetting] = [.strictMemorySafety()]

/// Returning a `Span` from a property needs the `Lifetimes` feature. Only the modules whose job is to
/// lend memory use it.
let lendsSpans: [SwiftSetting] = strict + [.enableExperimentalFeature("Lifetimes")]

let package = Package(
    name: "vecdb",
    platforms: [.macOS("26.0")],
    products: [
        .library(name: "VecDB", targets: ["VecDB"]),
        .library(name: "VecDBJSON", targets: ["VecDBJSON"]),
        .executable(name: "vecdb", targets: ["VecDBCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // C leaf functions per instruction set. No state, no allocation.
        .target(name: "CVectorKernels"),
        .target(name: "VectorKernels", dependencies: ["CVectorKernels"], swiftSettings: lendsSpans),
        .target(name: "TreeAH", dependencies: ["VectorKernels"], swiftSettings: lendsSpans),
        // System calls that Swift's view of the C library leaves out; a header, no code of its own.
        .systemLibrary(name: "CSystemCalls"),
        // Every file system call of the product.
        .target(name: "FileSystem", dependencies: ["CSystemCalls"], swiftSettings: lendsSpans),
        .target(name: "SegmentFile", dependencies: ["FileSystem", "VectorKernels"], swiftSettings: lendsSpans),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"]), .brew(["lz4"])]),
        .target(
            name: "Catalog",
            dependencies: [
                "CLZ4", "FileSystem", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .target(name: "EmbeddingInput", dependencies: ["FileSystem"], swiftSettings: strict),
        .target(
            name: "VecDB",
            dependencies: ["TreeAH", "SegmentFile", "FileSystem", "Catalog", "EmbeddingInput", "VectorKernels"],
            swiftSettings: lendsSpans),
        .target(name: "VecDBJSON", dependencies: ["VecDB"], swiftSettings: strict),
        .executableTarget(
            name: "VecDBCommand",
            dependencies: [
                "VecDB", "VecDBJSON", "EmbeddingInput",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        // Opens damaged databases for `Tools/hostile-test`. A target here, and no product, so that it is linked with the very
        // library that `vecdb` is built from, and nobody waits for that a second time.
        .executableTarget(
            name: "Probe", dependencies: ["VecDB", "VectorKernels"], path: "Tools/hostile/probe", swiftSettings: strict),
        .testTarget(name: "VectorKernelsTests", dependencies: ["VectorKernels"], swiftSettings: lendsSpans),
        .testTarget(name: "TreeAHTests", dependencies: ["TreeAH"], swiftSettings: lendsSpans),
        .testTarget(
            name: "FileSystemTests", dependencies: ["FileSystem", "TestSupport"], swiftSettings: lendsSpans),
        .testTarget(
            name: "SegmentFileTests", dependencies: ["SegmentFile", "FileSystem", "VectorKernels", "TestSupport"],
            swiftSettings: lendsSpans),
        .testTarget(
            name: "CatalogTests", dependencies: ["Catalog", "FileSystem", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "EmbeddingInputTests", dependencies: ["EmbeddingInput", "FileSystem", "TestSupport"],
            exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "VecDBTests",
            dependencies: [
                "VecDB", "Catalog", "SegmentFile", "FileSystem", "TreeAH", "VectorKernels", "TestSupport",
            ],
            swiftSettings: lendsSpans),
        // What tests of several modules have their files in.
        .target(
            name: "TestSupport", dependencies: ["FileSystem"], path: "Tests/TestSupport", swiftSettings: strict),
        // What tests of several modules check JSON with.
        .target(name: "SchemaChecks", path: "Tests/SchemaChecks", swiftSettings: strict),
        .testTarget(
            name: "VecDBJSONTests",
            dependencies: ["VecDB", "VecDBJSON", "SchemaChecks", "TestSupport", "VectorKernels"],
            swiftSettings: strict),
        .testTarget(
            name: "VecDBCommandTests",
            dependencies: [
                "VecDB", "VecDBJSON", "VecDBCommand", "SchemaChecks", "TestSupport", "VectorKernels",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
    ]
)
