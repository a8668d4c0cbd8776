import Foundation
import TestSupport
import Testing

@testable import VecDB

/// Files that every reader must refuse, and some that it must accept (`Formats/golden.md`, "Variants").
@Suite struct VariantsTests {
    private static let golden = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Formats/golden").standardizedFileURL

    private static let published: [Published] = ["variants", "settings/variants"].map { place in
        let directory = golden.appending(path: place)
        let data = try? Data(contentsOf: directory.appending(path: "variants.json"))
        var published = data.flatMap { try? JSONDecoder().decode(Published.self, from: $0) }
        published?.directory = directory
        return published ?? Published(cases: [], queries: [:])
    }
    private static let cases = published.flatMap(\.cases)

    static let names = cases.filter { $0.code != 0 }.map(\.name)
    static let acceptedNames = cases.filter { $0.code == 0 }.map(\.name)

    @Test func `fault 26: files of both kinds of refusal are published, and some to accept`() {
        for published in Self.published {
            #expect(published.cases.filter { $0.code == 4 }.count > 20)
            #expect(published.cases.filter { $0.code == 5 }.count > 1)
            #expect(published.cases.filter { $0.code == 0 }.count > 5)
        }
        #expect(Self.cases.filter { $0.code == 5 }.count > 10)
        #expect(Set(Self.cases.map(\.name)).count == Self.cases.count)
    }

    @Test func `fault 26: the databases that variants are made from answer`() throws {
        for published in Self.published {
            for (base, query) in published.queries {
                let path = published.directory.appending(path: base).path
                let database = try VectorDatabase.open(path, mode: .readOnly)
                #expect(try !search(database, query).isEmpty)
                #expect(try VectorDatabase.verify(path, deep: true).isIntact)
            }
        }
    }

    /// What is wrong inside sections and in the catalog's tables, which `inspect` leaves to `verify`.
    private static let leftToVerification: Set = [
        "slots of no row", "an ordinal beyond the span", "an ordinal of no row", "id offsets that decrease",
        "ids that are not UTF-8", "no dictionary", "a missing document", "documents of an unknown codec",
        "documents of others",
    ]

    @Test(arguments: cases.map(\.name))
    func `fault 26: query, verify and inspect end with the same code, for the same reason`(_ name: String) throws {
        let place = try TemporaryDirectory()
        let path = place.file("a.vecdb")
        let (variant, query) = try make(name, at: path)
        let refusal = error { _ = try self.search(try VectorDatabase.open(path), query) }
        #expect(code(refusal) == variant.code, "\(refusal?.description ?? "")")

        var report: VerificationReport?
        let unverified = error { report = try VectorDatabase.verify(path, deep: true) }
        #expect(report?.isIntact == false ? variant.code == 4 : code(unverified) == variant.code)

        var inspection: DatabaseInspection?
        let uninspected = error { inspection = try VectorDatabase.inspect(path) }
        if Self.leftToVerification.contains(name) {
            #expect(inspection?.problems.isEmpty == true && inspection?.unsupported.isEmpty == true)
        } else if let inspection {
            let found = inspection.problems.isEmpty ? inspection.unsupported.isEmpty ? 0 : 5 : 4
            #expect(found == variant.code, "\(inspection.problems) \(inspection.unsupported)")
            let messages = inspection.problems + inspection.unsupported
            #expect(messages.contains { $0.contains(variant.names) } || found == 0, "\(messages)")
        } else {
            #expect(code(uninspected) == variant.code && uninspected?.message.contains(variant.names) == true)
        }
    }

    private func error(_ body: () throws -> Void) -> DatabaseError? {
        do { try body() } catch { return error as? DatabaseError }
        return nil
    }

    /// The exit code of the command.
    private func code(_ error: DatabaseError?) -> Int {
        switch error?.code {
        case nil: 0
        case .corrupt: 4
        case .unsupportedVersion: 5
        default: -1
        }
    }

    @Test(arguments: names)
    func `fault 26: a file that readers must refuse is refused for its fault`(_ name: String) throws {
        let place = try TemporaryDirectory()
        let path = place.file("a.vecdb")
        let (refused, query) = try make(name, at: path)
        let error = #expect(throws: DatabaseError.self) {
            _ = try self.search(try VectorDatabase.open(path), query)
        }
        #expect(error?.code == (refused.code == 5 ? .unsupportedVersion : .corrupt), "\(error?.description ?? "")")
        #expect(error?.message.contains(refused.names) ?? false, "\(error?.description ?? "")")
        // What verification finds by itself it may report and go on.
        do throws(DatabaseError) {
            #expect(try !VectorDatabase.verify(path, deep: true).isIntact)
        } catch {
            #expect(error.code == (refused.code == 5 ? .unsupportedVersion : .corrupt), "\(error)")
        }
    }

    @Test(arguments: cases.filter { $0.code == 5 }.map(\.name))
    func `fault 26: what a newer version may know is no damage to an inspection`(_ name: String) throws {
        let place = try TemporaryDirectory()
        let path = place.file("a.vecdb")
        let (refused, _) = try make(name, at: path)
        let inspection = try VectorDatabase.inspect(path)
        #expect(inspection.problems.isEmpty, "\(inspection.problems)")
        #expect(inspection.unsupported.contains { $0.contains(refused.names) }, "\(inspection.unsupported)")
    }

    @Test(arguments: acceptedNames)
    func `fault 26: what a reader must pass over changes no answer`(_ name: String) throws {
        let place = try TemporaryDirectory()
        let path = place.file("a.vecdb")
        let (accepted, query) = try make(name, at: path)
        let base = place.file("base.vecdb")
        try copy(accepted, to: base)
        #expect(try search(VectorDatabase.open(path), query) == search(VectorDatabase.open(base), query))
        #expect(try VectorDatabase.verify(path, deep: true).isIntact)
        let inspection = try VectorDatabase.inspect(path)
        #expect(inspection.problems.isEmpty && inspection.unsupported.isEmpty)
    }

    private func make(_ name: String, at path: String) throws -> (Case, Query) {
        let variant = try #require(Self.cases.first { $0.name == name })
        let query = try copy(variant, to: path)
        try patch(path, variant)
        return (variant, query)
    }

    /// Copies the database that a variant is made from.
    ///
    /// - Returns: its query.
    @discardableResult
    private func copy(_ variant: Case, to path: String) throws -> Query {
        let published = try #require(
            Self.published.first { published in published.cases.contains { $0.name == variant.name } })
        let base = published.directory.appending(path: variant.base)
        try FileManager.default.copyItem(atPath: base.path, toPath: path)
        return try #require(published.queries[variant.base])
    }

    private func search(_ database: VectorDatabase, _ query: Query) throws -> [Hit] {
        var options = query.options.search
        options.includesMetadata = true
        return try database.search(query.vector, options: options)
    }

    private func patch(_ path: String, _ variant: Case) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
        let segment = URL(fileURLWithPath: path + "/" + (try #require(names.first { $0.hasSuffix(".vseg") })))
        var data = try Data(contentsOf: segment)
        let size = variant.size ?? data.count
        data = data.prefix(size) + Data(count: max(0, size - data.count))
        for patch in variant.segment ?? [] {
            let bytes = try patch.bytes
            data.replaceSubrange(patch.offset..<patch.offset + bytes.count, with: bytes)
        }
        try data.write(to: segment)
        try runSQL(variant.catalog, on: path + "/catalog.sqlite")
    }

    struct Published: Decodable {
        let cases: [Case]
        let queries: [String: Query]
        /// Where the bases lie.
        var directory = URL(fileURLWithPath: "/")

        enum CodingKeys: CodingKey { case cases, queries }
    }

    struct Case: Decodable {
        let name: String
        let base: String
        let code: Int
        let names: String
        let segment: [Patch]?
        let size: Int?
        let catalog: [String]
    }

    struct Patch: Decodable {
        let offset: Int
        private let digits: String

        init(from decoder: any Decoder) throws {
            var values = try decoder.unkeyedContainer()
            offset = try values.decode(Int.self)
            digits = try values.decode(String.self)
        }

        var bytes: [UInt8] {
            get throws {
                let characters = Array(digits.utf8)
                return try stride(from: 0, to: characters.count, by: 2).map { index in
                    let pair = String(decoding: characters[index..<index + 2], as: UTF8.self)
                    return try #require(UInt8(pair, radix: 16))
                }
            }
        }
    }

    struct Query: Decodable {
        let vector: [Float]
        let options: GoldenOptions
    }
}
