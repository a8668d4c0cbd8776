/// The rows of an input that share their ids, found without holding the ids.
///
/// Only ids whose hashes meet are looked at again, in a second pass; of most inputs there are none. Memory: sixteen bytes
/// a row, and the ids that repeat.
struct RepeatedIDs {
    /// Rows of one id, ascending; at least two.
    private var groups: [(id: [UInt8], rows: [UInt32])] = []

    /// - Parameter forEachID: hands all ids over with their rows, from the first on, as often as it is called.
    init(_ forEachID: ((String, Int) throws -> Void) throws -> Void) throws {
        // Hashes are seeded anew in every process, and nothing that is found depends on them.
        var hashes: [(hash: Int, row: UInt32)] = []
        try forEachID { id, row in hashes.append((Array(id.utf8).hashValue, UInt32(row))) }
        hashes.sort { $0.hash < $1.hash }
        var suspects: [UInt32] = []
        for place in hashes.indices {
            let meetsBefore = place > 0 && hashes[place - 1].hash == hashes[place].hash
            let meetsBehind = place + 1 < hashes.count && hashes[place + 1].hash == hashes[place].hash
            if meetsBefore || meetsBehind { suspects.append(hashes[place].row) }
        }
        guard !suspects.isEmpty else { return }
        hashes = []
        suspects.sort()
        var rowsOfID: [[UInt8]: [UInt32]] = [:]
        var next = 0
        try forEachID { id, row in
            guard next < suspects.count, suspects[next] == UInt32(row) else { return }
            rowsOfID[Array(id.utf8), default: []].append(UInt32(row))
            next += 1
        }
        groups = rowsOfID.filter { $0.value.count > 1 }.map { ($0.key, $0.value) }
    }

    /// Rows that go when of each id only the last is kept.
    var allButLast: [UInt32] { groups.flatMap { $0.rows.dropLast() } }

    /// What is wrong where no id may repeat; `nil`: nothing.
    func refusal(rowCount: Int) -> DatabaseError? {
        guard let first = groups.min(by: { $0.rows[1] < $1.rows[1] }) else { return nil }
        return repeatedIDs(
            String(decoding: first.id, as: UTF8.self), rows: first.rows.map(UInt64.init),
            repeats: groups.reduce(0) { $0 + $1.rows.count - 1 }, of: rowCount)
    }
}
