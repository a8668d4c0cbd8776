// swift-tools-version: 6.3
import PackageDescription

/// A package of its own that uses vecdb as any other would: through the library products, by their public names.
let package = Package(
    name: "outsider",
    platforms: [.macOS("26.0")],
    dependencies: [.package(name: "vecdb", path: "../..")],
    targets: [
        .executableTarget(
            name: "Outsider",
            dependencies: [
                .product(name: "VecDB", package: "vecdb"), .product(name: "VecDBJSON", package: "vecdb"),
            ])
    ]
)
