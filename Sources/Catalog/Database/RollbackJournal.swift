import FileSystem
import GRDB
import GRDBSQLite

/// A rollback journal, read before SQLite may play it back: SQLite believes whatever lies there, and unlinks what it names.
///
/// SQLite's documentation, "Database File Format", section 4.1. What SQLite would not play back, as a header of zeros, is no
/// problem: a crash leaves such journals. What no journal can be is one: SQLite would remove it, or write over it.
struct RollbackJournal {
    private let file: File
    private let byteCount: Int
    private let checksum: CatalogChecksum

    init(_ file: File, byteCount: Int, checksum: @escaping CatalogChecksum) {
        self.file = file
        self.byteCount = byteCount
        self.checksum = checksum
    }

    private static let magic: [UInt8] = [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7]
    private static let remedy =
        "copy the directory, then restore a backup into an empty directory, or build the database again"

    /// Why it must not be played back over this catalog; `nil` when it may be, or SQLite would not do it.
    ///
    /// - Parameter isToBeOverwritten: whether SQLite, which holds the lock for writing, is about to begin a new one in it.
    func problem(beside catalog: CatalogPages, isToBeOverwritten: Bool) throws(SystemError) -> String? {
        if try namesSuperJournal() {
            return "names a super-journal, which no catalog has: rolling it back would remove that file; " + Self.remedy
        }
        guard try mayBeAJournal() || hasLengthOfAJournal(pageByteCount: catalog.firstPage?.pageByteCount ?? 4096) else {
            return
                "is no rollback journal, and would be removed as one; move it elsewhere if you know what it is, otherwise "
                + Self.remedy
        }
        // One that a crash left a moment ago, before anything was written to the catalog, may still be there.
        if isToBeOverwritten { return nil }
        guard let first = try header(at: 0) else { return nil }
        guard let problem = try misfit(first, catalog) else { return nil }
        return "was not made for this catalog: \(problem). A backup was restored beside it, or another program put it "
            + "there; " + Self.remedy
    }

    /// The name of a super-journal stands at the end of the file, in front of its length, a checksum and the magic bytes.
    private func namesSuperJournal() throws(SystemError) -> Bool {
        guard byteCount >= 16 else { return false }
        let tail = try bytes(at: byteCount - 16, count: 16)
        let length = Int(number(tail, 0))
        return tail[8...].elementsEqual(Self.magic) && length > 0 && length <= byteCount - 16
    }

    /// Whether its beginning is what SQLite writes there. Until the pages behind it are synced the magic bytes and the number of
    /// records are zero, and a loss of power may leave each byte as it was or as it was to be.
    private func mayBeAJournal() throws(SystemError) -> Bool {
        let fields = try bytes(at: 0, count: 28)
        if fields.starts(with: Self.magic) { return true }
        let sector = Int(number(fields, 20)), page = Int(number(fields, 24))
        return zip(fields, Self.magic).allSatisfy { $0 == 0 || $0 == $1 }
            && (sector == 0 || Self.isSectorSize(sector)) && (page == 0 || Self.isPageSize(page))
    }

    /// Whether SQLite may have come so far before its first sync: a sector, then pages with their numbers in front and checksums
    /// behind, each of these a write. A loss of power may leave anything in a file of that length.
    private func hasLengthOfAJournal(pageByteCount page: Int) -> Bool {
        byteCount >= Self.sectorByteCount
            && [0, 4, 4 + page].contains((byteCount - Self.sectorByteCount) % (4 + page + 4))
    }

    /// What SQLite takes for a sector where it finds that writing one leaves those beside it alone, which it takes for granted.
    private static let sectorByteCount = 512

    private static func isSectorSize(_ size: Int) -> Bool { (32...65_536).contains(size) && size & (size - 1) == 0 }

    private static func isPageSize(_ size: Int) -> Bool { (512...65_536).contains(size) && size & (size - 1) == 0 }

    // MARK: headers and records

    private struct Header {
        var recordCount: Int
        let salt: UInt32
        let pageCount: Int
        let sectorByteCount: Int
        let pageByteCount: Int
    }

    /// The header at `offset`, with which a batch of pages begins; `nil` where SQLite sees none.
    private func header(at offset: Int) throws(SystemError) -> Header? {
        guard offset + 28 <= byteCount else { return nil }
        let fields = try bytes(at: offset, count: 28)
        guard fields.starts(with: Self.magic) else { return nil }
        let sector = Int(number(fields, 20)), page = Int(number(fields, 24))
        // Only those of the first header count.
        if offset == 0 {
            guard Self.isSectorSize(sector), page == 0 || Self.isPageSize(page) else { return nil }
        }
        let count = number(fields, 8)
        return Header(
            // The length of the file says how many where a sync was not needed.
            recordCount: count == .max ? .max : Int(count), salt: number(fields, 12),
            pageCount: Int(number(fields, 16)), sectorByteCount: sector, pageByteCount: page)
    }

    /// Calls `body` with every page that SQLite would write back, and its number.
    private func forEachPage(_ first: Header, _ body: (Int, [UInt8]) -> Void) throws(SystemError) {
        let (sector, page) = (first.sectorByteCount, first.pageByteCount)
        var (header, offset) = (Optional(first), 0)
        while let current = header {
            offset += sector
            var left = current.recordCount
            while left > 0, offset + page + 8 <= byteCount {
                let record = try bytes(at: offset, count: page + 8)
                let pageNumber = Int(number(record, 0)), content = Array(record[4..<page + 4])
                var sum = current.salt
                for index in stride(from: page - 200, to: 0, by: -200) { sum &+= UInt32(content[index]) }
                guard pageNumber > 0, sum == number(record, page + 4) else { return }
                if pageNumber <= first.pageCount { body(pageNumber, content) }
                offset += page + 8
                left -= 1
            }
            // A journal that was cut off ends here.
            if left > 0, current.recordCount != .max { return }
            offset = (offset + sector - 1) / sector * sector
            header = try self.header(at: offset)
        }
    }

    private func bytes(at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var span = bytes.mutableSpan
        _ = try file.read(into: &span, at: offset)
        return bytes
    }

    // MARK: whose it is

    /// Why what the catalog would be afterwards is not what it was before the change that the journal undoes.
    private func misfit(_ header: Header, _ catalog: CatalogPages) throws(SystemError) -> String? {
        guard let current = catalog.firstPage, current.isOurs else {
            return "the first page beside it is none of a catalog"
        }
        guard header.pageByteCount == current.pageByteCount else {
            return "its pages have \(header.pageByteCount) bytes, the catalog's \(current.pageByteCount)"
        }
        var restored: FirstPage?
        var (numbers, isEmpty, hasIdentity, problem) = (Set<Int>(), true, false, String?.none)
        let present = catalog.byteCount / current.pageByteCount
        try forEachPage(header) { number, content in
            if number == 1, restored == nil { restored = FirstPage(content) }
            if number > present { numbers.insert(number) }
            isEmpty = false
            guard problem == nil, let theirs = Identity(in: content, checksum: checksum) else { return }
            hasIdentity = true
            // A loss of power may have torn the catalog's own page: only whole rows of it speak.
            let page = catalog.page(number, byteCount: current.pageByteCount)
            guard let ours = Identity(in: page, checksum: checksum) else { return }
            if theirs.database != ours.database {
                problem = "it is of the database \(theirs.database), the catalog of \(ours.database)"
            } else if let now = ours.transaction, !now.follows(theirs.transaction) {
                problem = "it undoes another change than the catalog's last one"
            }
        }
        if let problem { return problem }
        guard hasIdentity || isEmpty else {
            return "it does not say of which database it is, as those of this vecdb do (an older one may have left it: "
                + "then open the database with that)"
        }
        if let restored {
            guard restored.isOurs, restored.pageByteCount == current.pageByteCount else {
                return "the first page in it is none of such a catalog"
            }
            // A change counts one up, and writes the number back or has not yet.
            guard current.changeCount == restored.changeCount || current.changeCount == restored.changeCount &+ 1 else {
                return "it undoes change \(restored.changeCount &+ 1), and the last one of the catalog was "
                    + "\(current.changeCount)"
            }
        }
        guard (restored ?? current).pageCount == header.pageCount else {
            return "it is of a file of \(header.pageCount) pages, the catalog has "
                + ((restored ?? current).pageCount.map { "\($0)" } ?? "another number")
        }
        guard numbers.count == max(0, header.pageCount - present) else {
            return "of the \(header.pageCount) pages that the catalog had, some are in neither file"
        }
        return nil
    }
}

/// What the first page of an SQLite file says ("Database File Format", section 1.3).
struct FirstPage {
    let isOurs: Bool
    let pageByteCount: Int
    let changeCount: UInt32
    /// `nil` where it does not hold, as in files that old versions of SQLite have written.
    let pageCount: Int?

    static let byteCount = 100

    init(_ bytes: [UInt8]) {
        isOurs =
            bytes.starts(with: CatalogFile.magic)
            && number(bytes, 68) == UInt32(truncatingIfNeeded: CatalogFile.applicationID)
        let size = Int(bytes[16]) << 8 | Int(bytes[17])
        pageByteCount = size == 1 ? 65_536 : size
        changeCount = number(bytes, 24)
        pageCount = number(bytes, 92) == changeCount ? Int(number(bytes, 28)) : nil
    }
}

/// The pages of a catalog that is open, read through SQLite's own handle.
@safe struct CatalogPages {
    /// Proof for all uses: SQLite's handle of the file, open as long as it asks for a journal, or the connection lasts. One
    /// without methods is that of a database that has no file.
    nonisolated(unsafe) private let file: UnsafeMutablePointer<sqlite3_file>?

    /// - Parameter journal: the name as SQLite gives it, from which it finds the file.
    init(of journal: UnsafePointer<CChar>) { unsafe file = sqlite3_database_file_object(journal) }

    /// - Throws: `DatabaseError`.
    init(of db: Database) throws {
        var found: UnsafeMutablePointer<sqlite3_file>?
        // Proof: the connection is open; SQLite sets `found` to its handle of the main database.
        let code = unsafe sqlite3_file_control(db.sqliteConnection, "main", SQLITE_FCNTL_FILE_POINTER, &found)
        // unreached: a connection that could be opened has a file
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        unsafe file = found
    }

    var byteCount: Int {
        var size: Int64 = 0
        guard let file = unsafe file, let methods = unsafe file.pointee.pMethods,
            unsafe methods.pointee.xFileSize(file, &size) == SQLITE_OK
        else { return 0 }
        return Int(size)
    }

    var firstPage: FirstPage? {
        byteCount < FirstPage.byteCount ? nil : FirstPage(read(at: 0, count: FirstPage.byteCount))
    }

    /// Zeros beyond the end of the file.
    func page(_ number: Int, byteCount: Int) -> [UInt8] { read(at: (number - 1) * byteCount, count: byteCount) }

    private func read(at offset: Int, count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        _ = read(&bytes, at: offset)
        return bytes
    }

    /// Fills `bytes` from the file as it is, with zeros beyond its end.
    ///
    /// - Returns: SQLite's code.
    func read(_ bytes: inout [UInt8], at offset: Int) -> Int32 {
        guard let file = unsafe file, let methods = unsafe file.pointee.pMethods else { return SQLITE_OK }
        // Proof: `xRead` fills as many bytes as there are.
        return unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe methods.pointee.xRead(file, bytes.baseAddress, Int32(bytes.count), Int64(offset))
        }
    }
}

/// What a page of settings says about the catalog that it is of.
private struct Identity {
    /// The database's uuid.
    let database: String
    /// `nil` in catalogs of a vecdb that gives transactions no names.
    let transaction: TransactionName?

    /// - Returns: `nil` for other pages.
    init?(in page: [UInt8], checksum: CatalogChecksum) {
        guard page[0] == 0x0A, let database = setting(.databaseUUID, in: page, checksum) else { return nil }
        self.database = database
        transaction = setting(.transaction, in: page, checksum).flatMap { TransactionName($0) }
    }
}

/// A setting of 32 digits in a leaf of the table, if its checksum is right. An entry ("Database File Format", section 1.6) is its
/// length, then a header of 4 bytes for the texts of the key and of 32 digits and for the checksum, then those.
private func setting(_ key: SettingKey, in page: [UInt8], _ checksum: CatalogChecksum) -> String? {
    let key = Array(key.rawValue.utf8)
    let header: [UInt8] = [4, UInt8(13 + 2 * key.count), 13 + 2 * 32]
    for place in 0..<(Int(page[3]) << 8 | Int(page[4])) where 10 + 2 * place <= page.count {
        let start = (Int(page[8 + 2 * place]) << 8 | Int(page[9 + 2 * place])) + 1
        let text = start + 4 + key.count
        guard text + 32 <= page.count, page[start..<start + 3].elementsEqual(header),
            page[start + 4..<text].elementsEqual(key)
        else { continue }
        // Serial types 0 to 6 are integers of so many bytes, 8 and 9 the numbers 0 and 1 ("Database File Format", section 2.1).
        let type = Int(page[start + 3])
        let byteCount = type < 7 ? [0, 1, 2, 3, 4, 6, 8][type] : 0
        guard text + 32 + byteCount <= page.count else { return nil }
        let stored = page[(text + 32)..<(text + 32 + byteCount)].reduce(UInt64(type == 9 ? 1 : 0)) {
            $0 << 8 | UInt64($1)
        }
        let row = key + [0] + page[text..<text + 32]
        guard stored == UInt64(checksum(row.span)) else { return nil }
        return String(decoding: page[text..<text + 32], as: UTF8.self)
    }
    return nil
}

/// Four bytes, the most significant first.
private func number(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
    bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
}
