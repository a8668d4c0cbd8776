import FileSystem

/// What a trainer's export directory contains, as its `manifest.json` says and its hashes prove.
///
/// The format is described in `Formats/embedding-export.md`.
public struct ExportManifest: Sendable, Hashable {
    /// The name of the manifest inside the directory.
    public static let fileName = "manifest.json"

    /// How the model compares a query with a candidate.
    public enum Metric: String, Sendable, Hashable, CaseIterable {
        case dot
        case cosine
        case l2
    }

    /// What to do when candidates share an id.
    public enum DuplicateIDs: String, Sendable, Hashable, CaseIterable {
        case error
        case keepLast = "keep-last"
        case allow
    }

    /// A file of the export whose SHA-256 was found to be right.
    public struct File: Sendable, Hashable {
        /// As the manifest names it, relative to the directory.
        public let name: String
        /// The absolute path, without links.
        public let path: String
        /// 64 lowercase hexadecimal digits.
        public let sha256: String
        /// What the file was while it was hashed.
        let stamp: FileSystem.File.Status
    }

    public struct Candidates: Sendable, Hashable {
        public let vectors: File
        public let ids: File?
        public let metadata: File?
        /// Rows that every one of the files must have; whoever reads them checks it.
        public let count: Int
        /// `nil` when the manifest leaves it to the importer.
        public let duplicateIDs: DuplicateIDs?
    }

    public struct Queries: Sendable, Hashable {
        public let vectors: File
        public let ids: File?
        /// Rows that every one of the files must have; whoever reads them checks it.
        public let count: Int
    }

    public struct Test: Sendable, Hashable {
        /// Lines of a query id, a tab and a candidate id.
        public let pairs: File
        /// Lines in `pairs`; whoever reads them checks it.
        public let count: Int
    }

    public let metric: Metric
    /// 1…65,535.
    public let dimensions: Int
    /// What the trainer says about the model.
    public let model: String?
    public let candidates: Candidates
    public let queries: Queries?
    public let test: Test?

    /// Reads `manifest.json` in `directory` and checks the SHA-256 of every file that it names.
    ///
    /// Row counts and dimensions are not compared with the files here. What was hashed is what readers must read: they
    /// take the manifest (`hashedBy`) and refuse a file that is another one by then, or was written to.
    ///
    /// - Parameter isCancelled: asked every few MiB while files are hashed; `true` throws `cancelled`.
    /// - Throws: `notFound` for a missing directory, manifest or file; `malformed` with the key path for a value of the
    ///   wrong type; `unsupported` for another format or version; `hashMismatch`.
    /// - Complexity: O(bytes of all files).
    public static func load(
        directory: String, isCancelled: () -> Bool = { false }
    ) throws(InputError) -> ExportManifest {
        switch fileKind(directory) {
        case .nothing:
            throw InputError(.notFound, file: directory, reasonForAbsence(directory, "name an export directory"))
        case .directory: break
        case .regular, .other:
            throw InputError(.notAFile, file: directory, "is not a directory; name the directory of \(fileName)")
        }
        let manifestPath = directory + (directory.utf8.last == UInt8(ascii: "/") ? "" : "/") + fileName
        let root = try ManifestObject.root(ofFileAt: manifestPath)
        try checkVersion(root)
        let files = try ManifestFiles(directory: directory, hashes: root.object("sha256"), manifest: manifestPath)
        let manifest = try ExportManifest(root, files: files)
        try files.verifyAll(isCancelled: isCancelled)
        return manifest
    }

    /// The file at `path` as it was when it was hashed; `nil` for one that the manifest does not name.
    func file(at path: String) -> File? {
        let named = [
            candidates.vectors, candidates.ids, candidates.metadata, queries?.vectors, queries?.ids, test?.pairs,
        ]
        return named.lazy.compactMap(\.self).first { $0.path.utf8.elementsEqual(path.utf8) }
    }

    /// Before everything else: another version may mean something else by every other key.
    private static func checkVersion(_ root: ManifestObject) throws(InputError) {
        let format = try root.string("format")
        guard format == "vecdb-embedding-export" else {
            throw root.error(
                .unsupported, "\"format\" is \(quoted(format.utf8)) where \"vecdb-embedding-export\" is expected")
        }
        let version = try root.integer("version", in: 0...Int.max)
        guard version == 1 else {
            throw root.error(
                .unsupported, "\"version\" is \(grouped(version)); version 1 is read: use a newer vecdb or export again"
            )
        }
    }

    private init(_ root: ManifestObject, files: ManifestFiles) throws(InputError) {
        metric = try root.choice("metric")
        dimensions = try root.integer("dimensions", in: 1...dimensionLimit)
        model = try root.optionalString("model")

        let candidates = try root.object("candidates")
        self.candidates = Candidates(
            vectors: try files.file(candidates, "vectors"),
            ids: try files.optionalFile(candidates, "ids"),
            metadata: try files.optionalFile(candidates, "metadata"),
            count: try candidates.integer("count", in: 0...Int.max),
            duplicateIDs: try candidates.optionalChoice("duplicate_ids"))
        if let queries = try root.optionalObject("queries") {
            self.queries = Queries(
                vectors: try files.file(queries, "vectors"),
                ids: try files.optionalFile(queries, "ids"),
                count: try queries.integer("count", in: 0...Int.max))
        } else {
            queries = nil
        }
        if let test = try root.optionalObject("test") {
            self.test = Test(
                pairs: try files.file(test, "pairs"), count: try test.integer("count", in: 0...Int.max))
        } else {
            test = nil
        }
    }
}
