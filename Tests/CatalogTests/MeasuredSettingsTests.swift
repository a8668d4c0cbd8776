import Testing

@testable import Catalog

private func setting(_ k: Int, recall: Double = 0.95, source: String = "queries") -> SearchDefaultSettings {
    SearchDefaultSettings(
        leavesToSearch: 4, reorder: 40, k: k, recall: recall, sampleQueries: 9, sampleSource: source)
}

private func measured(_ settings: [SearchDefaultSettings], uuid: [UInt8] = segmentUUID(7)) -> MeasuredSettings {
    MeasuredSettings(segmentUUID: uuid, settings: settings)
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
    measured([setting(1, recall: 1.5)]), measured([setting(1, source: "guess")]), measured([], uuid: [1, 2]),
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
