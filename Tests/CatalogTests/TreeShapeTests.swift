import Foundation
import GRDB
import TestSupport
import Testing

@testable import Catalog

/// Pages of SQLite's that lead to each other as in no tree: each repeats what is below it, or leads deeper than any.
struct TreeShape: CustomTestStringConvertible, Sendable {
    var levels: Int
    var children: Int

    /// 60^12 ways from the top to the bottom.
    static let oneChild = TreeShape(levels: 12, children: 60)
    /// Fewer repetitions than SQLite's own check lists before it stops.
    static let twoWays = TreeShape(levels: 18, children: 2)
    /// SQLite's own check of it would need more stack than there is.
    static let deepChain = TreeShape(levels: 60_000, children: 1)

    var testDescription: String { "\(levels) levels of \(children)" }
}

extension Scratch {
    /// Puts pages between the root of a table or index, which is a leaf, and what has been in it.
    func bend(_ name: String, _ shape: TreeShape) throws {
        let found: Int? = try query("SELECT rootpage FROM sqlite_schema WHERE name = '\(name)'")
        let root = name == "sqlite_schema" ? 1 : try #require(found)
        var content = try Data(contentsOf: URL(fileURLWithPath: path))
        let start = root == 1 ? 100 : 0
        var page = [UInt8](content[(root - 1) * 4096..<root * 4096])
        try #require(page[start] == 13 || page[start] == 10)
        let isIndex = page[start] == 10
        // A cell of an index's interior page holds an entry as well: the first one there is.
        let firstCell = Int(page[start + 8]) << 8 | Int(page[start + 9])
        let payload = isIndex ? Array(page[firstCell...firstCell + Int(page[firstCell])]) : [1]
        if start > 0 {
            let count = 8 + 2 * (Int(page[start + 3]) << 8 | Int(page[start + 4]))
            page.replaceSubrange(0..<count, with: page[start..<start + count])
        }
        var below = UInt32(content.count / 4096 + 1)
        content.append(Data(page))
        for _ in 1..<shape.levels {
            content.append(Data(interior(isIndex, below, shape.children, payload, start: 0)))
            below += 1
        }
        let top = interior(isIndex, below, shape.children, payload, start: start)
        content.replaceSubrange((root - 1) * 4096 + start..<root * 4096, with: top)
        content.replaceSubrange(28..<32, with: bytes(UInt32(content.count / 4096), 4))
        content.replaceSubrange(92..<96, with: content[24..<28])
        try content.write(to: URL(fileURLWithPath: path))
    }

    /// An interior page from `start` on whose children all are the same one.
    private func interior(_ isIndex: Bool, _ child: UInt32, _ count: Int, _ payload: [UInt8], start: Int) -> [UInt8] {
        var page = [UInt8](repeating: 0, count: 4096)
        let cell = bytes(child, 4) + payload
        let count = min(count, (4096 - start - 14) / (cell.count + 2))
        for number in 0..<count {
            let place = 4096 - (number + 1) * cell.count
            page.replaceSubrange(place..<place + cell.count, with: cell)
            page.replaceSubrange(start + 12 + 2 * number..<start + 14 + 2 * number, with: bytes(UInt32(place), 2))
        }
        page[start] = isIndex ? 2 : 5
        page.replaceSubrange(start + 3..<start + 5, with: bytes(UInt32(count), 2))
        page.replaceSubrange(start + 5..<start + 7, with: bytes(UInt32(4096 - count * cell.count), 2))
        page.replaceSubrange(start + 8..<start + 12, with: bytes(child, 4))
        return Array(page[start...])
    }

    private func bytes(_ value: UInt32, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
    }
}

// The limit is for what never ends: it also counts how long a test waits for others to run.
@Suite(.timeLimit(.minutes(30))) struct TreeShapeTests {
    @Test(arguments: ["sqlite_schema", "setting", "segment"], [TreeShape.oneChild, .twoWays])
    func `fault 05: rows that pages repeat without end are damage`(table: String, shape: TreeShape) throws {
        let scratch = try Scratch()
        try makeSmallDatabase(scratch).close()
        try scratch.bend(table, shape)
        #expect(code { _ = try openReader(scratch).snapshot() } == .corrupt)
        #expect(code { _ = try CatalogWriter.open(scratch.path, checksum: crc32c).contents() } == .corrupt)
    }

    @Test(arguments: [TreeShape.oneChild, .twoWays])
    func `fault 05: statistics that pages repeat without end are passed over`(shape: TreeShape) throws {
        let scratch = try Scratch()
        try makeSmallDatabase(scratch).close()
        try scratch.tamper("ANALYZE")
        try scratch.bend("sqlite_stat1", shape)
        #expect(try openReader(scratch).snapshot().generation == 1)
        #expect(try CatalogWriter.open(scratch.path, checksum: crc32c).contents().generation == 1)
        #expect(try openReader(scratch).integrityProblems().count == 1)
    }

    @Test(
        arguments: ["generation", "candidate_1", "candidate_1_id", "query_1"],
        [TreeShape.oneChild, .twoWays, .deepChain])
    func `fault 05: verify finds pages that are no tree, and ends`(table: String, shape: TreeShape) throws {
        let scratch = try Scratch()
        try makeSmallDatabase(scratch).close()
        #expect(try openReader(scratch).integrityProblems().isEmpty)
        try scratch.bend(table, shape)
        if table == "generation", shape.levels == TreeShape.deepChain.levels {
            // Who opens it asks for the newest generation, and SQLite looks no deeper for that.
            #expect(code { _ = try openReader(scratch) } == .corrupt)
            return
        }
        let reader = try openReader(scratch)
        #expect(try reader.integrityProblems().count == 1)
        // It reads no index, and of a deep chain it finds everything.
        _ = try reader.verify()
    }

    @Test(arguments: [TreeShape.oneChild, .twoWays])
    func `fault 05: a generation that comes twice is damage`(shape: TreeShape) throws {
        let scratch = try Scratch()
        try makeSmallDatabase(scratch).close()
        try scratch.bend("generation", shape)
        #expect(try openReader(scratch).verify().damage.count == 1)
    }

    @Test(arguments: ["candidate_1", "candidate_1_id", "metadata_column"], [TreeShape.oneChild, .deepChain])
    func `fault 05: tables that are no trees are not given to SQLite to be dropped`(table: String, shape: TreeShape)
        throws
    {
        let scratch = try Scratch()
        let first = try makeSmallDatabase(scratch)
        let staging = try first.beginStaging(segmentUUID: segmentUUID(2))
        _ = try first.publish(staging, record(3), expecting: 1, replacing: .all)
        try first.close()
        try scratch.bend(table, shape)
        let writer = try CatalogWriter.open(scratch.path, checksum: crc32c)
        #expect(code { try writer.removeGarbage([SegmentKey(rawValue: 1)]) } == .corrupt)
        #expect(try writer.contents().deadSegments.count == 1)
    }

    @Test(arguments: [
        ("staging", "x + 9, randomblob(16), 'f', ''"), ("setting", "'key' || x, '', 0"),
        ("segment", "x + 9, randomblob(16), 'f', 1, 1, 1, 0, 'implicit', NULL, 0, 1, 1, 0"),
    ])
    func `fault 05: more rows than any catalog has are damage`(table: String, columns: String) throws {
        let scratch = try Scratch()
        try makeSmallDatabase(scratch).close()
        let limit = table == "setting" ? CatalogFile.settingRowLimit : CatalogFile.segmentRowLimit
        try scratch.tamper(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT \(limit + 1)) "
                + "INSERT INTO \(table) SELECT \(columns) FROM n")
        if table != "setting" {
            try scratch.tamper(
                "UPDATE \(table) SET file_name = 'segment-' || lower(hex(uuid)) || '.vseg' WHERE key > 9")
        }
        if table != "staging" { try scratch.reseal(table) }
        do {
            _ = try openReader(scratch).snapshot()
            Issue.record("\(table) was believed")
        } catch let error as CatalogError {
            #expect(error.code == .corrupt && error.detail.contains("rows, which no catalog has"), "\(error)")
        }
    }

    @Test func `fault 05: a schema of more objects than any catalog has is damage`() throws {
        let scratch = try Scratch()
        try makeSmallDatabase(scratch).close()
        // The row of an index that is there already, which SQLite takes any number of times.
        try scratch.tamper(
            "PRAGMA writable_schema=ON; WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 100000) "
                + "INSERT INTO sqlite_schema SELECT 'index', 'sqlite_autoindex_setting_1', 'setting', "
                + "(SELECT rootpage FROM sqlite_schema WHERE name = 'setting'), NULL FROM n")
        #expect(code { _ = try openReader(scratch) } == .corrupt)
    }

    @Test func `fault 05: a value that a page claims to be a gigabyte is damage`() throws {
        let scratch = try Scratch()
        try makeSmallDatabase(scratch).close()
        try scratch.tamper("UPDATE setting SET value = printf('%.*c', 100000000, 'x') WHERE key = 'metric'")
        #expect(code { _ = try openReader(scratch).snapshot() } == .corrupt)
    }
}
