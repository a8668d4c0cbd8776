import GRDB
import GRDBSQLite

// SQLite checks a tree, and gives one back, by calling itself for each child of a page, however often the pages of a damaged
// file lead to the same one and however deep they lead: it would not end, or run out of stack. So whoever asks it to do
// either has the pages looked at first.

extension CatalogFile {
    /// Pages above each other that a tree may have. SQLite's own limit is 20; a file of 2^32 pages has fewer.
    private static let treeDepthLimit = 20

    /// Refuses trees whose pages lead to one page twice, too deep, or out of the file.
    ///
    /// The caller holds a transaction that has read something and changed nothing, so that what is in the file is the truth.
    ///
    /// - Parameter tables: with their indexes; `nil`: everything there is, the schema included.
    /// - Throws: `corrupt`.
    /// - Complexity: O(pages), each read once.
    func checkTrees(of tables: [String]? = nil, _ db: Database) throws {
        var roots: [UInt32] = tables == nil ? [1] : []
        var counter = RowCounter("sqlite_schema", self)
        let rows = try Row.fetchCursor(
            db, sql: "SELECT rowid, tbl_name, rootpage FROM sqlite_schema WHERE rootpage > 0 ORDER BY rowid")
        while let row = try rows.next() {
            let reader = RowReader(row: row, table: "sqlite_schema", file: self)
            try counter.add(key: try reader.integer(0))
            if let tables, !tables.contains(try reader.text(1)) { continue }
            guard let root = UInt32(exactly: try reader.integer(2)) else {
                throw damaged("a tree begins at page \(try reader.integer(2)), and pages have 32-bit numbers")
            }
            roots.append(root)
        }
        var walk = try TreeWalk(self, db)
        for root in roots { try walk.visit(root, depthLimit: Self.treeDepthLimit, db) }
    }
}

/// One look at each page of some trees (https://sqlite.org/fileformat2.html, section 1.6).
private struct TreeWalk {
    private let file: CatalogFile
    private let pageByteCount: Int
    private var seen: Set<UInt32> = []
    private var page: [UInt8]

    init(_ file: CatalogFile, _ db: Database) throws {
        self.file = file
        var header = [UInt8](repeating: 0, count: 100)
        try file.read(&header, at: 0, db)
        let size = Int(header[16]) << 8 | Int(header[17])
        pageByteCount = size == 1 ? 65_536 : size
        // unreached: SQLite has read the file with this size
        guard (512...65_536).contains(pageByteCount) else { throw file.damaged("has pages of \(size) bytes") }
        page = [UInt8](repeating: 0, count: pageByteCount)
    }

    mutating func visit(_ root: UInt32, depthLimit: Int, _ db: Database) throws {
        var waiting: [(page: UInt32, depth: Int)] = [(root, 1)]
        while let (number, depth) = waiting.popLast() {
            guard number > 0 else { throw file.damaged("a page of a tree leads to page 0") }
            guard seen.insert(number).inserted else {
                throw file.damaged("page \(number) is reached twice: the pages of its tables are no trees")
            }
            guard depth <= depthLimit else {
                throw file.damaged(
                    "page \(number) lies below \(depthLimit) others: the pages of its tables are no trees")
            }
            // A page beyond the end is read as zeros, which are no page of a tree.
            try file.read(&page, at: (Int(number) - 1) * pageByteCount, db)
            let start = number == 1 ? 100 : 0
            switch page[start] {
            case 10, 13: continue
            case 2, 5: waiting += try children(of: number, start).map { ($0, depth + 1) }
            default: throw file.damaged("page \(number) is no page of a tree (its first byte is \(page[start]))")
            }
        }
    }

    /// The pages below an interior one.
    private func children(of number: UInt32, _ start: Int) throws(CatalogError) -> [UInt32] {
        var children = [bigEndian(start + 8, 4)]
        let cellCount = Int(bigEndian(start + 3, 2))
        guard start + 12 + 2 * cellCount <= pageByteCount else {
            throw file.damaged("page \(number) claims \(cellCount) cells, more than it has room for")
        }
        for cell in 0..<cellCount {
            let place = Int(bigEndian(start + 12 + 2 * cell, 2))
            guard place <= pageByteCount - 4 else {
                throw file.damaged("page \(number) has a cell at byte \(place), where it ends")
            }
            children.append(bigEndian(place, 4))
        }
        return children
    }

    private func bigEndian(_ offset: Int, _ count: Int) -> UInt32 {
        page[offset..<offset + count].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
