import FileSystem
import SegmentFile
import TreeAH
import VectorKernels

/// The segments of a snapshot, in its order, and the models that they share. One object, for searches pass it on.
final class SegmentList: Sendable {
    let mapped: [IndexSegment]
    /// Rows that no segment file holds yet.
    let delta: DeltaSegment?
    /// All parts: mapped segments, then what is in memory.
    let parts: [any SearchableSegment]
    let metric: Metric
    let dimensions: Int
    /// For each model the places of its segments in `mapped`. Segments without a tree have none.
    let models: [[Int]]
    /// For each segment the place of its model in `models`; `nil` without a tree.
    let modelOfSegment: [Int?]
    /// The number of each segment's first slot among the slots of all: candidates of a tree search are numbered so.
    let firstNumbers: [UInt64]
    let rowCount: Int
    /// The slots of all trees.
    let slotCount: Int
    let hasSecondAssignments: Bool
    /// `nil` where no segment has a tree.
    let searchCost: SnapshotCost?

    /// - Parameters:
    ///   - mapped: of one metric and as many dimensions; their ordinals do not overlap.
    ///   - model: what tells models apart.
    init(
        _ mapped: [IndexSegment], delta: DeltaSegment? = nil,
        model: (IndexSegment) -> SegmentUUID = { $0.reader.header.segmentUUID }
    ) {
        precondition(!mapped.isEmpty)
        (self.mapped, self.delta) = (mapped, delta)
        parts = mapped + (delta.map { [$0] } ?? [])
        (metric, dimensions) = (mapped[0].metric, mapped[0].dimensions)
        precondition(mapped.allSatisfy { $0.metric == mapped[0].metric && $0.dimensions == mapped[0].dimensions })
        var uuids: [SegmentUUID] = []
        var (models, modelOfSegment, firstNumbers): ([[Int]], [Int?], [UInt64]) = ([], [], [])
        var (next, slots): (UInt64, Int) = (0, 0)
        for (place, segment) in mapped.enumerated() {
            firstNumbers.append(next)
            guard let tree = segment.parameters.tree else {
                modelOfSegment.append(nil)
                continue
            }
            let uuid = model(segment)
            let known = uuids.firstIndex(of: uuid)
            if known == nil {
                uuids.append(uuid)
                models.append([])
            }
            models[known ?? models.count - 1].append(place)
            modelOfSegment.append(known ?? models.count - 1)
            // Slots are numbered by blocks where rows have several.
            next += UInt64(segment.hasSecondAssignments ? 32 * tree.blockCount : segment.rowCount)
            slots += tree.slotCount
        }
        precondition(next <= UInt64(UInt32.max) + 1)
        (self.models, self.modelOfSegment, self.firstNumbers) = (models, modelOfSegment, firstNumbers + [next])
        rowCount = parts.reduce(0) { $0 + $1.rowCount }
        slotCount = slots
        hasSecondAssignments = mapped.contains { $0.hasSecondAssignments }
        searchCost = SnapshotCost(mapped.compactMap(\.searchCost), rowCount: rowCount)
    }

    /// Whether a tree search is that of one tree and nothing else.
    var isOneTree: Bool { mapped.count == 1 && models.count == 1 && delta == nil }

    /// The smallest ordinal that a part may have, and one more than the largest.
    var ordinals: (first: UInt64, end: UInt64) {
        let headers = mapped.map(\.reader.header)
        let first = headers.map(\.firstOrdinal) + (delta?.ordinals.prefix(1) ?? [])
        let end =
            headers.map { $0.firstOrdinal + UInt64($0.ordinalSpan) }
            + (delta?.ordinals.suffix(1).map { $0 + 1 } ?? [])
        return (first.min() ?? 0, end.max() ?? 0)
    }

    /// Where a row lies.
    struct Place: Sendable {
        /// Of ``parts``.
        let part: Int
        let row: UInt32
    }

    /// Where the row of an ordinal lies; `nil` where no part has it.
    func find(_ ordinal: UInt64) throws(SegmentError) -> Place? {
        for (place, part) in parts.enumerated() {
            if let row = try part.row(ofOrdinal: ordinal) { return Place(part: place, row: row) }
        }
        return nil
    }

    /// A filter that lets all rows pass but these.
    func filter(excluding places: some Sequence<Place>) -> SnapshotFilter {
        var rows = [[UInt32]](repeating: [], count: parts.count)
        for place in places { rows[place.part].append(place.row) }
        return SnapshotFilter(zip(rows, parts).map { RowFilter(excluding: $0, of: $1.rowCount) })
    }
}

/// Which rows of a snapshot a search may return, by the parts of its segment list.
struct SnapshotFilter: Sendable {
    private let parts: [RowFilter]
    /// How many rows of all parts are left out.
    let excludedCount: Int

    static let all = SnapshotFilter([])

    /// - Parameter parts: one for each part; none at all where all rows pass.
    init(_ parts: [RowFilter]) {
        self.parts = parts
        excludedCount = parts.reduce(0) { $0 + $1.excludedCount }
    }

    subscript(part: Int) -> RowFilter { parts.isEmpty ? .all : parts[part] }

    func intersection(_ other: SnapshotFilter) -> SnapshotFilter {
        if other.excludedCount == 0 { return self }
        if excludedCount == 0 { return other }
        return SnapshotFilter(zip(parts, other.parts).map { $0.intersection($1) })
    }
}
