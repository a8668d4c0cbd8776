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
        let status = try CatalogPages(of: db).read(&bytes, at: offset)
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
