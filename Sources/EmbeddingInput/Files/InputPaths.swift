import FileSystem

/// Opens the file at `path` for reading; see `File.init(reading:)`.
func openForReading(_ path: String) throws(InputError) -> File {
    do throws(SystemError) { return try File(reading: path) } catch {
        throw InputError(error, file: path, "could not be opened")
    }
}

/// `path` without links, `.` and `..`.
func resolvedPath(_ path: String) throws(InputError) -> String {
    do throws(SystemError) { return try Path.resolved(path) } catch {
        throw InputError(error, file: path, "cannot be resolved")
    }
}

/// What an open file is.
///
/// - Parameter name: what errors call it.
func status(of file: File, name: String) throws(InputError) -> File.Status {
    do throws(SystemError) { return try file.status() } catch {
        throw InputError(error, file: name, "could not be examined")
    }
}

extension InputError {
    /// What the operating system refused to do with a file.
    ///
    /// - Parameter failure: `could not be opened`.
    init(_ error: SystemError, file: String, _ failure: String) {
        if error.isNotFound || error.isLinkLoop {
            self.init(.notFound, file: file, reasonForAbsence(file))
        } else {
            self.init(.notReadable, file: file, "\(failure): \(error.reason)")
        }
    }
}

/// Why there is no file at `path`, for messages: nothing, or a link that leads nowhere or in a circle.
func reasonForAbsence(_ path: String, _ advice: String = "check the path") -> String {
    guard !path.utf8.contains(0) else { return "does not exist: a path cannot hold a NUL byte" }
    do throws(SystemError) { _ = try Path.status(of: path) } catch {
        if error.isLinkLoop {
            return "is a link that leads back to itself, or leads through one; mend the link, or name another file"
        }
    }
    guard let target = Path.linkTarget(path) else { return "does not exist; \(advice)" }
    return "is a link to \(quoted(target, limit: 200)), where there is nothing; mend the link, or name another file"
}

/// What a path leads to.
enum FileKind {
    case nothing
    case regular
    case directory
    case other
}

func fileKind(_ path: String) -> FileKind {
    guard let status = try? Path.status(of: path) else { return .nothing }
    return status.isRegular ? .regular : status.isDirectory ? .directory : .other
}
