import GRDB
import GRDBSQLite

extension CatalogFile {
    /// Refuses a file that wants a write-ahead log before SQLite looks at it: any first read would write files beside it,
    /// and take for its content what a log says that lies there.
    ///
    /// The header is read through SQLite's own handle, since closing any other would drop its locks.
    ///
    /// - Throws: `corrupt`.
    func refuseWriteAheadLog(_ db: Database) throws {
        var header = [UInt8](repeating: 0, count: Self.fileHeaderByteCount)
        let isWhole = try read(&header, at: 0, db)
        // What is no SQLite database, or too short to be one, SQLite itself refuses.
        guard isWhole, header.starts(with: Self.magic) else { return }
        guard header[18] <= 1, header[19] <= 1 else {
            throw damaged(
                "wants a write-ahead log (file format \(header[18]) and \(header[19]), expected 1): another program changed it"
            )
        }
    }

    /// Fills `bytes` from the file as it is, with zeros beyond its end.
    ///
    /// - Returns: whether the file has them all.
    @discardableResult
    func read(_ bytes: inout [UInt8], at offset: Int, _ db: Database) throws -> Bool {
        // Proof: the connection is open; SQLite sets `file` to its handle of the main database, which lives as long as the
        // connection, and `xRead` fills `bytes`, with zeros beyond the end of the file. A handle without methods is that of
        // a database that has no file.
        let status = unsafe bytes.withUnsafeMutableBytes { bytes in
            var file: UnsafeMutablePointer<sqlite3_file>?
            let found = unsafe sqlite3_file_control(db.sqliteConnection, "main", SQLITE_FCNTL_FILE_POINTER, &file)
            guard found == SQLITE_OK, let file = unsafe file, let methods = unsafe file.pointee.pMethods,
                let read = unsafe methods.pointee.xRead
            else { return found }  // unreached: a connection that could be opened has a file
            return unsafe read(file, bytes.baseAddress, Int32(bytes.count), Int64(offset))
        }
        // SQLITE_IOERR_SHORT_READ: a file that is still empty, or was cut off, which the first statement meets.
        // unreached: there is nothing else that goes wrong with a read
        guard status == SQLITE_OK || status & 0xFF == SQLITE_IOERR else {
            throw DatabaseError(resultCode: ResultCode(rawValue: status))
        }
        return status == SQLITE_OK
    }

    private static let fileHeaderByteCount = 100
    static let magic = Array("SQLite format 3\0".utf8)
}
