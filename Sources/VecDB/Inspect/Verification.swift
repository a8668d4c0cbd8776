import Catalog
import FileSystem
import SegmentFile
import TreeAH
import VectorKernels

/// What `verify` found out.
public struct VerificationReport: Sendable {
    public var database: String
    public var deep: Bool
    /// What was checked, in order.
    public var checks: [Check] = []
    /// What is damaged, one sentence each.
    public var damage: [String] = []
    /// Leftovers of crashes and finished garbage: no damage.
    public var notes: [String] = []

    public var isIntact: Bool { damage.isEmpty }

    public struct Check: Sendable {
        public var name: String
        /// How much was checked: `52,431 blocks`.
        public var detail: String
        public var seconds: Double
    }
}

extension VectorDatabase {
    /// Checks a database: every checksum and all padding; with `deep` also the catalog's pages and rows, ids against the
    /// segment's, every code against the vector it was made from, and self-queries.
    ///
    /// - Parameter progress: what is being checked, done and to do.
    /// - Throws: `notFound`, `unsupportedVersion`, `system`, `locked`; damage is returned.
    public static func verify(
        _ path: String, deep: Bool = false, progress: ((String, Int, Int) -> Void)? = nil
    ) throws(DatabaseError) -> VerificationReport {
        let directory = try openDatabaseDirectory(path)
        return try DatabaseError.wrapping {
            let verifier = Verifier(path: path, deep: deep, directory: directory, progress: progress)
            do {
                try verifier.run()
            } catch {
                let error = DatabaseError(anyError: error)
                guard error.code == .corrupt else { throw error }
                verifier.report.damage.append("\(error)")
            }
            return verifier.report
        }
    }
}

final class Verifier {
    fileprivate(set) var report: VerificationReport
    private let directory: Directory
    private let progress: ((String, Int, Int) -> Void)?

    init(path: String, deep: Bool, directory: Directory, progress: ((String, Int, Int) -> Void)?) {
        report = VerificationReport(database: path, deep: deep)
        self.directory = directory
        self.progress = progress
    }

    fileprivate func run() throws {
        let reader = try openCatalog(in: directory, of: report.database, mode: .recovering)
        let snapshot = try Snapshot.newest(in: directory, catalog: reader)
        try note(snapshot.catalog.contents)
        try snapshot.reading { () throws(DatabaseError) in
            try DatabaseError.wrapping { try self.check(snapshot, of: reader) }
        }
    }

    private func check(_ snapshot: Snapshot, of reader: CatalogReader) throws {
        for segment in snapshot.segments.mapped {
            try check("segment checksums") { report in
                let damages = segment.reader.verifyAll { self.progress?("segment checksums", $0, $1) }
                report.damage += damages.map { "\($0)" }
                if damages.isEmpty, let tree = segment.parameters.tree {
                    for leaf in 0..<tree.leafCount { try segment.checkCodes(ofLeaf: leaf, in: segment.treeView(tree)) }
                }
                return "\(segment.reader.header.fileByteCount) bytes"
            }
        }
        guard report.deep, report.isIntact else { return }
        try check("catalog integrity") { report in
            report.damage += try reader.integrityProblems().map { "\(reader.path): \($0)" }
            return "all pages"
        }
        try check("catalog rows") { report in
            let result = try reader.verify()
            report.damage += result.damage
            return "\(result.idCount) ids, \(result.documentCount) documents, \(result.queryCount) queries"
        }
        for (named, segment) in zip(snapshot.catalog.segments, snapshot.segments.mapped) {
            try check("ids") { report in try self.checkIDs(snapshot.catalog, named, segment, &report) }
            try checkContents(of: segment)
        }
    }

    /// The deep checks of a segment that need no catalog.
    func checkContents(of segment: IndexSegment) throws {
        try check("rows and ordinals") { report in try self.checkOrdinals(segment, &report) }
        try check("vectors") { report in try self.checkLengths(segment, &report) }
        if segment.hasSecondAssignments {
            try check("slots") { report in try self.checkSlots(segment, &report) }
            guard report.isIntact else { return }
        }
        let unknown = segment.reader.header.features.unknownReadOnlyCompatible
        if unknown != 0 {
            report.notes.append(
                "\(segment.reader.file) has the features 0x\(String(unknown, radix: 16)), by which a newer vecdb may have "
                    + "chosen its codes: they are not compared with its vectors")
        } else if let tree = segment.parameters.tree {
            try check("codes") { report in try self.checkCodes(segment, tree, &report) }
        }
        try check("self-queries") { report in try self.checkSelfQueries(segment, &report) }
    }

    private func check(_ name: String, _ body: (inout VerificationReport) throws -> String) throws {
        let began = ContinuousClock.now
        progress?(name, 0, 0)
        var changed = report
        let detail = try body(&changed)
        changed.checks.append(.init(name: name, detail: detail, seconds: (ContinuousClock.now - began) / .seconds(1)))
        report = changed
    }

    /// Files that no segment row names are leftovers, not damage. Nor are permissions, which are their owner's to choose.
    private func note(_ contents: CatalogContents) throws {
        if directory.isOpenToEverybody {
            report.notes.append(
                "everybody may write to this directory, and replace any of its files; 'chmod o-w' keeps others out")
        }
        let live = Set(contents.segments.map(\.uuid)), dead = Set(contents.deadSegments.map(\.uuid))
        for name in try directory.names() {
            guard let uuid = SegmentUUID(segmentFileName: name), !live.contains(uuid) else { continue }
            report.notes.append(
                dead.contains(uuid)
                    ? "\(name) was replaced; it goes when nobody reads it any more"
                    : "\(name) belongs to no generation: a build that was killed left it; the next one removes it")
        }
        for staged in contents.stagedSegments {
            report.notes.append("rows of \(staged.fileName) are staged: a build is running, or was killed")
        }
    }

    // MARK: deep checks

    /// Rows and ordinals must be inverse to each other.
    private func checkOrdinals(_ segment: IndexSegment, _ report: inout VerificationReport) throws -> String {
        var found = 0
        for row in 0..<UInt32(segment.rowCount) {
            let ordinal = segment.ordinal(atOffset: try segment.ordinalOffset(ofRow: row))
            if try segment.row(ofOrdinal: ordinal) != row {
                report.damage.append(
                    "\(segment.reader.file): row \(row) has ordinal \(ordinal), which leads to another row")
                break
            }
            found += 1
        }
        return "\(found) rows"
    }

    /// Rows are no longer than a build takes them: scores of longer ones may be no numbers.
    private func checkLengths(_ segment: IndexSegment, _ report: inout VerificationReport) throws -> String {
        let dimensions = segment.dimensions
        let chunk = max(1, (1 << 18) / dimensions)
        for start in stride(from: 0, to: segment.rowCount, by: chunk) {
            let rows = start..<min(segment.rowCount, start + chunk)
            let vectors = try segment.vectors(ofRows: rows)
            for row in rows {
                let at = (row - start) * dimensions
                let square = vectors[at..<at + dimensions].reduce(0.0) { $0 + Double($1) * Double($1) }
                guard square < IndexSegment.squaredLengthLimit else {
                    report.damage.append("\(segment.damagedScore(ofRow: UInt32(row)))")
                    return "\(row) rows"
                }
            }
            progress?("vectors", rows.upperBound, segment.rowCount)
        }
        return "\(segment.rowCount) rows"
    }

    /// Every id of the catalog belongs to a row, and the segment's copy is the same.
    private func checkIDs(
        _ catalog: CatalogSnapshot, _ named: CatalogSegment, _ segment: IndexSegment,
        _ report: inout VerificationReport
    ) throws -> String {
        guard named.ids == .stored else { return "implicit" }
        var last: UInt64?
        var count = 0
        while case let batch = try catalog.ids(in: named, after: last, limit: 10_000), !batch.isEmpty {
            for (ordinal, id) in batch {
                guard try segment.row(ofOrdinal: ordinal) != nil else {
                    report.damage.append("the catalog has an id for candidate \(ordinal), the segment no row")
                    return "\(count) ids"
                }
                if segment.hasMappedIDs, !(try segment.mappedID(ofOrdinal: ordinal).utf8.elementsEqual(id.utf8)) {
                    report.damage.append("the id of candidate \(ordinal) differs between catalog and segment")
                    return "\(count) ids"
                }
                count += 1
            }
            last = batch.last?.ordinal
            progress?("ids", count, segment.rowCount)
        }
        if count != segment.rowCount {
            report.damage.append("the catalog has \(count) ids for \(segment.rowCount) rows")
        }
        return "\(count) ids"
    }

    /// Every row has one slot in the leaf that holds it, where rows are numbered by their slots, and at most one elsewhere.
    private func checkSlots(_ segment: IndexSegment, _ report: inout VerificationReport) throws -> String {
        guard let tree = segment.parameters.tree else { return "none" }
        var isElsewhere = [Bool](repeating: false, count: segment.rowCount)
        for number in 0..<tree.leafCount {
            let leaf = segment.treeView(tree).leaves[number]
            var next = leaf.rows.lowerBound
            for row in try segment.rows(ofSlots: 0..<Int(leaf.slotCount), in: leaf) {
                if row == next, row < leaf.rows.upperBound {
                    next += 1
                } else if leaf.rows.contains(row) || isElsewhere[row] {
                    report.damage.append(
                        "\(segment.reader.file): leaf \(number) holds row \(row) out of order or twice")
                    return "\(number) leaves"
                } else {
                    isElsewhere[row] = true
                }
            }
            guard next == leaf.rows.upperBound else {
                report.damage.append("\(segment.reader.file): leaf \(number) lacks a slot for its row \(next)")
                return "\(number) leaves"
            }
        }
        return "\(tree.slotCount) slots of \(segment.rowCount) rows"
    }

    /// Encodes every row again from its stored vector and compares the bytes of codes, scales and biases.
    private func checkCodes(
        _ segment: IndexSegment, _ tree: IndexParameters.Tree, _ report: inout VerificationReport
    ) throws -> String {
        let reader = segment.reader
        let encoder = segment.encoder(tree)
        let centroids = RowStorage(element: TreeView.centroidElement, dimensions: segment.dimensions)
        let origin = segment.floats(of: .origin)
        let chunk = 8192
        var slots = 0
        for number in 0..<tree.leafCount {
            let view = segment.treeView(tree)
            let leaf = view.leaves[number]
            let relative = centroids.decode(
                reader.bytes(of: .centroids).extracting(number * centroids.stride..<(number + 1) * centroids.stride))
            let centroid = relative.indices.map { origin[$0] + relative[$0] }
            for start in stride(from: 0, to: Int(leaf.slotCount), by: chunk) {
                let part = start..<min(Int(leaf.slotCount), start + chunk)
                let vectors = try segment.vectors(ofSlots: part, in: leaf)
                let expected = encoder.encode(rows: vectors.span, centroid: centroid.span)
                let from = view.codeBytes(of: number).lowerBound + start / 32 * view.layout.byteCount
                let stored = reader.bytes(of: .codes).extracting(from..<from + expected.blocks.count)
                guard stored.array == expected.blocks, hasRadii(expected.radii, view, number, start / 32) else {
                    report.damage.append(
                        "\(segment.reader.file): the codes of leaf \(number) are not those of its vectors; build it again"
                    )
                    return "\(slots) slots"
                }
                slots += part.count
            }
            progress?("codes", slots, tree.slotCount)
        }
        return "\(slots) slots encoded again"
    }

    /// Whether stored radii, if there are any, are those of the blocks, and do not increase within the leaf.
    private func hasRadii(_ expected: [Float], _ view: borrowing TreeView, _ leaf: Int, _ firstBlock: Int) -> Bool {
        guard !view.radii.isEmpty else { return true }
        let first = Int(view.leaves[leaf].firstBlock) + firstBlock
        return expected.indices.allSatisfy { block in
            view.radii[first + block] == expected[block]
                && (firstBlock + block == 0 || view.radii[first + block - 1] >= expected[block])
        }
    }

    /// A search that leaves nothing out must find what brute force finds.
    private func checkSelfQueries(_ segment: IndexSegment, _ report: inout VerificationReport) throws -> String {
        guard segment.rowCount > 0 else { return "no rows" }
        var scratch = SearchScratch()
        let segments = SegmentList([segment])
        let queries = min(8, segment.rowCount)
        for index in 0..<queries {
            let row = index * segment.rowCount / queries
            let query = try segment.vectors(ofRows: row..<row + 1)
            // Estimates for longer ones may overflow, and then a search with them need not find everything.
            guard query.reduce(0.0, { $0 + Double($1) * Double($1) }) < 0x1p100 else { continue }
            var answers: [[UInt64]] = []
            for way in [SearchPlan.Way.exact, .tree] {
                var trace = SearchTrace(isOn: false)
                let plan = SearchPlan(k: 10, leavesToSearch: .max, reorder: .max, way: way)
                try segments.search(query.span, plan: plan, filter: .all, scratch: &scratch, trace: &trace)
                answers.append(scratch.hits.hits.map(\.ordinal))
            }
            if answers[0] != answers[1] {
                report.damage.append("\(segment.reader.file): a full search for row \(row) differs from brute force")
            }
        }
        return "\(queries) rows"
    }
}

extension IndexSegment {
    /// The encoder that made the segment's codes.
    fileprivate func encoder(_ tree: IndexParameters.Tree) -> Encoder {
        let reader = reader
        let projection: Projection =
            switch tree.projection {
            case .none: .none(dimensions: dimensions)
            case .structured: .structured(signs: floats(of: .projection))
            case .dense:
                .dense(
                    ByteMatrix(
                        bytes: reader.bytes(of: .projection).array, rowCount: tree.shape.projectedDimensions,
                        columnCount: dimensions))
            }
        return Encoder(
            form: metric.form, hasBiases: tree.hasBiases, origin: metric == .l2 ? floats(of: .origin) : [],
            projection: projection,
            codebooks: Codebooks(shape: tree.shape, codewords: floats(of: .codebooks)),
            codingLength: tree.codingLength, anisotropy: tree.anisotropy, kernels: .best)
    }

    fileprivate func floats(of kind: SectionKind) -> [Float] {
        let reader = reader
        let span = Span<Float>(_bytes: reader.bytes(of: kind))
        return span.indices.map { span[$0] }
    }
}
