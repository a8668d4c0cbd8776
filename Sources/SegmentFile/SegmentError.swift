import FileSystem

/// What is wrong with a segment file: which file, which part of it, expected, found, and what to do.
public struct SegmentError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The file is not there.
        case notFound
        /// It is no segment file.
        case notASegment
        /// Bytes are not what their checksums or the rules of the format say.
        case damaged
        /// A newer major version, or a feature, metric, index or encoding that this reader does not know.
        case unsupportedVersion
        /// The file belongs to another database, or is another file than the catalog names.
        case mismatch
        /// Its size changed while it was open.
        case changedUnderneath
        /// Garbage removal holds it: a race, not damage.
        case beingRemoved
        /// The operating system refused.
        case system
    }

    public let code: Code
    public let file: String
    /// The section concerned.
    public let section: String?
    /// What was expected and what was found.
    public let problem: String
    /// `errno` where the operating system refused.
    public let systemCode: Int32?
    /// Whether to build again, which the message ends in.
    public let isMendedByBuild: Bool

    public init(
        _ code: Code, file: String, section: String? = nil, systemCode: Int32? = nil, isMendedByBuild: Bool = false,
        _ problem: String
    ) {
        self.code = code
        self.file = file
        self.section = section
        self.systemCode = systemCode
        self.isMendedByBuild = isMendedByBuild
        self.problem = problem
    }

    init(_ error: SystemError) {
        self.init(
            error.isNotFound ? .notFound : .system, file: error.path, systemCode: error.code, error.problem)
    }

    /// The problem and what to do; without file and section.
    public var message: String { isMendedByBuild ? problem + "; restore a backup, or build it again" : problem }

    public var description: String { "\(file): " + (section.map { "section '\($0)' " } ?? "") + message }

    /// For what a restored backup mends, or a build from the embeddings.
    public static func damaged(_ file: String, _ section: String?, _ message: String) -> SegmentError {
        SegmentError(.damaged, file: file, section: section, isMendedByBuild: true, message)
    }

    /// For a value that a later version of the format may define, in a file that does not contradict itself.
    public static func unsupported(_ file: String, _ section: String?, _ message: String) -> SegmentError {
        SegmentError(
            .unsupportedVersion, file: file, section: section,
            message + ", which this vecdb does not know; use a newer vecdb")
    }
}

extension SegmentError {
    /// Whether the file could not even be opened, for want of descriptors or permission: then nothing is known about it.
    public var isUnopened: Bool { systemCode.map { unopenedCodes.contains($0) } ?? false }
}
