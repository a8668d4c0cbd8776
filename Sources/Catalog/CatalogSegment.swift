import FileSystem

/// The number under which a segment's rows are kept in the catalog. Never used twice.
public struct SegmentKey: RawRepresentable, Sendable, Hashable, Comparable, CustomStringConvertible {
    public let rawValue: Int64

    public init(rawValue: Int64) { self.rawValue = rawValue }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    public var description: String { String(rawValue) }
}

/// Where the ids of a segment's candidates are.
public enum IDStorage: String, Sendable, CaseIterable {
    /// The id is the decimal form of the ordinal; ordinals are dense.
    case implicit
    /// In a table of the catalog.
    case stored
}

/// What a segment file's header says, for the row that makes the file part of the database.
public struct SegmentRecord: Sendable, Equatable {
    /// The exact size of the file.
    public var byteCount: UInt64
    public var rowCount: UInt64
    /// CRC-32C of the segment's header.
    public var headerChecksum: UInt32
    /// The smallest ordinal; 0 when there are no rows.
    public var firstOrdinal: UInt64

    public init(byteCount: UInt64, rowCount: UInt64, headerChecksum: UInt32, firstOrdinal: UInt64) {
        self.byteCount = byteCount
        self.rowCount = rowCount
        self.headerChecksum = headerChecksum
        self.firstOrdinal = firstOrdinal
    }
}

/// A published segment.
public struct CatalogSegment: Sendable, Equatable {
    public let key: SegmentKey
    public let uuid: SegmentUUID
    /// `segment-<32 hexadecimal digits>.vseg`, in the database directory.
    public let fileName: String
    public let record: SegmentRecord
    public let ids: IDStorage
    /// Stored metadata documents; `nil` when the segment has no metadata.
    public let documentCount: UInt64?
    /// Stored query-side embeddings.
    public let queryCount: UInt64
    /// The generation that published it.
    public let born: UInt64
    /// The generation that replaced it.
    public let died: UInt64?

    /// Whether a search in `generation` sees the segment.
    public func isLive(in generation: UInt64) -> Bool {
        guard born <= generation else { return false }
        return died.map { $0 > generation } ?? true
    }
}

/// Everything small in a catalog, read in one transaction and verified.
public struct CatalogContents: Sendable, Equatable {
    /// The current generation; 0 when nothing was published yet.
    public let generation: UInt64
    /// 16 bytes.
    public let databaseUUID: SegmentUUID
    public let settings: CatalogSettings
    /// The segments of the current generation, by key.
    public let segments: [CatalogSegment]
    /// Segments of earlier generations that were not removed yet.
    public let deadSegments: [CatalogSegment]
    /// Segments whose rows are being staged, or were when a writer crashed.
    public let stagedSegments: [StagedSegment]
}

/// A segment that was staged and neither published nor discarded: a staging that goes on, or what a crash left. Its rows go
/// with ``CatalogWriter/discardStaging(_:)``.
public struct StagedSegment: Sendable, Equatable {
    public let key: SegmentKey
    public let uuid: SegmentUUID
    public let fileName: String
}
