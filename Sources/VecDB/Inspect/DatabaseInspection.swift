import Catalog
import FileSystem
import Foundation
import SegmentFile
import TreeAH

/// What `inspect` shows: as much as can be told of a database, damaged ones included.
public struct DatabaseInspection: Sendable {
    public var database: String
    public var generation: UInt64?
    /// Of the segment file: `1.0`.
    public var formatVersion: String?
    /// Whether a crash left a journal that must be rolled back before the catalog can be read.
    public var recoveryPending = false
    public var metric: Metric?
    public var dimensions: Int?
    public var rows: Int?
    public var index: IndexKind?
    public var leaves: Int?
    public var projectedDimensions: Int?
    public var dimensionsPerBlock: Int?
    public var projection: String?
    public var reorderStorage: ReorderStorage?
    public var defaults: SearchDefaults?
    /// The same for every k that was measured on the segment, ascending.
    public var settings: [SearchDefaults] = []
    public var queries: Int?
    public var metadataColumns: [Column] = []
    public var catalogBytes: Int?
    public var segments: [Segment] = []
    public var leafSizes: LeafSizes?
    /// What is damaged or missing, one sentence each.
    public var problems: [String] = []
    /// What this version does not know and a newer one may, one sentence each: no damage.
    public var unsupported: [String] = []

    /// A typed metadata column.
    public struct Column: Sendable {
        public var name: String
        public var type: String
    }

    /// A segment file and its sections, in file order.
    public struct Segment: Sendable {
        public var file: String
        public var uuid: String?
        public var bytes: Int
        public var rows: Int?
        public var sections: [Section]

        public struct Section: Sendable {
            public var name: String
            public var offset: Int
            public var bytes: Int
            public var elementType: String
            /// `ok`, `damaged`, `damaged at block 3`.
            public var checksum: String
        }
    }

    /// How evenly rows are spread over the leaves.
    public struct LeafSizes: Sendable {
        public var min: Int
        public var p50: Int
        public var max: Int
        public var mean: Double
        /// leaves · Σ size² / rows²: 1 when all are equal; what a scan of a random leaf costs, relative to that.
        public var imbalance: Double
        public var empty: Int
    }
}

extension VectorDatabase {
    /// Looks at a database without ever writing, and shows as much of a damaged one as it can.
    ///
    /// - Throws: `notFound` when there is nothing to look at.
    /// - Complexity: reads every byte of the segment for its checksums.
    public static func inspect(_ path: String) throws(DatabaseError) -> DatabaseInspection {
        let directory = try openDatabaseDirectory(path)
        return try DatabaseError.wrapping {
            let names = try directory.names()
            guard names.contains(catalogFileName) || names.contains(where: { SegmentUUID(segmentFileName: $0) != nil })
            else {
                throw notADatabase(path)
            }
            while true {
                let inspection = try DatabaseInspection(of: path, directory, names: names)
                // What is inspected is not pinned: a writer may have replaced and removed it meanwhile.
                guard !(inspection.problems.isEmpty && inspection.unsupported.isEmpty),
                    let generation = inspection.generation,
                    let newest = try? openForInspection(path, directory).currentGeneration(), newest > generation
                else { return inspection }
            }
        }
    }
}

/// - Throws: the catalog's own errors, which say more about what is wrong; `notFound` where there is none.
private func openForInspection(_ path: String, _ directory: Directory) throws -> CatalogReader {
    do throws(CatalogError) {
        return try CatalogReader.open(in: directory, mode: .readOnly, checksum: catalogChecksum)
    } catch {
        throw error.code == .notFound ? notADatabase(path) as any Error : error
    }
}

extension DatabaseInspection {
    /// One look, during which a writer may be at work.
    fileprivate init(of path: String, _ directory: Directory, names: [String]) throws {
        database = path
        catalogBytes = try directory.status(of: catalogFileName)?.byteCount
        var files: [String] = []
        var state: CatalogSnapshot?
        do {
            let snapshot = try openForInspection(path, directory).snapshot()
            state = snapshot
            files = snapshot.segments.map(\.fileName)
            try describe(snapshot)
            _ = try snapshot.onlySegment()
        } catch {
            // What could not be looked at is not damaged.
            if let error = error as? CatalogError, error.isUnopened || error.code == .busy { throw error }
            // What a crash left and the next reader puts right is no damage.
            recoveryPending = (error as? CatalogError)?.code == .recoveryPending
            if !recoveryPending { add(DatabaseError(anyError: error)) }
            // Without a catalog that names one segment nobody knows which files count, so all are shown.
            files = names.filter { SegmentUUID(segmentFileName: $0) != nil }
        }
        for file in files { try describe(segment: file, of: state, in: directory) }
        // Nor whether one that is not whole was ever part of the database, or is what a killed writer left of its own.
        if recoveryPending { (problems, unsupported) = ([], []) }
    }

    /// Sorts what keeps a part from being read: a restored backup mends damage, and only a newer vecdb the rest.
    private mutating func add(_ error: DatabaseError) {
        if error.code == .unsupportedVersion {
            unsupported.append("\(error)")
        } else {
            problems.append("\(error)")
        }
    }

    /// Takes over what the catalog says.
    fileprivate mutating func describe(_ snapshot: CatalogSnapshot) throws(CatalogError) {
        generation = snapshot.generation
        metric = Metric(rawValue: snapshot.settings.metric)
        dimensions = snapshot.settings.dimensions
        defaults = snapshot.settings.searchDefaults.map(SearchDefaults.init)
        queries = Int(clamping: snapshot.queryCount)
        let measured = snapshot.settings.measured
        if let measured, snapshot.segments.contains(where: { $0.uuid == measured.segmentUUID }) {
            settings = StoredSettings(defaults: defaults, measured: measured.settings.map(SearchDefaults.init)).byK
        }
        for segment in snapshot.segments {
            metadataColumns += try snapshot.columns(of: segment).map { Column(name: $0.name, type: $0.type.rawValue) }
        }
    }

    /// - Parameter state: what the catalog says, where it could be read.
    fileprivate mutating func describe(
        segment file: String, of state: CatalogSnapshot?, in directory: Directory
    ) throws(SegmentError) {
        let report: SegmentReport
        do throws(SegmentError) {
            report = try SegmentReport(in: directory, fileName: file, checkingBlocks: true)
        } catch {
            guard !error.isUnopened else { throw error }
            add(DatabaseError(anyError: error))
            return
        }
        problems += report.problems
        unsupported += report.unsupported
        segments.append(
            Segment(
                file: file, uuid: report.header.map { "\($0.segmentUUID)" }, bytes: report.byteCount,
                rows: report.header?.rowCount,
                sections: report.sections.map {
                    .init(
                        name: $0.name, offset: $0.offset, bytes: $0.byteCount,
                        elementType: $0.elementType?.label ?? "unknown",
                        checksum: $0.checksum)
                }))
        guard let header = report.header else { return }
        formatVersion = header.formatVersion
        rows = (rows ?? 0) + header.rowCount
        metric = metric ?? Metric(code: header.metricCode)
        dimensions = dimensions ?? header.dimensions
        guard report.unsupported.isEmpty else { return }
        let named = state?.segments.first { $0.fileName == file }
        // A file that is not the catalog's is shown all the same.
        var mismatch: SegmentError?
        do throws(SegmentError) {
            if let state, let named { try state.check(header, of: file, namedBy: named) }
        } catch { mismatch = error }
        defer { if let mismatch { add(DatabaseError(mismatch)) } }
        do throws(SegmentError) {
            guard let uuid = SegmentUUID(segmentFileName: file) else { return }
            let segment = try IndexSegment(checking: try SegmentReader(in: directory, uuid: uuid, pinning: false))
            if report.problems.isEmpty { describe(segment) }
            if named != nil, mismatch == nil { try state?.check(segment) }
        } catch {
            guard !error.isUnopened else { throw error }
            let isUnsupported = error.code == .unsupportedVersion
            // Blocks of an encoding that is not known cannot be judged: opening is refused before they are looked at.
            if isUnsupported { problems.removeLast(report.problems.count) }
            if isUnsupported || report.problems.isEmpty { add(DatabaseError(anyError: error)) }
        }
    }

    private mutating func describe(_ segment: IndexSegment) {
        reorderStorage = segment.element.storage
        index = segment.parameters.tree == nil ? .exact : .treeAH
        guard let tree = segment.parameters.tree else { return }
        leaves = tree.leafCount
        projectedDimensions = tree.shape.projectedDimensions
        dimensionsPerBlock = tree.shape.dimensionsPerBlock
        projection = tree.projectionName
        let view = segment.treeView(tree)
        var sizes = view.leaves.indices.map { Int(view.leaves[$0].rowCount) }
        sizes.sort()
        guard let smallest = sizes.first, let largest = sizes.last else { return }
        let rows = Double(max(1, segment.rowCount))
        let squares = sizes.reduce(0.0) { $0 + Double($1) * Double($1) }
        leafSizes = LeafSizes(
            min: smallest, p50: sizes[sizes.count / 2], max: largest, mean: rows / Double(sizes.count),
            imbalance: Double(sizes.count) * squares / (rows * rows), empty: sizes.count { $0 == 0 })
    }
}

extension ElementType {
    /// The name in listings.
    var label: String {
        switch self {
        case .structured: "bytes"
        case .float32: "f32"
        case .bfloat16: "bf16"
        case .float16: "f16"
        case .int8: "i8"
        case .uint8: "u8"
        case .uint32: "u32"
        case .uint64: "u64"
        case .scaledInt8: "int8"
        }
    }
}
