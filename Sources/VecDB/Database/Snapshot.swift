import Catalog
import FileSystem
import SegmentFile
import Synchronization
import VectorKernels

/// One committed state of a database, for as long as somebody searches it: the pinned segments, and the catalog rows that go
/// with them.
///
/// One object, whose references ``SearchSessions`` keeps threads from counting up and down for every search.
final class Snapshot: Sendable {
    let catalog: CatalogSnapshot
    let segments: SegmentList
    let settings: StoredSettings
    /// How many lists of excluded ids were looked up, which tests count.
    let listLookUps = Atomic(0)

    var generation: UInt64 { catalog.generation }

    init(catalog: CatalogSnapshot, segments: SegmentList) {
        (self.catalog, self.segments) = (catalog, segments)
        settings = StoredSettings(catalog.settings, of: segments.mapped[0])
    }

    /// The newest generation. A writer may publish and remove between our look at the catalog and our pin: then again.
    static func newest(in directory: Directory, catalog reader: CatalogReader, pinning: Bool = true)
        throws(DatabaseError) -> Snapshot
    {
        var lastGeneration: UInt64?
        while true {
            let state: CatalogSnapshot
            do throws(CatalogError) { state = try reader.snapshot() } catch { throw DatabaseError(error) }
            do throws(SegmentError) {
                let segment = try open(state, in: directory, pinning: pinning)
                return Snapshot(catalog: state, segments: SegmentList([segment]))
            } catch {
                let mayBeRace = error.code == .beingRemoved || error.code == .notFound
                guard mayBeRace, state.generation != lastGeneration else { throw DatabaseError(error) }
                lastGeneration = state.generation
            }
        }
    }

    /// Runs what reads the mapped files, and lets its result pass only where they have stayed what they were.
    func reading<Value>(_ body: () throws(DatabaseError) -> Value) throws(DatabaseError) -> Value {
        do throws(SegmentError) {
            for segment in segments.mapped { try segment.reader.willRead() }
        } catch { throw DatabaseError(error) }
        let result = Result(catching: body)
        // A file that was cut off looks damaged in many ways; that it was cut off is what must be said.
        do throws(SegmentError) {
            for segment in segments.mapped { try segment.reader.didRead() }
        } catch { throw DatabaseError(error) }
        return try result.get()
    }

    /// Version 1 of the catalog has one segment in each generation.
    private static func open(
        _ state: CatalogSnapshot, in directory: Directory, pinning: Bool
    ) throws(SegmentError) -> IndexSegment {
        let named = try state.onlySegment()
        let reader = try SegmentReader(in: directory, uuid: named.uuid, pinning: pinning)
        try state.check(reader.header, of: reader.file, namedBy: named)
        let segment = try IndexSegment(checking: reader)
        try state.check(segment)
        return segment
    }
}
