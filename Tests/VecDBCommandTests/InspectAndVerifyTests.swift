import Foundation
import SchemaChecks
import TestSupport
import Testing

struct InspectAndVerifyTests {
    @Test func `inspect shows the database`() throws {
        let (directory, _) = try Films.database("--index", "tree-ah", "--leaves", "2")
        let before = try directory.listing()
        let output = try succeed("inspect", "films.vecdb", in: directory)
        #expect(output.standardOutput.hasPrefix("generation 1 · format 1.0 · dot · 6 rows × 2 · tree-AH 2 leaves\n"))
        #expect(
            output.lines.contains { $0.split(separator: " ") == ["section", "offset", "bytes", "type", "checksum"] })
        #expect(output.lines.contains { $0.hasPrefix("parameters ") && $0.hasSuffix("  ok") })
        #expect(output.lines.contains { $0.hasPrefix("leaves: min ") && $0.contains(" · imbalance ") })
        #expect(output.lines.contains("stored queries: 3"))
        #expect(output.lines.contains { $0.hasPrefix("metadata: ") && $0.contains("year (integer)") })
        #expect(try directory.listing() == before)
    }

    @Test(arguments: ["exact", "tree-ah"])
    func `JSON follows its schemas`(index: String) throws {
        let (directory, _) = try Films.database("--index", index)
        let inspection = try succeed("inspect", "films.vecdb", "--json", in: directory).json()
        try expectValid(inspection, "inspect")
        #expect(inspection["rows"]?.number == 6)
        #expect(inspection["index"]?.string == index)
        #expect(inspection["problems"]?.array?.isEmpty == true)
        #expect(inspection["leaf_sizes"]?["max"]?.number ?? 0 > 0 || index == "exact")
        for options in [["--json"], ["--json", "--deep"]] {
            let report = try vecdb(["verify", "films.vecdb"] + options, in: directory)
            #expect(report.status == 0)
            try expectValid(report.json(), "verify")
            #expect(try report.json()["deep"]?.bool == options.contains("--deep"))
            #expect(try report.json()["checks"]?.array?.isEmpty == false)
        }
    }

    @Test func `verify lists its checks`() throws {
        let (directory, _) = try Films.database("--index", "tree-ah")
        let output = try succeed("verify", "films.vecdb", "--deep", "--progress", "never", in: directory)
        #expect(output.lines.first?.split(separator: " ") == ["check", "seconds", "detail"])
        #expect(output.lines.last == "films.vecdb is intact")
        #expect(output.standardError.isEmpty)
    }

    /// The segment's file name inside the database.
    private func segment(_ directory: TemporaryDirectory) throws -> String {
        try #require(try directory.listing().first { $0.hasSuffix(".vseg") })
    }

    @Test func `a flipped byte is damage that is named, ends with 4 and is still shown`() throws {
        let (directory, _) = try Films.database("--index", "tree-ah", "--leaves", "2")
        let name = try segment(directory)
        var bytes = try directory.bytes(name)
        bytes[8192] ^= 1  // the first byte of the first section
        try directory.write(name, bytes)

        let inspection = try vecdb("inspect", "films.vecdb", in: directory)
        #expect(inspection.status == 4)
        #expect(inspection.standardOutput.contains("problem: "))
        #expect(inspection.standardOutput.contains("6 rows"))
        #expect(inspection.standardError.contains("vecdb: error: films.vecdb is damaged"))
        let json = try vecdb("inspect", "films.vecdb", "--json", in: directory)
        #expect(json.status == 4)
        try expectValid(json.json(), "inspect")
        #expect(try json.json()["problems"]?.array?.isEmpty == false)

        let report = try vecdb("verify", "films.vecdb", "--progress", "never", in: directory)
        #expect(report.status == 4)
        #expect(report.standardOutput.contains("damage: "))
        #expect(report.standardOutput.contains("parameters"))
        let verification = try vecdb("verify", "films.vecdb", "--json", in: directory)
        #expect(verification.status == 4)
        try expectValid(verification.json(), "verify")

        let query = try vecdb("query", "films.vecdb", "--vector", "[1,1]", in: directory)
        #expect(query.status == 4)
        #expect(query.standardOutput.isEmpty)
        #expect(query.standardError.contains("parameters"))
    }

    @Test func `a newer format ends with 5`() throws {
        let (directory, _) = try Films.database()
        let name = try segment(directory)
        var bytes = try directory.bytes(name)
        bytes[8] = 99  // the major version, which is read before the header's checksum
        try directory.write(name, bytes)
        let query = try vecdb("query", "films.vecdb", "--vector", "[1,1]", in: directory)
        #expect(query.status == 5)
        #expect(query.standardError.contains("99"))
    }

    @Test func `fault 26: inspect ends with 5 for a newer format, and with 4 when there is damage too`() throws {
        let (directory, _) = try Films.database()
        let name = try segment(directory)
        var bytes = try directory.bytes(name)
        bytes[8] = 99
        try directory.write(name, bytes)
        let inspection = try vecdb("inspect", "films.vecdb", in: directory)
        #expect(inspection.status == 5)
        #expect(inspection.standardOutput.contains("unsupported: "))
        #expect(inspection.standardError.contains("use a newer vecdb"))
        #expect(!(inspection.standardOutput + inspection.standardError).contains("restore a backup"))
        let json = try vecdb("inspect", "films.vecdb", "--json", in: directory)
        #expect(json.status == 5)
        try expectValid(json.json(), "inspect")
        #expect(try json.json()["unsupported"]?.array?.count == 1)
        var catalog = try directory.bytes("films.vecdb/catalog.sqlite")
        for index in 100..<108 { catalog[index] ^= 0xFF }  // the header of the first page's tree
        try directory.write("films.vecdb/catalog.sqlite", catalog)
        let both = try vecdb("inspect", "films.vecdb", in: directory)
        #expect(both.status == 4)
        #expect(both.standardOutput.contains("problem: ") && both.standardOutput.contains("unsupported: "))
    }

    @Test(arguments: ["query", "inspect", "verify"])
    func `what does not exist ends with 3`(command: String) throws {
        let directory = try TemporaryDirectory()
        let options = command == "query" ? ["--vector", "[1]"] : []
        let output = try vecdb([command, "nothing.vecdb"] + options, in: directory)
        #expect(output.status == 3)
        #expect(output.standardOutput.isEmpty)
        #expect(output.standardError.hasPrefix("vecdb: error: "))
        #expect(output.standardError.contains("nothing.vecdb"))
        #expect(try directory.listing().isEmpty)
    }
}
