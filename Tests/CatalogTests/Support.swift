import Foundation
import TestSupport
import GRDB
@testable import Catalog
@testable import FileSystem

/// CRC-32C bit by bit: slow, and independent of the product's.
let crc32c: CatalogChecksum = { bytes in
    var crc: UInt32 = 0xFFFF_FFFF
    for index in bytes.indices {
        crc ^= UInt32(bytes[index])
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
    }
    return ~crc
}

extension CatalogFile {
    init(path: String, checksum: @escaping CatalogChecksum) throws {
        try self.init(in: try directory(of: path), checksum: checksum)
    }
}

extension CatalogWriter {
    static func create(
        _ path: String, databaseUUID: SegmentUUID, settings: CatalogSettings, checksum: @escaping CatalogChecksum
    ) throws -> CatalogWriter {
        try create(in: try directory(of: path), databaseUUID: databaseUUID, settings: settings, checksum: checksum)
    }

    static func open(
        _ path: String, checksum: @escaping CatalogChecksum, busyTimeoutSeconds: Double = 10
    ) throws -> CatalogWriter {
        try open(in: try directory(of: path), checksum: checksum, busyTimeoutSeconds: busyTimeoutSeconds)
    }
}

extension CatalogReader {
    static func open(
        _ path: String, mode: Mode, checksum: @escaping CatalogChecksum, busyTimeoutSeconds: Double = 10
    ) throws -> CatalogReader {
        try open(in: try directory(of: path), mode: mode, checksum: checksum, busyTimeoutSeconds: busyTimeoutSeconds)
    }
}

/// The directory of a catalog.
func directory(of path: String) throws -> Directory {
    try Directory(opening: path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ".")
}

/// A directory that goes when the test ends.
final class Scratch {
    private let place: TemporaryDirectory
    var directory: String { place.path }
    var path: String { place.file("catalog.sqlite") }

    init() throws { place = try TemporaryDirectory() }

    /// SQL past the product, as damage or another program would do it.
    func tamper(_ sql: String, _ arguments: StatementArguments = []) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.inDatabase { db in try db.execute(sql: sql, arguments: arguments) }
        try queue.close()
    }

    /// SQL past the product, after which the rows of `table` get right checksums, so that only the rules protect.
    func tamper(_ sql: String, resealing table: String) throws {
        try tamper(sql)
        try reseal(table)
    }

    /// Gives the rows of `table` right checksums.
    func reseal(_ table: String) throws {
        let file = try CatalogFile(path: path, checksum: crc32c)
        let queue = try DatabaseQueue(path: path)
        try queue.inDatabase { db in
            try db.inTransaction {
                for row in try Row.fetchAll(db, sql: "SELECT * FROM \(table)") {
                    let values = row.databaseValues.dropLast()
                    let checksum = file.checksum(of: values.map(Field.init))
                    let isTheRow = row.columnNames.dropLast().map { "\($0) IS ?" }.joined(separator: " AND ")
                    try db.execute(
                        sql: "UPDATE \(table) SET crc = ? WHERE \(isTheRow)",
                        arguments: StatementArguments([Int64(checksum).databaseValue] + values))
                }
                return .commit
            }
        }
        try queue.close()
    }

    /// Changes the bytes of the page where a table or an index begins.
    func changeRoot(of name: String, _ change: (inout [UInt8]) -> Void) throws {
        let number: Int? = try query("SELECT rootpage FROM sqlite_schema WHERE name = '\(name)'")
        guard let number else { throw CocoaError(.fileReadCorruptFile) }
        let range = (number - 1) * 4096..<number * 4096
        var content = try Data(contentsOf: URL(fileURLWithPath: path))
        var page = [UInt8](content[range])
        change(&page)
        content.replaceSubrange(range, with: page)
        try content.write(to: URL(fileURLWithPath: path))
    }

    func query<Value: DatabaseValueConvertible>(_ sql: String) throws -> Value? {
        let queue = try DatabaseQueue(path: path)
        defer { try? queue.close() }
        return try queue.inDatabase { db in try Value.fetchOne(db, sql: sql) }
    }
}

extension Field {
    fileprivate init(_ value: DatabaseValue) {
        switch value.storage {
        case .null: self = .null
        case .int64(let number): self = .integer(number)
        case .string(let text): self = .text(text)
        case .blob(let bytes): self = .blob([UInt8](bytes))
        case .double: preconditionFailure("no table of a catalog has a checked column of real numbers")
        }
    }
}

let databaseUUID = SegmentUUID(unchecked: [UInt8](0..<16))
let plainSettings = CatalogSettings(metric: "dot", dimensions: 2, nextOrdinal: 0)
let fullSettings = CatalogSettings(
    metric: "l2", dimensions: 3, nextOrdinal: 7,
    searchDefaults: SearchDefaultSettings(
        leavesToSearch: 40, reorder: 50, k: 10, recall: 0.987, meanMicroseconds: 12.5, sampleQueries: 100,
        sampleSource: "queries"),
    measured: MeasuredSettings(
        segmentUUID: segmentUUID(9),
        settings: [
            SearchDefaultSettings(
                leavesToSearch: 3, reorder: 4, k: 1, recall: 1, sampleQueries: 1, sampleSource: "candidates"),
            SearchDefaultSettings(
                leavesToSearch: 400, reorder: 1_500, k: 1_000, recall: 0.95, meanMicroseconds: 1e-05,
                sampleQueries: 256,
                sampleSource: "given"),
        ]))

func segmentUUID(_ number: UInt8) -> SegmentUUID {
    SegmentUUID(unchecked: [UInt8](repeating: number, count: 16))
}

func makeWriter(_ scratch: Scratch, _ settings: CatalogSettings = plainSettings) throws -> CatalogWriter {
    try CatalogWriter.create(scratch.path, databaseUUID: databaseUUID, settings: settings, checksum: crc32c)
}

func openReader(
    _ scratch: Scratch, _ mode: CatalogReader.Mode = .readOnly, busyTimeoutSeconds: Double = 2
) throws -> CatalogReader {
    try CatalogReader.open(scratch.path, mode: mode, checksum: crc32c, busyTimeoutSeconds: busyTimeoutSeconds)
}

func record(_ rows: Int, firstOrdinal: UInt64 = 0) -> SegmentRecord {
    SegmentRecord(byteCount: 8192, rowCount: UInt64(rows), headerChecksum: 0xDEAD_BEEF, firstOrdinal: firstOrdinal)
}

/// A published segment with ids, metadata and queries: generation 1.
func makeSmallDatabase(_ scratch: Scratch) throws -> CatalogWriter {
    let writer = try makeWriter(scratch)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    try staging.stageIDs(["Fargo (1996)", "", "Amélie"], firstOrdinal: 0)
    try staging.beginMetadata([CatalogColumn(name: "title", type: .text), CatalogColumn(name: "year", type: .integer)])
    try staging.stageMetadata([
        metadataRow(0, "Fargo", 1996), metadataRow(1, "Nothing", 0), metadataRow(2, "Amélie", 2001),
    ])
    try staging.stageQueries([
        CatalogQuery(id: "42", vector: [1, -2.5]), CatalogQuery(id: "43", vector: [0, 3]),
        CatalogQuery(id: "42", vector: [9, 9]),
    ])
    _ = try writer.publish(staging, record(3), expecting: 0, replacing: .all)
    return writer
}

func metadataRow(_ ordinal: UInt64, _ title: String, _ year: Int64) -> CatalogMetadataRow {
    CatalogMetadataRow(
        ordinal: ordinal, document: Array("{\"title\":\"\(title)\",\"year\":\(year)}".utf8),
        values: [.text(title), .integer(year)])
}

/// The code of the error that `body` throws; `nil` when it throws none.
func code(_ body: () throws -> Void) -> CatalogError.Code? {
    do {
        try body()
        return nil
    } catch let error as CatalogError {
        return error.code
    } catch {
        return nil
    }
}

func put(_ bytes: [UInt8], at path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

/// A database of 500 candidates at generation 1.
func makeDatabase(_ scratch: Scratch, _ uuid: SegmentUUID) throws -> CatalogWriter {
    let writer = try CatalogWriter.create(scratch.path, databaseUUID: uuid, settings: plainSettings, checksum: crc32c)
    let staging = try writer.beginStaging(segmentUUID: segmentUUID(1))
    try staging.stageIDs((0..<500).map { "id \($0)" }, firstOrdinal: 0)
    _ = try writer.publish(staging, record(500), expecting: 0, replacing: .all)
    return writer
}

let otherUUID = segmentUUID(0xAB)

extension CatalogSnapshot {
    func ordinals(forID id: String) throws(CatalogError) -> [UInt64] { try ordinals(forIDs: [id])[0] }

    func document(ordinal: UInt64) throws(CatalogError) -> [UInt8]? { try documents(forOrdinals: [ordinal])[0] }
}
