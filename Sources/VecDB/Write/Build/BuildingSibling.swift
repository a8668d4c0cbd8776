import Catalog
import FileSystem

/// The directory in which a new database is made before it gets its name: `.NAME.building-<16 hexadecimal digits>` beside it.
struct BuildingSibling {
    let parent: Directory
    let name: String

    private static let digitCount = 16

    private static func prefix(_ database: String) -> String { ".\(database).building-" }

    /// Makes a new one.
    init(makingOneFor database: String, in parent: Directory) throws(SystemError) {
        let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        let padding = String(repeating: "0", count: Self.digitCount - digits.count)
        self.parent = parent
        name = Self.prefix(database) + padding + digits
        try parent.createDirectory(name)
    }

    private init(named name: String, in parent: Directory) {
        self.parent = parent
        self.name = name
    }

    /// Removes those that earlier builds of `database` left when they were killed: nobody holds their locks.
    static func removeAbandoned(of database: String, in parent: Directory) throws(SystemError) {
        for name in try parent.names() where isOne(name, of: database) {
            let sibling = BuildingSibling(named: name, in: parent)
            if let directory = try? sibling.open(), (try? WriterLock.isFree(in: directory)) == true { sibling.remove() }
        }
    }

    private static func isOne(_ name: String, of database: String) -> Bool {
        // Bytes: a sibling of a database whose name Unicode calls equal to this one is somebody else's.
        let prefix = prefix(database).utf8
        let digits = name.utf8.dropFirst(prefix.count)
        return name.utf8.starts(with: prefix) && digits.count == digitCount
            && digits.allSatisfy { "0123456789abcdef".utf8.contains($0) }
    }

    /// - Throws: for a link as well.
    func open() throws(SystemError) -> Directory { try Directory(opening: name, in: parent) }

    /// Removes it and the files in it, as far as that is possible; one with files that no build makes stays.
    func remove() {
        guard let directory = try? open(), let names = try? directory.names(), names.allSatisfy(Self.isMadeByBuilds)
        else {
            return
        }
        for name in names { try? directory.remove(name) }
        try? parent.removeDirectory(name)
    }

    private static func isMadeByBuilds(_ name: String) -> Bool {
        [CatalogReader.fileName, CatalogReader.journalName, WriterLock.fileName].contains(name)
            || SegmentUUID(segmentFileName: name) != nil || ScratchFile.isName(name)
    }
}
