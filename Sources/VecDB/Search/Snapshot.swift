import Catalog
import FileSystem
import SegmentFile
import Synchronization
import VectorKernels

/// One committed state of a database, for as long as somebody searches it: the pinned segment, and the catalog rows that go
/// with it.
///
/// One object, whose references ``SearchSessions`` keeps threads from counting up and down for every search.
final class Snapshot: Sendable {
    let catalog: CatalogSnapshot
    let segment: IndexSegment
    let settings: StoredSettings
    /// How many lists of excluded ids were looked up, which tests count.
    let listLookUps = Atomic(0)

    var generation: UInt64 { catalog.generation }

    private init(catalog: CatalogSnapshot, segment: IndexSegment) {
        self.catalog = catalog
        self.segment = segment
        settings = StoredSettings(catalog.settings, of: segment)
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
                return Snapshot(catalog: state, segment: try open(state, in: directory, pinning: pinning))
            } catch {
                let mayBeRace = error.code == .beingRemoved || error.code == .notFound
                guard mayBeRace, state.generation != lastGeneration else { throw DatabaseError(error) }
                lastGeneration = state.generation
            }
        }
    }

    /// Runs what reads the mapped file, and lets its result pass only where the file has stayed what it was.
    func reading<Value>(_ body: () throws(DatabaseError) -> Value) throws(DatabaseError) -> Value {
        do throws(SegmentError) { try segment.reader.willRead() } catch { throw DatabaseError(error) }
        let result = Result(catching: body)
        // A file that was cut off looks damaged in many ways; that it was cut off is what must be said.
        do throws(SegmentError) { try segment.reader.didRead() } catch { throw DatabaseError(error) }
        return try result.get()
    }

    private static func open(
        _ state: CatalogSnapshot, in directory: Directory, pinning: Bool
    ) throws(SegmentError) -> IndexSegment {
        let named = try state.onlySegment()
        guard let uuid = SegmentUUID(bytes: named.uuid) else {
            throw SegmentError(.mismatch, file: "segment", "the catalog names a segment without a uuid")
        }
        let reader = try SegmentReader(in: directory, uuid: uuid, pinning: pinning)
        try state.check(reader.header, of: reader.file, namedBy: named)
        let segment = try IndexSegment(checking: reader)
        try state.check(segment)
        return segment
    }
}
