import FileSystem

/// The files that a manifest names: inside the directory, regular, with the announced SHA-256.
struct ManifestFiles {
    private let directory: String
    private let resolvedDirectory: String
    private let manifest: String
    /// In the manifest's order, found by the bytes of their names.
    private var files: [ExportManifest.File] = []

    /// Finds all files that have a hash, without reading them.
    init(directory: String, hashes: ManifestObject, manifest: String) throws(InputError) {
        self.directory = directory
        self.manifest = manifest
        resolvedDirectory = try resolvedPath(directory)
        for (name, hash) in try hashes.strings() {
            guard hash.utf8.count == 64, hash.utf8.allSatisfy(isLowercaseHexadecimal) else {
                throw hashes.error(
                    .malformed,
                    "\"\(hashes.keyPath(name))\" must be 64 lowercase hexadecimal digits, found \(quoted(hash.utf8))")
            }
            let path = try locate(name)
            // Only what is found now may be hashed, and only what was hashed may be read.
            files.append(ExportManifest.File(name: name, path: path, sha256: hash, stamp: try stampOfFile(at: path)))
        }
    }

    /// The file that `key` of `object` names.
    func file(_ object: ManifestObject, _ key: String) throws(InputError) -> ExportManifest.File {
        try file(named: object.string(key), object, key)
    }

    /// The file that `key` of `object` names, if the key is there.
    func optionalFile(_ object: ManifestObject, _ key: String) throws(InputError) -> ExportManifest.File? {
        guard let name = try object.optionalString(key) else { return nil }
        return try file(named: name, object, key)
    }

    /// Reads every file and compares its hash.
    func verifyAll(isCancelled: () -> Bool) throws(InputError) {
        for file in files {
            let found = try sha256(of: file, isCancelled: isCancelled)
            guard found == file.sha256 else {
                throw InputError(
                    .hashMismatch, file: directory + "/" + file.name,
                    "has the SHA-256 \(found) where the manifest says \(file.sha256); "
                        + "the file changed after the export: export or copy it again")
            }
        }
    }

    private func file(
        named name: String, _ object: ManifestObject, _ key: String
    ) throws(InputError) -> ExportManifest.File {
        guard let file = files.first(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
            _ = try locate(name)  // a bad path is the better message
            throw object.error(
                .malformed, "names \(quoted(name.utf8)) as \"\(object.keyPath(key))\" but gives no \"sha256\" for it")
        }
        return file
    }

    /// The absolute path of a file of the export.
    private func locate(_ name: String) throws(InputError) -> String {
        let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard !parts.contains(where: { $0.isEmpty || $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }),
            !name.utf8.contains(0)
        else {
            throw outside(name)
        }
        let path = directory + "/" + name
        let resolved = try resolvedPath(path)
        // unreached: no test exports to the root of the file system
        guard resolved.utf8.starts(with: (resolvedDirectory + (resolvedDirectory == "/" ? "" : "/")).utf8) else {
            throw outside(name)
        }
        guard fileKind(resolved) == .regular else {
            throw InputError(.notAFile, file: path, "is not a regular file; \(manifest) may name regular files only")
        }
        return resolved
    }

    private func outside(_ name: String) -> InputError {
        InputError(
            .malformed, file: manifest,
            "names the file \(quoted(name.utf8, limit: 200)); paths must be relative, without '.', '..' and empty "
                + "parts, and lead to a file inside the directory")
    }

    private func sha256(of file: ExportManifest.File, isCancelled: () -> Bool) throws(InputError) -> String {
        // unreached: only pipes ask, and a file of the manifest is regular
        let source = try InputFile.open(file.path, expecting: file.stamp, spoolDirectory: nil) { false }
        var hash = SHA256()
        var chunk = [UInt8](repeating: 0, count: min(1 << 20, source.byteCount))
        var offset = 0
        while offset < source.byteCount {
            if isCancelled() { throw InputError(.cancelled, file: file.path, "stopped while it was being hashed") }
            let count = try source.read(upTo: chunk.count, into: &chunk, at: 0, offset: offset)
            // unreached: the file would have to be cut off between two reads
            if count == 0 { break }
            hash.update(chunk.span.extracting(first: count))
            offset += count
        }
        try source.checkUnchanged()
        return hash.hexadecimalDigest()
    }
}

private func stampOfFile(at path: String) throws(InputError) -> File.Status {
    // unreached: only pipes ask, and a file of the manifest is regular
    try InputFile.open(path, spoolDirectory: nil) { false }.stamp
}

private func isLowercaseHexadecimal(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
}
