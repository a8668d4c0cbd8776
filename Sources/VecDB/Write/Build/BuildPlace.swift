import FileSystem
import SegmentFile

/// Where a build goes: a name in a directory that is opened before anything is read and kept open to the end, so that no
/// path is looked up twice.
struct BuildPlace {
    /// As the user gave it, for messages.
    let path: String
    let parent: Directory
    let name: String

    init(_ path: String) throws {
        let (parentPath, name) = try Self.split(path)
        self.path = path
        self.name = name
        do throws(SystemError) { parent = try Directory(opening: parentPath) } catch {
            guard error.isNotFound || error.isLinkLoop else { throw DatabaseError(error) }
            throw brokenLink(parentPath, error)
                ?? DatabaseError(.notFound, file: path, "there is no directory '\(parentPath)' to build in")
        }
    }

    /// Checks that a build may go there.
    ///
    /// - Returns: the directory of a database that is to be overwritten; `nil` when there is nothing.
    @discardableResult
    func checked(overwrite: Bool) throws -> Directory? {
        guard try parent.status(of: name) != nil else { return nil }
        // A link may lead to a database.
        let opened = Result { () throws(SystemError) in
            try Directory(opening: name, in: parent, followingLinks: true)
        }
        if case .failure(let error) = opened, error.isNotFound || error.isLinkLoop,
            let broken = brokenLink(path, error)
        {
            throw broken
        }
        guard overwrite else { throw existsAlready(path) }
        let isNone = DatabaseError(.alreadyExists, file: path, "is no vecdb database, so it is not overwritten")
        let directory: Directory
        do throws(SystemError) { directory = try opened.get() } catch {
            throw error.isNotFound ? isNone : DatabaseError(error)
        }
        guard try directory.status(of: catalogFileName)?.isRegular == true else { throw isNone }
        return directory
    }

    private static func split(_ path: String) throws -> (parent: String, name: String) {
        let separator = UInt8(ascii: "/")
        var trimmed = path.utf8[...]
        while trimmed.count > 1, trimmed.last == separator { trimmed.removeLast() }
        guard !trimmed.isEmpty, !trimmed.elementsEqual([separator]) else {
            throw DatabaseError(.invalidArgument, "'\(path)' cannot name a database").with(file: path)
        }
        guard let slash = trimmed.lastIndex(of: separator) else {
            return (".", try checkedName(String(Substring(trimmed))))
        }
        let parent = slash == trimmed.startIndex ? "/" : String(Substring(trimmed[..<slash]))
        return (parent, try checkedName(String(Substring(trimmed[trimmed.index(after: slash)...]))))
    }

    private static func checkedName(_ name: String) throws -> String {
        guard name != ".", name != "..", !name.utf8.contains(0), name.utf8.count <= 200 else {
            throw DatabaseError(.invalidArgument, "'\(name)' cannot be the name of a database").with(file: name)
        }
        return name
    }
}
