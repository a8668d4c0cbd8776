import TestSupport
import Testing

/// Six candidates whose scores can be computed in the head.
enum Films {
    static let vectors: [[Float]] = [[1, 0], [0, 2], [3, 1], [-1, -1], [2, 2], [0.5, -0.25]]
    static let ids = ["Amélie (2001)", "Heat, the film", "tab\there", "七人の侍", "\\back", "42"]
    static let metadata = [
        #"{"title":"Amélie","year":2001,"tags":["a","b"]}"#, #"{"title":"Heat","year":1995}"#,
        #"{"title":"A \"tab\"","year":null}"#, #"{"title":"七人の侍","year":1954}"#, #"{"title":"Back","year":1980}"#,
        #"{"title":"Forty-two"}"#,
    ]

    /// Writes `films.npy`, `films.txt`, `films.ndjson`, `users.npy` and `users.txt`.
    static func write(to directory: TemporaryDirectory) throws {
        try directory.write("films.npy", npy(vectors))
        try directory.write("films.txt", ids.map { $0 + "\n" }.joined())
        try directory.write("films.ndjson", metadata.map { $0 + "\n" }.joined())
        try directory.write("users.npy", npy([[1, 1], [-2, 0], [0, 1]]))
        try directory.write("users.txt", "ann\nbob\n-5\n")
    }

    /// A directory with a database `films.vecdb` of them, and its summary.
    static func database(_ options: String...) throws -> (TemporaryDirectory, Output) {
        let directory = try TemporaryDirectory()
        try write(to: directory)
        let output = try vecdb(
            ["build", "films.vecdb", "--vectors", "films.npy", "--ids", "films.txt", "--metadata", "films.ndjson"]
                + ["--query-vectors", "users.npy", "--query-ids", "users.txt"] + options, in: directory)
        try #require(output.status == 0, "\(output.standardError)")
        return (directory, output)
    }

    /// Writes `export/`, the films as a trainer would hand them over.
    static func writeExport(to directory: TemporaryDirectory) throws {
        try directory.makeDirectory("export")
        try directory.write("export/candidates.npy", npy(vectors))
        try directory.write("export/candidates.ids.txt", ids.map { $0 + "\n" }.joined())
        try directory.write("export/queries.npy", npy([[1, 1], [-2, 0], [0, 1]]))
        try directory.write("export/queries.ids.txt", "ann\nbob\n-5\n")
        let sums = try shell("cd export && sha256sum *", in: directory).lines.map { line in
            let parts = line.split(separator: " ")
            return "\"\(parts[1])\": \"\(parts[0])\""
        }
        try directory.write(
            "export/manifest.json",
            """
            {"format": "vecdb-embedding-export", "version": 1, "metric": "l2", "dimensions": 2,
             "candidates": {"vectors": "candidates.npy", "ids": "candidates.ids.txt", "count": 6},
             "queries": {"vectors": "queries.npy", "ids": "queries.ids.txt", "count": 3},
             "sha256": {\(sums.joined(separator: ", "))}}
            """)
    }
}
