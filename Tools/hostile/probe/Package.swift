// swift-tools-version: 6.3
import PackageDescription

/// Opens damaged databases through the public library, thousands of times in one process. `Tools/hostile-test` drives it.
let package = Package(
    name: "probe",
    platforms: [.macOS("26.0")],
    dependencies: [.package(name: "vecdb", path: "../../..")],
    targets: [
        .executableTarget(
            name: "Probe", dependencies: [.product(name: "VecDB", package: "vecdb")],
            swiftSettings: [.strictMemorySafety()])
    ]
)
