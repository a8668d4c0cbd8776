import Catalog
import Foundation
import SegmentFile
import VectorKernels

/// CRC-32C for the catalog, which has no kernels of its own.
let catalogChecksum: CatalogChecksum = { crc32c($0) }

/// The catalog's file in the directory of a database.
let catalogFileName = "catalog.sqlite"

/// Cores that may be used.
var processorCount: Int { ProcessInfo.processInfo.activeProcessorCount }

/// The threads that work is divided among: at least one, and no more than could be of use on any machine, so that no sum
/// or product with their number overflows. No answer depends on it.
///
/// - Parameter wanted: `nil`: one for each core.
func usableThreads(_ wanted: Int?) -> Int { max(1, min(wanted ?? processorCount, 1024)) }

/// Opens the directory of a database.
func openDatabaseDirectory(_ path: String) throws(DatabaseError) -> Directory {
    do throws(SystemError) {
        return try Directory(opening: path)
    } catch {
        guard error.isNotFound else { throw DatabaseError(error) }
        throw brokenLink(path)
            ?? DatabaseError(.notFound, "\(path): there is no such database; make one with 'vecdb build'")
    }
}

/// What is wrong with a path that is a link and leads nowhere; `nil` for every other path.
func brokenLink(_ path: String) -> DatabaseError? {
    let manager = FileManager.default
    guard !manager.fileExists(atPath: path), let target = try? manager.destinationOfSymbolicLink(atPath: path) else {
        return nil
    }
    return DatabaseError(
        .notFound, "\(path): is a link to '\(target)', where there is nothing; mend the link, or name another path")
}

func notADatabase(_ path: String) -> DatabaseError {
    DatabaseError(.notFound, "\(path): is no vecdb database (it has no \(catalogFileName))")
}

/// Where the catalog of a database is: a file in its directory and nothing else, for SQLite would follow a link, put the
/// journal beside what it leads to, and wait for ever for a pipe.
func catalogPath(in directory: Directory, of path: String) throws(DatabaseError) -> String {
    let status: File.Status?
    do throws(SystemError) { status = try directory.status(of: catalogFileName) } catch { throw DatabaseError(error) }
    guard let status else { throw notADatabase(path) }
    guard status.isRegular else {
        throw DatabaseError(
            .corrupt,
            "\(path)/\(catalogFileName): is no regular file but a directory, symbolic link or device; put the file itself there"
        )
    }
    // SQLite would read on in any write-ahead log that lies there, whatever the file says of itself.
    let log = catalogFileName + "-wal"
    let logStatus: File.Status?
    do throws(SystemError) { logStatus = try directory.status(of: log) } catch { throw DatabaseError(error) }
    guard logStatus == nil else {
        throw DatabaseError(
            .corrupt,
            "\(path)/\(log): no catalog has a write-ahead log; another program has opened this one, restore a backup or "
                + "rebuild with 'vecdb build'")
    }
    return directory.pathOf(catalogFileName)
}

/// Refuses to write where locks and syncs cannot be trusted.
///
/// - Parameter path: what the message names.
func refuseNetworkFileSystem(_ directory: Directory, path: String, unless isAllowed: Bool) throws(DatabaseError) {
    guard !isAllowed, let system = directory.networkFileSystem else { return }
    throw DatabaseError(
        .system, remedy: .networkFileSystem,
        "\(path): lies on a network file system (\(system)), whose locks and syncs cannot be trusted; choose another "
            + "place, or allow it")
}
