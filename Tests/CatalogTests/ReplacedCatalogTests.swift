import Foundation
import TestSupport
import Testing

@testable import Catalog

// Another file, or another database in the same file, takes the place of a catalog that is open.

@Test func `fault 04: later connections open the same file, wherever the directory goes`() throws {
    let scratch = try Scratch(), other = try Scratch()
    try makeDatabase(scratch, databaseUUID).close()
    try makeDatabase(other, otherUUID).close()
    let reader = try openReader(scratch)
    let moved = scratch.directory + "-moved"
    try FileManager.default.moveItem(atPath: scratch.directory, toPath: moved)
    try FileManager.default.moveItem(atPath: other.directory, toPath: scratch.directory)
    defer { try? FileManager.default.removeItem(atPath: moved) }
    // Each thread that reads while others do opens another connection.
    try reader.pool.read { _ in
        #expect(try reader.snapshot().databaseUUID == databaseUUID)
        // Another file in the directory is noticed.
        try FileManager.default.moveItem(atPath: moved + "/catalog.sqlite", toPath: moved + "/old")
        try FileManager.default.copyItem(atPath: scratch.path, toPath: moved + "/catalog.sqlite")
        try reader.pool.read { _ in
            #expect(code { _ = try reader.snapshot() } == .conflict)
        }
    }
}

@Test func `fault 04: another database that was copied over the file is noticed`() throws {
    let scratch = try Scratch(), other = try Scratch()
    try makeDatabase(scratch, databaseUUID).close()
    try makeDatabase(other, otherUUID).close()
    let reader = try openReader(scratch)
    let mine = try bytes(of: scratch.path), theirs = try bytes(of: other.path)
    // By what SQLite looks at, the change counter and what follows, both are the same: it believes the pages that it has.
    #expect(mine[24..<40] == theirs[24..<40])
    let snapshot = try reader.snapshot()
    // On the first connection, on a later one, and on the first again.
    try overwrite(scratch.path, theirs)
    #expect(code { _ = try reader.snapshot() } == .conflict)
    #expect(code { _ = try reader.currentGeneration() } == .conflict)
    #expect(code { _ = try snapshot.ordinals(forID: "id 7") } == .conflict)
    try overwrite(scratch.path, mine)
    var later: CatalogError.Code?
    let first = code {
        try reader.pool.read { _ in
            try overwrite(scratch.path, theirs)
            later = code { _ = try reader.snapshot() }
        }
    }
    #expect(first == .conflict)
    #expect(later == .conflict)
    try overwrite(scratch.path, mine)
    #expect(try reader.snapshot().databaseUUID == databaseUUID && snapshot.ordinals(forID: "id 7") == [7])
}

/// Writes over a file as `cp` does: it stays the same one.
private func overwrite(_ path: String, _ bytes: [UInt8]) throws {
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.truncate(atOffset: 0)
    try handle.write(contentsOf: Data(bytes))
    try handle.close()
}

@Test func `fault 04: an older state of the database that was copied over the file is noticed`() throws {
    let scratch = try Scratch()
    let writer = try makeDatabase(scratch, databaseUUID)
    let older = try bytes(of: scratch.path)
    let reader = try openReader(scratch)
    _ = try reader.snapshot()
    // What another process commits is no such thing.
    _ = try writer.change(plainSettings, expecting: 1)
    try writer.close()
    #expect(try reader.snapshot().generation == 2)
    try overwrite(scratch.path, older)
    #expect(code { _ = try reader.currentGeneration() } == .conflict)
    #expect(try openReader(scratch).currentGeneration() == 1)
}

@Test func `fault 03: a catalog that was moved away takes no changes`() throws {
    let scratch = try Scratch()
    let writer = try makeDatabase(scratch, databaseUUID)
    #expect(writer.isInPlace)
    try FileManager.default.moveItem(atPath: scratch.path, toPath: scratch.path + "-old")
    #expect(!writer.isInPlace)
    #expect(code { _ = try writer.change(plainSettings, expecting: 1) } == .conflict)
    try FileManager.default.moveItem(atPath: scratch.path + "-old", toPath: scratch.path)
    #expect(try writer.change(plainSettings, expecting: 1) == 2)
}

@Test func `fault 03: what is in the way of a commit undoes it`() throws {
    let scratch = try Scratch()
    let writer = try makeDatabase(scratch, databaseUUID)
    #expect(code { _ = try writer.change(plainSettings, expecting: 1, obstacle: { "moved" }) } == .conflict)
    #expect(try writer.currentGeneration() == 1)
}
