import Foundation
import VecDB

/// The ids of `--exclude` and `--exclude-file`.
struct Exclusions {
    /// Excluded for every query.
    private(set) var everyQuery: [String]
    /// Excluded for one query, by its number.
    private(set) var perQuery: [Int: [String]] = [:]
    private let file: String?

    /// - Parameter file: ids one a line, as in `--ids` files; or lines of `{"query":0,"ids":[…]}`, recognised by the
    ///   brace with which the file begins. Pipes are welcome: it is read once.
    init(ids: [String], file: String?) throws {
        everyQuery = ids
        self.file = file
        guard let file else { return }
        let lines = try textLines(of: file)
        let isNDJSON = lines.lazy.compactMap { $0.first { !$0.isWhitespace } }.first == "{"
        guard isNDJSON else {
            everyQuery += lines
            return
        }
        let decoder = JSONDecoder()
        for (index, line) in lines.enumerated() where !line.allSatisfy(\.isWhitespace) {
            guard let entry = try? decoder.decode(Entry.self, from: Data(line.utf8)), entry.query >= 0 else {
                throw DatabaseError(
                    .invalidInput,
                    "\(file), line \(grouped(index + 1)): is not of the form {\"query\":0,\"ids\":[\"…\"]}; "
                        + "every line of a file that begins with '{' must be")
            }
            perQuery[entry.query, default: []] += entry.ids
        }
    }

    /// The entries of one batch, by position in it.
    func inBatch(_ batch: QueryBatch) -> [Int: [String]] {
        guard !perQuery.isEmpty else { return [:] }
        var entries: [Int: [String]] = [:]
        for position in 0..<batch.count {
            if let ids = perQuery[batch.firstIndex + position] { entries[position] = ids }
        }
        return entries
    }

    /// Says so when the file names queries that there were not: it may belong to another file of queries.
    func noteUnused(queryCount: Int) {
        guard let file, let largest = perQuery.keys.filter({ $0 >= queryCount }).max() else { return }
        StandardError.note(
            "note: \(file) excludes ids for query \(grouped(largest)), but there were only "
                + "\(counted(queryCount, "query", "queries")); they are numbered from 0")
    }

    private struct Entry: Decodable {
        let query: Int
        let ids: [String]
    }
}

/// The lines of a UTF-8 file; `\n` or `\r\n` ends one, and an end at the end of the file begins no further line.
private func textLines(of file: String) throws -> [String] {
    var bytes: Data
    do {
        bytes = try contents(of: file)
    } catch {
        throw DatabaseError(
            errorNumber(of: error) == ENOENT ? .notFound : .system, "\(file): could not be read: \(reason(error))")
    }
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    guard !bytes.isEmpty else { return [] }
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    return try bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated().map {
        index, line in
        let content = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        guard let text = String(validating: content, as: UTF8.self) else {
            throw DatabaseError(
                .invalidInput, "\(file), line \(grouped(index + 1)): is not valid UTF-8; save the file as UTF-8")
        }
        return text
    }
}

private func contents(of file: String) throws -> Data {
    if file == "-" { return try FileHandle.standardInput.readToEnd() ?? Data() }
    return try FileHandle(forReadingFrom: URL(filePath: file)).readToEnd() ?? Data()
}
