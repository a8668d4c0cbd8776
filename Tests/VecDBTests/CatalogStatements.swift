import GRDB

/// Runs statements on a catalog, as another program would.
func runSQL(_ statements: [String], on path: String) throws {
    let queue = try DatabaseQueue(path: path)
    try queue.writeWithoutTransaction { database in
        for statement in statements { try database.execute(sql: statement) }
    }
    try queue.close()
}
