import Foundation
import TestSupport
import Testing

/// Ids, keys, JSON and names from files are bytes. `String` compares by canonical equivalence, and what a `Character` is depends
/// on its neighbours, so that what tempts to use them is looked for in the sources.
@Suite struct BytesTests {
    /// A regular expression of grep's, and the files where what it finds is right: the strings are words of ours, all ASCII.
    private static let patterns: [(pattern: String, allowed: Set<String>)] = [
        // Tables and settings by the names that a catalog has; others are refused, or never asked for. Units of bytes.
        (#"\[String: ?[A-Z([]"#, ["Schema.swift", "Contents.swift", "CatalogSettings.swift", "ByteSize.swift"]),
        (#"Set<(String|Substring|Character)>"#, []),
        (#"Set\([^)]*(\bids?\b|[iI]Ds?\b|[nN]ames?\b)\)"#, []),
        // Queries by their plans.
        (#"Dictionary\(grouping"#, ["Snapshot+Batch.swift"]),
        // Values of options, words of the command line, /proc, and the end of our own text.
        (
            #"\.has(Prefix|Suffix)\("#,
            ["Arguments.swift", "ProcessCounters.swift", "BuildSummaryText.swift", "Vecdb.swift"]
        ),
        // Names of options in a note, words of Foundation's in its errors.
        (#"\.replacing\("#, ["ExplanationText.swift", "StandardOutput.swift", "Remedies.swift"]),
        // Names of tables; numbers of queries.
        (#"([iI][dD]s?|[nN]ames|[kK]eys)\.sorted\(\)"#, ["Schema.swift", "Contents.swift", "Exclusions.swift"]),
        // Names of tables, options, /proc, lines that are printed.
        (
            #"\.split\(separator: ""#,
            [
                "Schema.swift", "Sweep.swift", "QuerySource.swift", "ProcessCounters.swift",
                "PrintableText.swift", "LockHolders.swift",
            ]
        ),
    ]

    @Test(arguments: patterns.indices)
    func `fault 18: no text from outside is a key, or cut, as a String`(index: Int) throws {
        let (pattern, allowed) = Self.patterns[index]
        let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources")
            .standardizedFileURL.path()
        let found = try shell(
            "grep -rnP --include=*.swift -e '^(?!\\s*//).*\(pattern)' '\(sources)' || test $? = 1",
            in: try TemporaryDirectory())
        #expect(found.status == 0, "\(found.standardError)")
        var used: Set<String> = []
        for line in found.lines {
            let name = String(line.split(separator: ":")[0].split(separator: "/").last ?? "")
            used.insert(name)
            #expect(allowed.contains(name), "\(line): use bytes, or ByteString")
        }
        #expect(allowed.subtracting(used) == [], "these need no exception any more")
    }
}
