/// What went wrong, as values that a program can act on and a text that a person can.
///
/// The text says which file or row, what was expected, what was found, and what to do next. Values are there as far as they are
/// known; the text is made of them.
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
    /// What to set, where that helps.
    public let remedy: Remedy?
    /// What is wrong and what to do; ``message`` says before it where.
    public let problem: String

    /// The file or directory concerned, as the caller or the database names it.
    public private(set) var file: String?
    /// The section of a segment file.
    public private(set) var section: String?
    /// The one-based line of a text file.
    public private(set) var line: Int?
    /// The zero-based row of the input, or the query of a batch; the first of several.
    public private(set) var row: Int?
    /// How many rows of the input cannot be used, where all of them were counted.
    public private(set) var badRowCount: Int?
    /// The candidate concerned.
    public private(set) var ordinal: UInt64?
    public private(set) var id: String?
    /// The place in the candidate's metadata document: `$.genres[2]`.
    public private(set) var jsonPath: String?
    /// What there should be, and what there is instead.
    public private(set) var expected: String?
    public private(set) var found: String?
    /// The most that is possible of what there is too much of.
    public private(set) var limit: Int?
    /// `errno`, where the operating system refused.
    public private(set) var systemCode: Int32?
    /// SQLite's extended result code, where SQLite refused.
    public private(set) var sqliteCode: Int32?

    /// What stands before the problem: the file, and where in it.
    private let place: String?

    /// - Parameters:
    ///   - file: named before the problem.
    ///   - problem: what is wrong, and what to do.
    public init(_ code: Code, file: String? = nil, remedy: Remedy? = nil, _ problem: String) {
        self.init(code, place: file, remedy: remedy, problem)
        self.file = file
    }

    init(_ code: Code, place: String?, remedy: Remedy?, _ problem: String) {
        (self.code, self.remedy, self.place, self.problem) = (code, remedy, place, problem)
    }

    /// The text for people, made of the values.
    public var message: String {
        (place.map { $0 + ": " } ?? "") + (section.map { "section '\($0)' " } ?? "") + problem
    }

    public var description: String { message }
}

extension DatabaseError {
    /// The same with values that a program may act on, which the problem has in words where people need them.
    func with(
        file: String? = nil, section: String? = nil, line: Int? = nil, row: Int? = nil, badRowCount: Int? = nil,
        ordinal: UInt64? = nil, id: String? = nil, jsonPath: String? = nil, expected: String? = nil,
        found: String? = nil, limit: Int? = nil, systemCode: Int32? = nil, sqliteCode: Int32? = nil
    ) -> DatabaseError {
        var error = self
        error.file = file ?? self.file
        error.section = section ?? self.section
        error.line = line ?? self.line
        error.row = row ?? self.row
        error.badRowCount = badRowCount ?? self.badRowCount
        error.ordinal = ordinal ?? self.ordinal
        error.id = id ?? self.id
        error.jsonPath = jsonPath ?? self.jsonPath
        error.expected = expected ?? self.expected
        error.found = found ?? self.found
        error.limit = limit ?? self.limit
        error.systemCode = systemCode ?? self.systemCode
        error.sqliteCode = sqliteCode ?? self.sqliteCode
        return error
    }
}
