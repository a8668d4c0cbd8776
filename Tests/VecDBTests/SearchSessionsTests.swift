import TestSupport
import Testing

@testable import VecDB

/// Snapshots of a database that holds `generations` builds, one of each.
private func snapshots(_ generations: Int, in place: TemporaryDirectory) throws -> [Snapshot] {
    var options = BuildOptions()
    options.overwrite = true
    return try (0..<generations).map { generation in
        let path = place.file("a.vecdb")
        try VectorDatabase.build(at: path, from: .memory(vectors: [Float(generation)], dimensions: 1), options: options)
        return try VectorDatabase.open(path).snapshot
    }
}

@Test func `a thread is given the session that it had, and a search inside another one of its own`() throws {
    let sessions = SearchSessions(try snapshots(1, in: TemporaryDirectory())[0])
    // Held, so that no other one can be where they were.
    let (outer, inner) = try sessions.withSession { outer throws(DatabaseError) in
        (outer, try sessions.withSession { inner throws(DatabaseError) in inner })
    }
    #expect(outer !== inner)
    // What came back last is nearest.
    try sessions.withSession { again throws(DatabaseError) in #expect(again === outer) }
}

@Test func `a replaced snapshot is let go when the last search of it ends, and not before`() throws {
    var all = try snapshots(2, in: TemporaryDirectory())
    let sessions = SearchSessions(all[0])
    weak let old = all[0]
    let new = all[1]
    try sessions.withSession { session throws(DatabaseError) in
        // Another one that is idle by then.
        try sessions.withSession { _ throws(DatabaseError) in }
        all = []
        sessions.replaceSnapshot(with: new)
        #expect(session.snapshot === old)
        #expect(session.snapshot.generation == 1)
    }
    #expect(old == nil)
    try sessions.withSession { session throws(DatabaseError) in #expect(session.snapshot === new) }
}

@Test func `an idle session lets its snapshot go with a refresh`() throws {
    var all = try snapshots(2, in: TemporaryDirectory())
    let sessions = SearchSessions(all[0])
    weak let old = all[0]
    try sessions.withSession { _ throws(DatabaseError) in }
    sessions.replaceSnapshot(with: all[1])
    all = []
    #expect(old == nil)
}

@Test func `of two refreshes at once the newer one counts`() throws {
    let all = try snapshots(3, in: TemporaryDirectory())
    let sessions = SearchSessions(all[0])
    sessions.replaceSnapshot(with: all[2])
    sessions.replaceSnapshot(with: all[1])
    #expect(sessions.snapshot.generation == 3)
    try sessions.withSession { session throws(DatabaseError) in #expect(session.snapshot.generation == 3) }
}
