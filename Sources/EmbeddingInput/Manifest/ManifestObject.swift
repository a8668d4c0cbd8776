import FileSystem

/// An object of the manifest, which knows its key path and refuses values of the wrong type by it.
struct ManifestObject {
    private let document: JSONDocument
    private let range: Range<Int>
    /// The path of keys that led here, empty at the root.
    private let path: String
    private let file: String

    /// The longest manifest accepted, in bytes: 1 MiB.
    private static let byteLimit = 1 << 20

    /// Reads and parses a manifest.
    static func root(ofFileAt path: String) throws(InputError) -> ManifestObject {
        switch fileKind(path) {
        case .nothing:
            throw InputError(.notFound, file: path, reasonForAbsence(path, "an export directory needs one"))
        case .regular: break
        case .directory, .other: throw InputError(.notAFile, file: path, "is not a regular file")
        }
        // unreached: only pipes ask, and this is a regular file
        let file = try InputFile.open(path, spoolDirectory: nil) { false }
        guard file.byteCount <= byteLimit else {
            throw InputError(
                .malformed, file: path,
                "has \(grouped(file.byteCount)) bytes; a manifest has at most \(grouped(byteLimit))")
        }
        let text = try file.prefix(byteLimit)
        try file.checkUnchanged()
        let document: JSONDocument
        do throws(JSONFailure) {
            document = try JSONDocument(parsing: text)
        } catch {
            throw InputError(
                .malformed, file: path, "is not valid JSON at byte \(grouped(error.offset + 1)): \(error.message)")
        }
        guard document.kind(document.root) == .object else {
            throw InputError(.malformed, file: path, "must hold a JSON object")
        }
        return ManifestObject(document: document, range: document.root, path: "", file: path)
    }

    /// All members whose values are strings, in order.
    func strings() throws(InputError) -> [(key: String, value: String)] {
        var members: [(key: String, value: String)] = []
        var wrong: String?
        document.forEachMember(of: range) { key, value in
            let name = document.unescaped(key)
            if let text = document.string(value) { members.append((name, text)) } else { wrong = wrong ?? name }
            return true
        }
        if let wrong { throw mistyped(wrong, "a string") }
        return members
    }

    func object(_ key: String) throws(InputError) -> ManifestObject {
        try required(optionalObject(key), key, "an object")
    }

    func optionalObject(_ key: String) throws(InputError) -> ManifestObject? {
        guard let value = member(key) else { return nil }
        guard document.kind(value) == .object else { throw mistyped(key, "an object") }
        return ManifestObject(document: document, range: value, path: keyPath(key), file: file)
    }

    func string(_ key: String) throws(InputError) -> String {
        try required(optionalString(key), key, "a string")
    }

    func optionalString(_ key: String) throws(InputError) -> String? {
        guard let value = member(key) else { return nil }
        guard let text = document.string(value) else { throw mistyped(key, "a string") }
        return text
    }

    func integer(_ key: String, in limits: ClosedRange<Int>) throws(InputError) -> Int {
        let expected =
            limits.upperBound == .max
            ? "an integer of at least \(grouped(limits.lowerBound))"
            : "an integer from \(grouped(limits.lowerBound)) to \(grouped(limits.upperBound))"
        guard let value = member(key) else { return try required(nil, key, expected) }
        guard let number = document.integer(value).flatMap({ Int(exactly: $0) }), limits.contains(number) else {
            throw mistyped(key, expected)
        }
        return number
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String
    ) throws(InputError) -> Choice where Choice.RawValue == String {
        try required(optionalChoice(key), key, "one of \(names(Choice.self))")
    }

    func optionalChoice<Choice: RawRepresentable & CaseIterable>(
        _ key: String
    ) throws(InputError) -> Choice? where Choice.RawValue == String {
        guard let value = member(key) else { return nil }
        guard let choice = document.string(value).flatMap(Choice.init(rawValue:)) else {
            throw mistyped(key, "one of \(names(Choice.self))")
        }
        return choice
    }

    func error(_ code: InputError.Code, _ message: String) -> InputError {
        InputError(code, file: file, message)
    }

    /// `key` with the keys that lead to this object, as messages print it.
    func keyPath(_ key: String) -> String {
        path.isEmpty ? key : path + "." + key
    }

    private func member(_ key: String) -> Range<Int>? {
        document.member(key, of: range)
    }

    private func required<Value>(_ value: Value?, _ key: String, _ expected: String) throws(InputError) -> Value {
        guard let value else { throw error(.malformed, "has no \"\(keyPath(key))\"; it must be \(expected)") }
        return value
    }

    private func mistyped(_ key: String, _ expected: String) -> InputError {
        // unreached: only called about a member that is there
        let found = member(key).map { quoted(document.bytes[$0]) } ?? "nothing"
        return error(.malformed, "\"\(keyPath(key))\" must be \(expected), found \(found)")
    }

    private func names<Choice: RawRepresentable & CaseIterable>(
        _ type: Choice.Type
    ) -> String where Choice.RawValue == String {
        Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
    }
}
