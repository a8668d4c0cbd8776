import FileSystem

/// The lines of a text file, through one buffer whose size the file cannot choose.
///
/// A line ends at `\n` or `\r\n`; the last one may lack its end, and an end at the end of the file begins no further
/// line. A byte order mark before the first line is skipped.
final class LineReader {
    /// The bytes in which `next()` found its line. Copy nothing of it beyond the next call.
    private(set) var buffer: [UInt8]
    /// The one-based number of the line that `next()` returned last; 0 before the first.
    private(set) var lineNumber = 0
    /// The bytes that ended the last line: `\n`, `\r\n` or nothing.
    private(set) var terminatorByteCount = 0

    let file: InputFile
    private let byteLimit: Int
    private var start = 0
    private var end = 0
    private var fileOffset = 0

    /// - Parameter byteLimit: the longest line that is accepted, in bytes.
    init(_ file: InputFile, byteLimit: Int) {
        self.file = file
        self.byteLimit = byteLimit
        // A byte more than a small file has: the read that finds its end has room.
        buffer = [UInt8](repeating: 0, count: min(128 << 10, file.byteCount + 1))
    }

    func rewind() {
        start = 0
        end = 0
        fileOffset = 0
        lineNumber = 0
        terminatorByteCount = 0
    }

    /// The place of the next line in `buffer`, without its end; `nil` after the last.
    ///
    /// - Throws: `malformed` for a line above the limit; `changed`, at the end, for a file that is no longer what it was.
    func next() throws(InputError) -> Range<Int>? {
        if lineNumber == 0, fileOffset == 0 {
            try fill()
            if end - start >= 3, buffer[start] == 0xEF, buffer[start + 1] == 0xBB, buffer[start + 2] == 0xBF {
                start += 3
            }
        }
        var searched = start
        while true {
            if let newline = firstNewline(in: buffer, searched..<end) {
                return try take(from: start, to: newline, terminated: true)
            }
            guard end - start <= byteLimit + 1 else { throw tooLong() }
            let alreadySearched = end - start
            if try fill() == 0 {
                guard start < end else {
                    try file.endPass()
                    return nil
                }
                return try take(from: start, to: end, terminated: false)
            }
            searched = start + alreadySearched
        }
    }

    /// As `next()`, but blank lines at the end of the file are none. Blank is a line of no bytes, or of spaces.
    ///
    /// - Throws: `malformed` for a blank line that others follow.
    func nextBeforeBlankEnd(row: Int, _ advice: String = "remove it") throws(InputError) -> Range<Int>? {
        guard let line = try next() else { return nil }
        guard isBlank(line) else { return line }
        let blankLine = lineNumber
        while let following = try next() {
            guard isBlank(following) else {
                throw InputError(
                    .malformed, file: file.name, row: row, line: blankLine,
                    "is blank, but line \(grouped(lineNumber)) is not; \(advice)")
            }
        }
        return nil
    }

    private func isBlank(_ line: Range<Int>) -> Bool {
        buffer[line].allSatisfy { $0 == UInt8(ascii: " ") }
    }

    private func take(from first: Int, to newline: Int, terminated: Bool) throws(InputError) -> Range<Int> {
        var last = newline
        if terminated, last > first, buffer[last - 1] == UInt8(ascii: "\r") { last -= 1 }
        guard last - first <= byteLimit else { throw tooLong() }
        terminatorByteCount = terminated ? newline - last + 1 : 0
        start = terminated ? newline + 1 : newline
        lineNumber += 1
        return first..<last
    }

    /// Moves the unread rest to the front and reads behind it; returns the number of new bytes, 0 at the end.
    @discardableResult
    private func fill() throws(InputError) -> Int {
        if start > 0 {
            let kept = end - start
            for index in 0..<kept { buffer[index] = buffer[start + index] }
            start = 0
            end = kept
        }
        if end == buffer.count { buffer.append(contentsOf: repeatElement(0, count: buffer.count)) }
        let count = try file.read(upTo: buffer.count - end, into: &buffer, at: end, offset: fileOffset)
        fileOffset += count
        end += count
        return count
    }

    private func tooLong() -> InputError {
        InputError(
            .malformed, file: file.name, line: lineNumber + 1,
            "is longer than \(grouped(byteLimit)) bytes, the longest line accepted; is this a text file?")
    }

    /// An error about the line that `next()` returned last.
    func error(
        _ code: InputError.Code, row: Int? = nil, remedy: InputError.Remedy? = nil, _ message: String
    ) -> InputError {
        InputError(code, file: file.name, row: row, line: lineNumber, remedy: remedy, message)
    }
}

private func firstNewline(in buffer: [UInt8], _ range: Range<Int>) -> Int? {
    let bytes = buffer.span
    var index = range.lowerBound
    while index < range.upperBound {
        if bytes[index] == UInt8(ascii: "\n") { return index }
        index += 1
    }
    return nil
}

/// Whether `range` of `bytes` is valid UTF-8, surrogates and overlong forms refused.
func isValidUTF8(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    do {
        _ = try UTF8Span(validating: bytes.span.extracting(range))
        return true
    } catch {
        return false
    }
}
