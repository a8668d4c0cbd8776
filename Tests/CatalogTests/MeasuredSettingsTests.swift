import Testing

@testable import Catalog

private func setting(_ k: Int, recall: Double = 0.95, source: String = "queries") -> SearchDefaultSettings {
    SearchDefaultSettings(
        leavesToSearch: 4, reorder: 40, k: k, recall: recall, sampleQueries: 9, sampleSource: source)
}

private func measured(_ settings: [SearchDefaultSettings]) -> MeasuredSettings {
    MeasuredSettings(segmentUUID: segmentUUID(7), settings: settings)
}

@Test func `fault 15: measured settings are one row, a line for each k, and come back`() throws {
    let settings = measured([setting(1), setting(1_000, recall: 1, source: "candidates")])
    #expect(
        settings.text
            == "07070707070707070707070707070707\n1 4 40 0.95 9 queries -\n1000 4 40 1.0 9 candidates -")
    #expect(MeasuredSettings(text: settings.text) == settings)
    #expect(MeasuredSettings(text: measured([]).text) == measured([]))
    let scratch = try Scratch()
    let writer = try makeSmallDatabase(scratch)
    var all = plainSettings
    all.measured = settings
    #expect(try writer.change(all, expecting: 1) == 2)
    #expect(try openReader(scratch).snapshot().settings == all)
    #expect(try writer.change(plainSettings, expecting: 2) == 3)
    #expect(try openReader(scratch).snapshot().settings == plainSettings)
}

@Test(arguments: [
    measured([setting(0)]), measured([setting(10), setting(10)]), measured([setting(10), setting(1)]),
    measured([setting(1, recall: 1.5)]), measured([setting(1, source: "guess")]),
    measured((1...65).map { setting($0) }),
])
func `fault 15: measured settings that make no sense are refused`(settings: MeasuredSettings) throws {
    let scratch = try Scratch()
    var all = plainSettings
    all.measured = settings
    #expect(code { _ = try makeWriter(scratch, all) } == .invalidArgument)
}

private let uuid = "07070707070707070707070707070707"

@Test(arguments: [
    "", "07", uuid.uppercased() + "x", uuid + "\n", uuid + "\n1 4 40 0.95 9 queries",
    uuid + "\n1 4 40 0.95 9 queries - -",
    uuid + "\n+1 4 40 0.95 9 queries -", uuid + "\n01 4 40 0.95 9 queries -", uuid + "\n1 -4 40 0.95 9 queries -",
    uuid + "\n1 4 40 nan 9 queries -", uuid + "\n1 4 40 0x1p-1 9 queries -", uuid + "\n1 4 40 0.95 9 queries ?",
    uuid + "\n1  4 40 0.95 9 queries -", uuid + "\r\n1 4 40 0.95 9 queries -",
])
func `fault 15: text of another form is no measured setting`(text: String) {
    #expect(MeasuredSettings(text: text) == nil)
}

/// What reading a small database ends with whose setting holds `text`.
private func codeWithMeasured(_ text: String) throws -> CatalogError.Code? {
    let scratch = try Scratch()
    try makeSmallDatabase(scratch).close()
    try scratch.tamper("INSERT INTO setting VALUES ('search_settings', ?, 0)", [text])
    try scratch.reseal("setting")
    return code { _ = try openReader(scratch).snapshot() }
}

private let live = String(repeating: "01", count: 16)

@Test(
    arguments: [
        ("\n1 4 40 0.95 9 queries -", nil), ("\n1 4 40 0.95 9 guessed -", .unsupportedVersion),
        ("\n1 4 40 0.95 9 guessed -\n10 4 40 1.5 9 queries -", .corrupt), ("\n1 4 40 0.95 9 queries", .corrupt),
        ("\n0 4 40 0.95 9 queries -", .corrupt), ("\n1 4 40 +0.95 9 queries -", .corrupt), ("\n", .corrupt),
    ] as [(String, CatalogError.Code?)])
func `fault 26: a measured setting is judged when it names the live segment, and means nothing otherwise`(
    lines: String, expected: CatalogError.Code?
) throws {
    #expect(try codeWithMeasured(live + lines) == expected)
    #expect(try codeWithMeasured(uuid + lines) == nil)
    #expect(try codeWithMeasured("another form" + lines) == nil)
}
