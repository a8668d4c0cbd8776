import CFuzzer
import FileSystem
@testable import SegmentFile
import TreeAH
import VectorKernels

@testable import VecDB

/// A segment file: opened, searched in every way, its ids and vectors read, at times verified and inspected. No catalog.
final class SegmentTarget: FuzzTarget {
    private let scratchDirectory: ScratchDirectory
    private let directory: Directory
    private let file: ScratchMapping
    private var scratch = SearchScratch()

    private static let fileName = "segment.vseg"

    init() throws {
        scratchDirectory = try ScratchDirectory("segment")
        directory = try Directory(opening: scratchDirectory.path)
        file = try ScratchMapping(scratchDirectory.file(Self.fileName), byteLimit: SegmentImage.fileByteLimit)
    }

    func mutated(_ input: [UInt8], limit: Int, random: inout SplitMix) -> [UInt8] {
        guard !random.oneIn(8), var image = SegmentImage(input) else {
            return libFuzzerMutation(of: input, limit: limit)
        }
        image.mutate(random: &random)
        // What takes long is seldom worth it.
        let questions = SegmentQuestions(image.questions)
        if questions.inspects || questions.verifies, !random.oneIn(16) { image.questions[0] &= 0xE0 }
        return image.encoded
    }

    func run(_ input: [UInt8]) throws {
        guard var image = SegmentImage(input) else { return }
        try image.write(to: file)
        let questions = SegmentQuestions(image.questions)
        if questions.inspects {
            _ = try SegmentReport(in: directory, fileName: Self.fileName, checkingBlocks: true)
        }
        let reader = try SegmentReader(in: directory, name: Self.fileName, pinning: false)
        if questions.inspects { _ = reader.verifyAll { _, _ in } }
        let segment = try IndexSegment(checking: reader)
        let fence = Fence(reader)
        defer { fence.remove() }
        try ask(segment, questions)
        if questions.verifies {
            let verifier = Verifier(path: directory.path, deep: true, directory: directory, progress: nil)
            try verifier.checkContents(of: segment)
        }
    }

    private func ask(_ segment: IndexSegment, _ questions: SegmentQuestions) throws {
        let filter = SnapshotFilter([try questions.rowFilter(of: segment)])
        let (segments, query) = (SegmentList([segment]), try questions.query(0, of: segment))
        var trace = SearchTrace(isOn: false)
        for plan in questions.plans {
            try segments.search(query.span, plan: plan, filter: filter, scratch: &scratch, trace: &trace)
            try check(segment, plan.k)
        }
        let count = questions.batchCount
        let queries = try (0..<count).flatMap { try questions.query($0, of: segment) }
        let filters = (0..<count).map { $0 % 2 == 0 ? filter : .all }
        let k = questions.plans[0].k
        if segment.parameters.tree != nil {
            let search = TreeSearch(of: segments, for: queries.span, count: count, plan: questions.plans[0])
            try search.scan(filter: { filters[$0] }, scratch: &scratch, trace: &trace)
            for number in 0..<count {
                try search.rank(number, filter: filters[number], scratch: &scratch, trace: &trace)
                try check(segment, k)
            }
        }
        for var candidates in try segment.scanExactly(
            queries.span, k: k, filters: filters.map { $0[0] }, limits: .none)
        {
            swap(&scratch.candidates, &candidates)
            scratch.hits.reset(k: k)
            try segment.collect(k, scratch: &scratch)
            try check(segment, k)
        }
    }

    /// Follows the hits to their ordinals, rows, ids and vectors.
    private func check(_ segment: IndexSegment, _ k: Int) throws {
        let hits = scratch.hits.hits
        precondition(hits.count <= min(k, segment.rowCount))
        // A score that is printed is a number.
        precondition(hits.allSatisfy { !$0.score.isNaN })
        for hit in hits.prefix(8) {
            if segment.hasMappedIDs { _ = try segment.mappedID(ofOrdinal: hit.ordinal) }
            guard let row = try segment.row(ofOrdinal: hit.ordinal) else { continue }
            _ = try segment.ordinalOffset(ofRow: row)
            let vector = try segment.vectors(ofRows: Int(row)..<Int(row) + 1)
            precondition(vector.count == segment.dimensions)
        }
    }
}

/// What the first bytes of an input have the target ask.
struct SegmentQuestions {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// These cost far more than a search does.
    var inspects: Bool { bytes[0] & 31 == 1 }
    var verifies: Bool { bytes[0] & 31 == 2 }
    var batchCount: Int { 1 + Int(bytes[0] >> 5) }

    var plans: [SearchPlan] {
        let k = 1 + Int(bytes[1]) % 50
        return [
            SearchPlan(k: k, leavesToSearch: 1 + Int(bytes[2]), reorder: Int(bytes[3])),
            SearchPlan(k: k, leavesToSearch: .max, reorder: .max),
            SearchPlan(k: k, leavesToSearch: 1, reorder: 0, way: .exact),
        ]
    }

    func rowFilter(of segment: IndexSegment) throws -> RowFilter {
        guard bytes[4] > 0 else { return .all }
        var rows: [UInt32] = []
        for offset in stride(from: 0, to: min(segment.reader.header.ordinalSpan, 300), by: Int(bytes[4])) {
            if let row = try segment.row(ofOrdinal: segment.ordinal(atOffset: UInt32(offset))) { rows.append(row) }
        }
        return RowFilter(excluding: rows)
    }

    /// A query that the library accepts; mostly of small numbers, at times of very large or very small ones.
    func query(_ number: Int, of segment: IndexSegment) throws -> [Float] {
        let exponent = [0, 0, 0, 1, -1, 18, -30, 60][Int(bytes[5] & 7)]
        let scale = Float(sign: .plus, exponent: exponent, significand: 1)
        let values = (0..<segment.dimensions).map { Float(($0 + number) * (1 + Int(bytes[6])) % 17 - 8) * scale }
        var query: [Float] = []
        try withPrepared(values.span, numbers: nil, metric: segment.metric, dimensions: segment.dimensions) {
            prepared throws(DatabaseError) in
            for index in prepared.indices { query.append(prepared[index]) }
        }
        return query
    }
}

/// The padding between the sections of a mapped segment, which nothing but `verify` may read, fenced off: an access behind
/// the end of a section is a report of the address sanitizer, although the memory is there.
@safe private struct Fence {
    private var gaps: [(address: UnsafeRawPointer, byteCount: Int)] = unsafe []

    init(_ reader: SegmentReader) {
        for (index, entry) in reader.entries.enumerated() where entry.byteCount > 0 {
            guard let kind = entry.kind else { continue }
            let later =
                index + 1 < reader.entries.count ? reader.entries[index + 1].offset : reader.header.fileByteCount
            // From the end of a section to the beginning of the next lies memory of the same mapping.
            unsafe reader.bytes(of: kind).withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                unsafe gaps.append((base + entry.byteCount, later - entry.offset - entry.byteCount))
            }
        }
        unsafe gaps.forEach { unsafe __asan_poison_memory_region($0.address, $0.byteCount) }
    }

    /// To be called while the reader lives: what is mapped there later is somebody else's.
    func remove() {
        unsafe gaps.forEach { unsafe __asan_unpoison_memory_region($0.address, $0.byteCount) }
    }
}
