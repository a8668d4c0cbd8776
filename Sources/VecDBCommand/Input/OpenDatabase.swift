import Synchronization
import VecDB

/// Opens a database that stays open until the process ends.
///
/// To close it before would be to hand the queue of each connection to libdispatch, which starts a thread for that and stops the
/// process where the thread finds no free descriptors: an answer that has been printed whole would end with a signal.
func openUntilExit(_ path: String) throws(DatabaseError) -> VectorDatabase {
    let database = try VectorDatabase.open(path)
    opened.withLock { $0.append(database) }
    return database
}

private let opened = Mutex<[VectorDatabase]>([])
