/// Text that is what its bytes are: an id, a key, a name from a file.
///
/// `String`s are equal where Unicode calls them canonically equivalent, and a `Character` takes in whatever combines with its
/// neighbours. Two ids may then be one, or a key lose its closing quote. So nothing that comes from outside is a key of a
/// dictionary, or cut, in any other form than this.
public struct ByteString: Sendable, Hashable {
    public let bytes: [UInt8]

    public init(_ text: String) { bytes = Array(text.utf8) }

    public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// For people, and for whoever wants a `String`; what is not UTF-8 appears as replacement characters.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// What stands behind the last point of a file's name, `A`–`Z` in lower case; `nil` where there is no point, or it is the first
/// character.
func fileExtension(_ path: String) -> String? {
    let name = path.utf8.split(separator: UInt8(ascii: "/")).last ?? path.utf8[...]
    guard let point = name.lastIndex(of: UInt8(ascii: ".")), point != name.startIndex else { return nil }
    let ending = name[name.index(after: point)...]
    return ByteString(bytes: ending.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }).text
}
