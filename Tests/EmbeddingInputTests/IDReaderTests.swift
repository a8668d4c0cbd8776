import TestSupport
import Testing

@testable import EmbeddingInput

@Suite struct IDReaderTests {
    private func ids(_ content: [UInt8]) throws -> [String] {
        let directory = try TemporaryDirectory()
        let reader = try IDReader.open(try directory.write("ids.txt", content))
        let count = try reader.count()
        var ids: [String] = []
        while let id = try reader.next() { ids.append(id) }
        #expect(count == ids.count)
        #expect(reader.idsRead == count)
        return ids
    }

    @Test(
        arguments: [
            ("", []), ("a", ["a"]), ("a\n", ["a"]), ("a\n\n", ["a", ""]), ("\n", [""]), ("\n\n", ["", ""]),
            ("a\r\nb\r\n", ["a", "b"]), ("a\nb", ["a", "b"]), (" a \tb\n", [" a \tb"]),
            ("Amélie (2001)\n", ["Amélie (2001)"]),
            ("\u{FEFF}a\n", ["a"]), ("a\rb\n", ["a\rb"]), ("\r\n", [""]), ("2,3\n\"x\"\n", ["2,3", "\"x\""]),
        ] as [(String, [String])])
    func `a line is an id`(text: String, expected: [String]) throws {
        #expect(try ids(Array(text.utf8)) == expected)
    }

    @Test func `ids across the ends of the buffer are whole`() throws {
        let expected = (0..<40_000).map { "item \($0) " + String(repeating: "x", count: $0 % 37) }
        #expect(try ids(Array(expected.joined(separator: "\n").utf8)) == expected)
    }

    @Test func `the longest id is one MiB`() throws {
        let longest = [UInt8](repeating: UInt8(ascii: "x"), count: IDReader.byteLimit)
        #expect(try ids(longest + Array("\r\ny".utf8)).map(\.utf8.count) == [IDReader.byteLimit, 1])
        let error = try inputError { _ = try ids(Array("a\n".utf8) + longest + [0x78, 0x0A]) }
        #expect(error.code == .malformed)
        #expect(error.line == 2)
    }

    @Test(arguments: [[0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xC0, 0x80], [0x00]] as [[UInt8]])
    func `bytes that are no text are refused with their line`(bad: [UInt8]) throws {
        let error = try inputError { _ = try ids(Array("a\nb\n".utf8) + bad + [0x0A]) }
        #expect(error.code == .malformed)
        #expect(error.line == 3)
        #expect(error.row == 2)
    }

    @Test func `a missing file and a directory are refused`() throws {
        let directory = try TemporaryDirectory()
        #expect(try inputError { _ = try IDReader.open(directory.path + "/x") }.code == .notFound)
        #expect(try inputError { _ = try IDReader.open(directory.path) }.code == .notAFile)
    }
}
