import Foundation
import TestSupport
import Testing
import VecDBJSON

@testable import VecDB
@testable import VecDBCommand

/// What files say, where people read it.
struct HostileTextTests {
    private static let evil = "\u{1B}[2J\u{9B}31m\u{7}\u{202E}"

    /// No character but the ends of lines, which could do anything to a terminal.
    private func expectHarmless(_ output: Output, _ what: String) {
        // A tab separates fields of tsv.
        for text in [output.standardOutput.replacing("\t", with: ""), output.standardError] {
            let found = text.unicodeScalars.filter {
                $0 != "\n" && $0.properties.generalCategory == .control || $0 == "\u{202E}"
            }
            #expect(found.isEmpty, "\(what): \(text.debugDescription)")
        }
    }

    @Test func `fault 07: nothing that a file says reaches the terminal as it is`() throws {
        let (directory, _) = try Films.database()
        let names =
            #"{"\u001b[2Jfirst":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"#
            + #""\u009b31msecond":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]}}"#
        let length = UInt32(names.utf8.count)
        try directory.write(
            "two.safetensors",
            littleEndianBytes(length) + [0, 0, 0, 0] + Array(names.utf8) + [UInt8](repeating: 0, count: 16))
        let tensors = try vecdb(["build", "a.vecdb", "--vectors", "two.safetensors"], in: directory)
        #expect(tensors.status == 1 && tensors.standardError.contains("first"))
        expectHarmless(tensors, "tensors")

        try Films.writeExport(to: directory)
        let manifest = directory.text("export/manifest.json").replacing("candidates.npy", with: #"\u001b[2Jno.npy"#)
        try directory.write("export/manifest.json", manifest)
        let export = try vecdb(["build", "a.vecdb", "--from", "export"], in: directory)
        #expect(export.status != 0 && export.standardError.contains("no.npy"))
        expectHarmless(export, "manifest")

        let locked = try shell(
            """
            printf 'pid 1 on \\033[2Jhost\\0' | dd of=films.vecdb/lock bs=1 seek=64 conv=notrunc 2>/dev/null
            flock films.vecdb/lock "$VECDB" build films.vecdb --overwrite --vectors films.npy --lock-timeout 0
            """, in: directory)
        #expect(locked.status == 6, "\(locked.standardError)")
        expectHarmless(locked, "lock")

        let usage = try vecdb(["query", "films.vecdb", "--format", Self.evil], in: directory)
        #expect(usage.status == 64)
        expectHarmless(usage, "usage")
        expectHarmless(try vecdb(["query", Self.evil, "--query-id", Self.evil], in: directory), "path")
    }

    @Test(arguments: HitFormat.allCases.filter { $0 != .ndjson })
    func `fault 07: ids and documents are shown without their control characters`(format: HitFormat) throws {
        let directory = try TemporaryDirectory()
        try directory.write("v.npy", npy([[1, 0]]))
        try directory.write("ids.txt", "id\(Self.evil)\\\n")
        try directory.write("m.ndjson", "{\"t\(Self.evil.dropFirst().replacing("\u{7}", with: ""))\":\"\u{9B}31m\"}\n")
        try succeed(
            "build", "a.vecdb", "--vectors", "v.npy", "--ids", "ids.txt", "--metadata", "m.ndjson", in: directory)
        let output = try vecdb(
            ["query", "a.vecdb", "--vector", "[1,0]", "--with-metadata", "--format", format.rawValue], in: directory)
        #expect(output.status == 0 && output.standardOutput.contains("id\\u{1b}[2J"), "\(output.standardOutput)")
        expectHarmless(output, format.rawValue)
    }

    @Test func `fault 07: a field of tsv can be had back`() {
        #expect(tsvEscaped("a\u{1B}[0m\\u{1b}\tb") == "a\\u{1b}[0m\\\\u{1b}\\tb")
    }

    @Test func `fault 07: invisible characters are shown as escapes`() {
        let scalars =
            [0x00AD, 0x034F, 0x061C, 0x115F, 0x180E, 0x3164, 0xFEFF, 0xFFA0, 0xFFF9, 0xE0001, 0xE0100]
            + Array(0x200B...0x200F) + Array(0x2028...0x202E) + Array(0x2060...0x206F) + Array(0xFE00...0xFE0F)
            + Array(0xE0020...0xE007F)
        for value in scalars {
            guard let scalar = Unicode.Scalar(UInt32(value)) else { continue }
            let shown = "a\\u{\(String(value, radix: 16))}b"
            #expect(printable("a\(scalar)b") == shown && tsvEscaped("a\(scalar)b") == shown)
        }
    }

    @Test(arguments: [
        // A family, a heart, a key, a flag of colours; Persian and Hindi words; letters of one piece with their marks.
        "\u{1F469}\u{200D}\u{1F469}\u{200D}\u{1F467}", "\u{2764}\u{FE0F}", "1\u{FE0F}\u{20E3}",
        "\u{1F3F3}\u{FE0F}\u{200D}\u{1F308}", "\u{1F44D}\u{1F3FD}",
        "\u{645}\u{6CC}\u{200C}\u{62E}\u{648}\u{627}\u{647}\u{645}", "\u{915}\u{94D}\u{200D}\u{937}", "e\u{301}",
        "七人の侍",
    ])
    func `fault 07: what people write with stays`(text: String) {
        #expect(printable(text).utf8.elementsEqual(text.utf8) && tsvEscaped(text).utf8.elementsEqual(text.utf8))
    }

    @Test func `fault 07: joiners and selectors are escaped where nothing needs them`() {
        for (text, shown) in [
            ("\u{1F469}\u{200D}", "\u{1F469}\\u{200d}"), ("\u{1F469}\u{200D}x", "\u{1F469}\\u{200d}x"),
            ("x\u{200D}\u{1F469}", "x\\u{200d}\u{1F469}"), ("1\u{FE0F}2", "1\\u{fe0f}2"),
            ("\u{2764}\u{FE0F}\u{FE0F}", "\u{2764}\u{FE0F}\\u{fe0f}"),
            ("\u{1F469}\u{200C}\u{1F467}", "\u{1F469}\\u{200c}\u{1F467}"),
            ("\u{645}\u{200C}a", "\u{645}\\u{200c}a"), ("\u{200D}\u{1F469}", "\\u{200d}\u{1F469}"),
            ("\u{645}\u{200C}\u{200C}\u{62E}", "\u{645}\\u{200c}\\u{200c}\u{62E}"),
        ] {
            #expect(printable(text).utf8.elementsEqual(shown.utf8), "\(shown)")
        }
    }

    /// Every choice of standard streams that are closed.
    @Test(arguments: 1...7)
    func `fault 08: what is printed never goes into a file of the database`(closed: Int) throws {
        let (directory, _) = try Films.database("--index", "tree-ah")
        let closing = ["<&-", ">&-", "2>&-"].enumerated().filter { closed >> $0.offset & 1 == 1 }.map(\.element)
            .joined(separator: " ")
        _ = try shell(
            """
            cp -r films.vecdb before
            "$VECDB" build films.vecdb --overwrite --vectors films.npy --progress always \(closing)
            "$VECDB" build new.vecdb --vectors films.npy --progress always --index tree-ah \(closing)
            "$VECDB" tune before --queries users.npy --target-recall 0.1 \(closing)
            "$VECDB" query before --query-id ann --explain \(closing)
            "$VECDB" verify before \(closing)
            """, in: directory)
        for database in ["films.vecdb", "new.vecdb", "before"] {
            try succeed("verify", database, "--deep", in: directory)
            let lock = try directory.bytes(database + "/lock")
            #expect(lock.count == 256 && lock[8..<64].allSatisfy { $0 == 0 })
            #expect(lock[64...].starts(with: Array("pid ".utf8)), "\(String(decoding: lock, as: UTF8.self))")
        }
    }

    @Test func `fault 08: writing to a closed stream still fails`() throws {
        let (directory, _) = try Films.database()
        let output = try shell(#""$VECDB" query films.vecdb --query-id ann >&-"#, in: directory)
        #expect(output.status == 1 && output.standardError.contains("standard output could not be written"))
        let input = try shell(#""$VECDB" build more.vecdb --vectors - --input-format npy <&-"#, in: directory)
        #expect(input.status == 1, "\(input.standardError)")
    }

    @Test func `fault 12: a table has few columns, however many keys the metadata has`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("v.npy", npy((0..<10).map { [Float($0), 1] }))
        let documents = (0..<10).map { row in
            "{" + (0..<100).map { "\"key\(100 * row + $0)\":\($0)" }.joined(separator: ",") + "}\n"
        }
        try directory.write("m.ndjson", documents.joined())
        try succeed("build", "a.vecdb", "--vectors", "v.npy", "--metadata", "m.ndjson", in: directory)
        let output = try succeed("query", "a.vecdb", "--vector", "[1,0]", "--with-metadata", in: directory)
        let titles = output.lines[0].split(separator: " ")
        #expect(titles.count == 3 + MetadataColumns.columnLimit && titles.contains("key900"))
        #expect(output.standardError.contains("more keys than the 64 that a table shows"))
        #expect(output.standardError.split(separator: "\n").count == 1)
    }

    @Test(arguments: HitFormat.allCases)
    func `fault 12: documents are looked up a few at a time`(format: HitFormat) throws {
        let hits = (0..<100).map { Hit(ordinal: UInt64($0), score: 1, id: nil, metadata: nil) }
        var asked: [Int] = []
        var output = HitOutput(format)
        output.documents = { hits in
            asked.append(hits.count)
            return hits.map { "{\"ordinal\":\($0.ordinal)}" }
        }
        // Not finished: less than is handed on at a time.
        try output.write(Answer(query: 0, hits: hits))
        #expect(asked.count >= 5 && asked.max() ?? 0 <= 20 && asked.reduce(0, +) == 100)
    }
}
