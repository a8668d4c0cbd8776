import Catalog
import FileSystem
import Foundation
import SegmentFile
import VectorKernels

/// CRC-32C for the catalog, which has no kernels of its own.
let catalogChecksum: CatalogChecksum = { crc32c($0) }

/// The catalog's file in the directory of a database.
let catalogFileName = CatalogReader.fileName

/// Cores that may be used.
var processorCount: Int { ProcessInfo.processInfo.activeProcessorCount }

/// The threads that work is divided among: at least one, and no more than could be of use on any machine, so that no sum
/// or product with their number overflows. No answer depends on it.
///
/// - Parameter wanted: `nil`: one for each core.
func usableThreads(_ wanted: Int?) -> Int { max(1, min(wanted ?? processorCount, 1024)) }

/// Opens the directory of a database: once for everything that is done with it, since its path may lead elsewhere later.
func openDatabaseDirectory(_ path: String) throws(DatabaseError) -> Directory {
    do throws(SystemError) {
        return try Directory(opening: path)
    } catch {
        guard error.isNotFound || error.isLinkLoop else { throw DatabaseError(error) }
        throw brokenLink(path, error)
            ?? DatabaseError(.notFound, file: path, remedy: .build, "there is no such database; build one")
    }
}

/// What is wrong with a path that is a link and leads nowhere, or in a circle; `nil` for every other path.
///
/// - Parameter error: what opening it said.
func brokenLink(_ path: String, _ error: SystemError) -> DatabaseError? {
    if error.isLinkLoop {
        return DatabaseError(
            .notFound, file: path,
            "is a link that leads back to itself, or leads through one; mend the link, or name another path")
    }
    guard let target = Path.linkTarget(path), (try? Path.status(of: path)) == nil else { return nil }
    return DatabaseError(
        .notFound, file: path,
        "is a link to '\(String(decoding: target, as: UTF8.self))', where there is nothing; mend the link, or name another "
            + "path")
}

/// Opens the catalog in the directory of a database.
///
/// - Parameter path: what the message names.
func openCatalog(
    in directory: Directory, of path: String, mode: CatalogReader.Mode
) throws(DatabaseError) -> CatalogReader {
    do throws(CatalogError) {
        return try CatalogReader.open(in: directory, mode: mode, checksum: catalogChecksum)
    } catch {
        throw error.code == .notFound ? notADatabase(path) : DatabaseError(error)
    }
}

func notADatabase(_ path: String) -> DatabaseError {
    DatabaseError(.notFound, file: path, "is no vecdb database (it has no \(catalogFileName))")
}

/// Refuses to write where locks and syncs cannot be trusted.
///
/// - Parameter path: what the message names.
func refuseNetworkFileSystem(_ directory: Directory, path: String, unless isAllowed: Bool) throws(DatabaseError) {
    guard !isAllowed, let system = directory.networkFileSystem else { return }
    throw DatabaseError(
        .system, file: path, remedy: .networkFileSystem,
        "lies on a network file system (\(system)), whose locks and syncs cannot be trusted; choose another "
            + "place, or allow it")
}
