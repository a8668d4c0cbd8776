@testable import VecDB

func makeNamedDatabase(_ path: String, _ name: String, rows: Int = 300) throws {
    var options = BuildOptions()
    options.index = .treeAH
    options.leaves = 4
    let documents = (0..<rows).map { "{\"of\":\"\(name)\",\"row\":\($0)}" }
    try VectorDatabase.build(
        at: path,
        from: .memory(
            vectors: clusteredVectors(count: rows, dimensions: 4, seed: 1), dimensions: 4,
            ids: (0..<rows).map { "\(name) \($0)" }, metadata: documents),
        options: options)
}

func overwriteNamed(_ path: String, timeoutSeconds: Double = 60) throws {
    var options = BuildOptions()
    options.overwrite = true
    options.lockTimeoutSeconds = timeoutSeconds
    try VectorDatabase.build(at: path, from: .memory(vectors: [7, 8], dimensions: 1), options: options)
}
