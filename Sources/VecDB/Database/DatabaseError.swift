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

    /// In a box, for the error's room is made in every call that may throw it.
    private final class Box: Sendable {
        let values: Values
        init(_ values: Values) { self.values = values }
    }

    private struct Values: Sendable, Equatable {
        let code: Code
        let remedy: Remedy?
        let problem: String
        /// What stands before the problem: the file, and where in it.
        let place: String?
        var file: String?
        var section: String?
        var line: Int?
        var row: Int?
        var badRowCount: Int?
        var ordinal: UInt64?
        var id: String?
        var jsonPath: String?
        var expected: String?
        var found: String?
        var limit: Int?
        var systemCode: Int32?
        var sqliteCode: Int32?
    }

    private let box: Box
    private var values: Values { box.values }

    public var code: Code { values.code }
    /// What to set, where that helps.
    public var remedy: Remedy? { values.remedy }
    /// What is wrong and what to do; ``message`` says before it where.
    public var problem: String { values.problem }

    /// The file or directory concerned, as the caller or the database names it.
    public var file: String? { values.file }
    /// The section of a segment file.
    public var section: String? { values.section }
    /// The one-based line of a text file.
    public var line: Int? { values.line }
    /// The zero-based row of the input, or the query of a batch; the first of several.
    public var row: Int? { values.row }
    /// How many rows of the input cannot be used, where all of them were counted.
    public var badRowCount: Int? { values.badRowCount }
    /// The candidate concerned.
    public var ordinal: UInt64? { values.ordinal }
    public var id: String? { values.id }
    /// The place in the candidate's metadata document: `$.genres[2]`.
    public var jsonPath: String? { values.jsonPath }
    /// What there should be, and what there is instead.
    public var expected: String? { values.expected }
    public var found: String? { values.found }
    /// The most that is possible of what there is too much of.
    public var limit: Int? { values.limit }
    /// `errno`, where the operating system refused.
    public var systemCode: Int32? { values.systemCode }
    /// SQLite's extended result code, where SQLite refused.
    public var sqliteCode: Int32? { values.sqliteCode }

    /// - Parameters:
    ///   - file: named before the problem.
    ///   - problem: what is wrong, and what to do.
    public init(_ code: Code, file: String? = nil, remedy: Remedy? = nil, _ problem: String) {
        box = Box(Values(code: code, remedy: remedy, problem: problem, place: file, file: file))
    }

    init(_ code: Code, place: String?, remedy: Remedy?, _ problem: String) {
        box = Box(Values(code: code, remedy: remedy, problem: problem, place: place))
    }

    private init(_ values: Values) { box = Box(values) }

    /// The text for people, made of the values.
    public var message: String {
        (values.place.map { $0 + ": " } ?? "") + (section.map { "section '\($0)' " } ?? "") + problem
    }

    public var description: String { message }

    public static func == (left: DatabaseError, right: DatabaseError) -> Bool { left.values == right.values }
}

extension DatabaseError {
    /// The same with values that a program may act on, which the problem has in words where people need them.
    func with(
        file: String? = nil, section: String? = nil, line: Int? = nil, row: Int? = nil, badRowCount: Int? = nil,
        ordinal: UInt64? = nil, id: String? = nil, jsonPath: String? = nil, expected: String? = nil,
        found: String? = nil, limit: Int? = nil, systemCode: Int32? = nil, sqliteCode: Int32? = nil
    ) -> DatabaseError {
        var values = values
        values.file = file ?? self.file
        values.section = section ?? self.section
        values.line = line ?? self.line
        values.row = row ?? self.row
        values.badRowCount = badRowCount ?? self.badRowCount
        values.ordinal = ordinal ?? self.ordinal
        values.id = id ?? self.id
        values.jsonPath = jsonPath ?? self.jsonPath
        values.expected = expected ?? self.expected
        values.found = found ?? self.found
        values.limit = limit ?? self.limit
        values.systemCode = systemCode ?? self.systemCode
        values.sqliteCode = sqliteCode ?? self.sqliteCode
        return DatabaseError(values)
    }
}
