import FileSystem
import Foundation
import GRDB
import GRDBSQLite
import Synchronization

/// SQLite's way to the files of one catalog: a VFS that looks names up in an open directory, and knows no file but the
/// catalog and its journal. Everything else is what SQLite's own VFS does.
///
/// It outlives every connection, for each one's configuration holds it.
@safe final class CatalogFiles: Sendable {
    let directory: Directory
    private let path: String
    private let checksum: CatalogChecksum

    /// Proof for all uses: allocated and filled in `init`, given to SQLite, which changes nothing but its `pNext` under a
    /// lock of its own, and freed in `deinit`, after SQLite has let go of it and when all connections are closed.
    nonisolated(unsafe) private let methods: UnsafeMutablePointer<sqlite3_vfs>
    /// Proof for all uses: SQLite's own VFS is a constant of it.
    nonisolated(unsafe) private let original: UnsafeMutablePointer<sqlite3_vfs>
    private let state = Mutex(State())

    private struct State {
        /// The file that the first connection opened; each later one must open the same.
        var catalog: File.Status?
        var wasMadeHere = false
        /// Why a file was refused: SQLite passes on nothing but a number.
        var refusal: CatalogError?
    }

    /// - Parameter path: of the catalog, for messages.
    /// - Throws: `system` where SQLite cannot be told which VFS to use.
    init(in directory: Directory, path: String, checksum: @escaping CatalogChecksum) throws(CatalogError) {
        // unreached: every SQLite for this system has it, and Debian's and Apple's read URIs
        guard let original = unsafe sqlite3_vfs_find("unix"), unsafe sqlite3_compileoption_used("USE_URI") != 0 else {
            throw CatalogError(
                .system, path: path,
                "this SQLite has no VFS 'unix', or takes no URIs; use one that was built with USE_URI")
        }
        self.directory = directory
        self.path = path
        self.checksum = checksum
        unsafe self.original = original
        unsafe methods = .allocate(capacity: 1)
        unsafe methods.initialize(to: original.pointee)
        // Proof: `strdup` gives a terminated copy, freed in `deinit`. No other object has this address meanwhile.
        unsafe methods.pointee.zName = UnsafePointer(strdup("vecdb-\(UInt(bitPattern: methods))"))
        // Proof: the callbacks are called through connections, all of which are closed before this object goes. The
        // methods that are kept never look at `pAppData`: only the original `xOpen` does, which gets the original VFS.
        unsafe methods.pointee.pAppData = Unmanaged.passUnretained(self).toOpaque()
        unsafe methods.pointee.xOpen = { vfs, name, file, flags, outFlags in
            unsafe CatalogFiles.of(vfs).open(name, file, flags, outFlags)
        }
        unsafe methods.pointee.xDelete = { vfs, name, syncsDirectory in
            unsafe CatalogFiles.of(vfs).delete(name, syncsDirectory)
        }
        unsafe methods.pointee.xAccess = { vfs, name, flags, result in
            unsafe CatalogFiles.of(vfs).access(name, flags, result)
        }
        // SQLite's own would follow the links of the path, to one that may lead elsewhere later.
        unsafe methods.pointee.xFullPathname = { _, name, capacity, full in
            // Proof: SQLite gives a terminated name and `capacity` bytes.
            guard let name = unsafe name, let full = unsafe full, unsafe strlen(name) < Int(capacity) else {
                return SQLITE_CANTOPEN
            }
            unsafe strcpy(full, name)
            return SQLITE_OK
        }
        unsafe sqlite3_vfs_register(methods, 0)
    }

    deinit {
        unsafe sqlite3_vfs_unregister(methods)
        unsafe free(UnsafeMutableRawPointer(mutating: methods.pointee.zName))
        unsafe methods.deallocate()
    }

    /// Proof: `init` put the object there, and it lives as long as anybody calls.
    private static func of(_ vfs: UnsafeMutablePointer<sqlite3_vfs>?) -> CatalogFiles {
        guard let vfs = unsafe vfs, let object = unsafe vfs.pointee.pAppData else {
            preconditionFailure("SQLite calls methods of a VFS with another one")
        }
        return unsafe Unmanaged<CatalogFiles>.fromOpaque(object).takeUnretainedValue()
    }

    /// What a connection is opened by; `mode` as SQLite's URIs have it: `ro`, `rw`, `rwc`.
    func uri(mode: String) -> String {
        // Proof: set in `init`, and terminated.
        let name = unsafe String(cString: methods.pointee.zName)
        return "file:\(catalogPath)?vfs=\(name)&mode=\(mode)"
    }

    /// What was refused since the last call.
    func takeRefusal() -> CatalogError? {
        state.withLock { state in
            defer { state.refusal = nil }
            return state.refusal
        }
    }

    /// Whether the directory still names the file that is open.
    var isInPlace: Bool {
        guard let opened = state.withLock({ $0.catalog }), let found = try? directory.status(of: CatalogFile.name)
        else {
            return false
        }
        return found.isSameFile(as: opened)
    }

    private var catalogPath: String { directory.lastingPath + "/" + CatalogFile.name }

    // MARK: what SQLite calls

    private func open(
        _ name: UnsafePointer<CChar>?, _ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32,
        _ outFlags: UnsafeMutablePointer<Int32>?
    ) -> Int32 {
        guard let file = unsafe file else { return SQLITE_CANTOPEN }  // unreached: SQLite gives room for one
        // Proof: SQLite gives room for a file, and closes one whose methods are set.
        unsafe file.pointee.pMethods = nil
        // Without a name it is a temporary file: SQLite's own affair.
        guard let name = unsafe name else { return unsafe original.pointee.xOpen(original, nil, file, flags, outFlags) }
        var flags = flags
        do throws(CatalogError) {
            if flags & SQLITE_OPEN_MAIN_DB != 0, unsafe isNamed(name, "") {
                try checkCatalog()
                let isNew = flags & SQLITE_OPEN_CREATE != 0
                if isNew {
                    // With the mode of the database's other files, SQLite's own is narrower; and nobody's is taken for a new one.
                    do throws(SystemError) { _ = try directory.create(CatalogFile.name) } catch {
                        throw CatalogError(error, path: path)
                    }
                    flags &= ~SQLITE_OPEN_CREATE
                }
                let code = unsafe original.pointee.xOpen(original, name, file, flags, outFlags)
                guard code == SQLITE_OK else { return refused(unopened, code) }
                if unsafe !hasMoved(file), try note(isNew: isNew) { return code }
                throw replaced
            }
            guard flags & SQLITE_OPEN_MAIN_JOURNAL != 0, unsafe isNamed(name, CatalogFile.journalSuffix) else {
                if unsafe isNamed(name, CatalogFile.logSuffix) { throw CatalogFile.writeAheadLog(path) }
                throw unsafe stranger(String(cString: name))
            }
            return try unsafe openJournal(name, file, flags, outFlags)
        } catch {
            unsafe close(file)
            return refused(error)
        }
    }

    /// Proof: an open file has methods, and no other; SQLite does not close one that was refused.
    private func close(_ file: UnsafeMutablePointer<sqlite3_file>) {
        guard let methods = unsafe file.pointee.pMethods else { return }
        _ = unsafe methods.pointee.xClose(file)
        unsafe file.pointee.pMethods = nil
    }

    private func delete(_ name: UnsafePointer<CChar>?, _ syncsDirectory: Int32) -> Int32 {
        guard let name = unsafe name, unsafe isNamed(name, CatalogFile.journalSuffix) else {
            return ResultCode.SQLITE_IOERR_DELETE.rawValue
        }
        // SQLite does away with the journal of an empty file unseen.
        if !state.withLock({ $0.wasMadeHere }), unsafe CatalogPages(of: name).byteCount == 0 {
            return ResultCode.SQLITE_IOERR_DELETE.rawValue
        }
        return unsafe original.pointee.xDelete(original, name, syncsDirectory)
    }

    private func access(
        _ name: UnsafePointer<CChar>?, _ flags: Int32, _ result: UnsafeMutablePointer<Int32>?
    ) -> Int32 {
        guard let name = unsafe name, let result = unsafe result else { return ResultCode.SQLITE_IOERR_ACCESS.rawValue }
        for suffix in [CatalogFile.journalSuffix, CatalogFile.logSuffix] where unsafe isNamed(name, suffix) {
            let found: File.Status?
            do throws(SystemError) { found = try directory.status(of: CatalogFile.name + suffix) } catch {
                return ResultCode.SQLITE_IOERR_ACCESS.rawValue
            }
            // As SQLite's own has it, an empty file is none. What is no file is met when it is opened.
            unsafe result.pointee = found.map { !$0.isRegular || $0.byteCount > 0 } == true ? 1 : 0
            return SQLITE_OK
        }
        unsafe result.pointee = 0
        return SQLITE_OK
    }

    /// Keeps the reason and gives SQLite a number, which it must pass on: one of its own it might make something of.
    private func refused(_ reason: CatalogError?, _ code: Int32 = CatalogFile.refusalCode) -> Int32 {
        guard let reason else { return code }
        state.withLock { $0.refusal = reason }
        return CatalogFile.refusalCode
    }

    private func isNamed(_ name: UnsafePointer<CChar>, _ suffix: String) -> Bool {
        unsafe strcmp(name, catalogPath + suffix) == 0
    }

    // MARK: the catalog

    private func checkCatalog() throws(CatalogError) {
        guard let found = try status(CatalogFile.name) else { return }
        guard found.isRegular else { throw CatalogFile.irregular(path, found) }
        if let opened = state.withLock({ $0.catalog }), !found.isSameFile(as: opened) { throw replaced }
    }

    /// Why the catalog could not be opened, where SQLite's number does not say it.
    private var unopened: CatalogError? {
        guard !directory.hasLastingPath else { return nil }
        return CatalogError(
            .system, path: path,
            "cannot be opened without a mounted /proc, through which files of an open directory are found; mount it")
    }

    /// Takes note of the file that was opened; whether it is the one that was opened before.
    private func note(isNew: Bool) throws(CatalogError) -> Bool {
        guard let found = try status(CatalogFile.name) else { return false }
        return state.withLock { state in
            if isNew { state.wasMadeHere = true }
            guard let opened = state.catalog else {
                state.catalog = found
                return true
            }
            return found.isSameFile(as: opened)
        }
    }

    /// Whether the directory names another file by now than the open one.
    private func hasMoved(_ file: UnsafeMutablePointer<sqlite3_file>) -> Bool {
        var answer: Int32 = 0
        // Proof: an open file has methods, and this control writes an int.
        _ = unsafe file.pointee.pMethods.pointee.xFileControl(file, SQLITE_FCNTL_HAS_MOVED, &answer)
        return answer != 0
    }

    private var replaced: CatalogError { CatalogFile.replaced(path) }

    // MARK: the journal

    /// What was looked at must be what is opened. Another process may end its journal in between, and begin another one.
    private func openJournal(
        _ name: UnsafePointer<CChar>, _ file: UnsafeMutablePointer<sqlite3_file>, _ flags: Int32,
        _ outFlags: UnsafeMutablePointer<Int32>?
    ) throws(CatalogError) -> Int32 {
        for _ in 0..<10 {
            let checked = try unsafe checkJournal(name, isNew: flags & SQLITE_OPEN_CREATE != 0)
            let code = unsafe original.pointee.xOpen(original, name, file, flags, outFlags)
            guard code == SQLITE_OK, let checked else { return code }
            guard let opened = try status(CatalogFile.name + CatalogFile.journalSuffix),
                !opened.isSameFile(as: checked)
            else { return code }
            unsafe close(file)
        }
        throw replaced
    }

    /// - Returns: what lies there, if anything does.
    private func checkJournal(_ name: UnsafePointer<CChar>, isNew: Bool) throws(CatalogError) -> File.Status? {
        let fileName = CatalogFile.name + CatalogFile.journalSuffix
        guard let found = try status(fileName) else { return nil }
        guard found.isRegular else { throw CatalogFile.irregular(directory.pathOf(fileName), found) }
        guard found.nameCount == 1 else {
            throw journalError(
                "has \(found.nameCount) names (hard links), as 'cp -l' makes them, and only this one would go when it is "
                    + "rolled back; copy the directory with 'cp -r', and go on with the copy")
        }
        let problem: String?
        do throws(SystemError) {
            let file = try directory.open(fileName)
            let status = try file.status()
            guard status.isSameFile(as: found) else { return found }  // looked at again by the caller
            problem = try unsafe RollbackJournal(file, byteCount: status.byteCount, checksum: checksum)
                .problem(beside: CatalogPages(of: name), isToBeOverwritten: isNew)
        } catch {
            throw CatalogError(error, path: directory.pathOf(fileName))
        }
        if let problem { throw journalError(problem) }
        return found
    }

    private func journalError(_ detail: String) -> CatalogError {
        CatalogError(.corrupt, path: path + CatalogFile.journalSuffix, detail)
    }

    private func stranger(_ name: String) -> CatalogError {
        CatalogError(
            .corrupt, path: path, isMendedByBuild: true, "asks for the file \(quoted(name)), which no catalog has")
    }

    private func status(_ name: String) throws(CatalogError) -> File.Status? {
        do throws(SystemError) { return try directory.status(of: name) } catch {
            throw CatalogError(error, path: path)
        }
    }
}
