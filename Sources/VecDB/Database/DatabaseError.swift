/// What went wrong, as a kind a program can act on and a text a person can.
///
/// The text says which file or row, what was expected, what was found, and what to do next.
public struct DatabaseError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// An argument cannot be right whatever the data.
        case invalidArgument
        /// Input vectors, ids or metadata are refused.
        case invalidInput
        /// A file, a database or an id does not exist.
        case notFound
        /// A build met an existing database without `overwrite`, or a directory that is no database.
        case alreadyExists
        /// Stored bytes are damaged.
        case corrupt
        /// Written by a newer vecdb.
        case unsupportedVersion
        /// Another process writes, or has moved or replaced what this one had opened.
        case locked
        /// The operating system refused: disk full, no permission, an I/O error.
        case system
        /// A metadata document is not of the type that was asked for.
        case metadataMismatch
        /// The caller asked to stop.
        case cancelled
        /// A search took longer than it was given.
        case deadlinePassed
    }

    /// What a caller may set to get past an error. Messages say it in words; how it is set, a program knows better.
    public enum Remedy: String, Sendable, CaseIterable {
        /// ``VectorDatabase/build(at:from:options:progress:)``, from the embeddings, where there is no backup
        case build
        /// ``VectorDatabase/open(_:mode:)`` with ``VectorDatabase/OpenMode/automatic``, and write permission
        case recovery
        /// ``BuildFiles/inputFormat``
        case inputFormat
        /// ``BuildFiles/tensor``
        case tensor
        /// ``BuildFiles/hasHeader`` and ``BuildFiles/idColumn``
        case textLayout
        /// ``BuildFiles/queryVectors``
        case queryVectors
        /// ``BuildOptions/duplicateIDs``
        case duplicateIDs
        /// ``BuildOptions/overwrite``
        case overwrite
        /// ``BuildOptions/allowsNetworkFileSystem``
        case networkFileSystem
        /// ``BuildOptions/index``
        case treeIndex
    }

    public let code: Code
    public let message: String
    /// What to set, where that helps.
    public let remedy: Remedy?

    public init(_ code: Code, remedy: Remedy? = nil, _ message: String) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    public var description: String { message }
}
