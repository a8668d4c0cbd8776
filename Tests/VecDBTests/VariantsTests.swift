import Foundation
import Testing

@testable import VecDB

/// Files that every reader must refuse, and some that it must accept (`Formats/golden.md`, "Variants").
@Suite struct VariantsTests {
    private static let directory = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Formats/golden/variants").standardizedFileURL

    private static let published: Published = {
        let data = try? Data(contentsOf: directory.appending(path: "variants.json"))
        return data.flatMap { try? JSONDecoder().decode(Published.self, from: $0) }
            ?? Published(cases: [], queries: [:])
    }()

    static let names = published.cases.filter { $0.code != 0 }.map(\.name)
    static let acceptedNames = published.cases.filter { $0.code == 0 }.map(\.name)

    @Test func `fault 26: files of both kinds of refusal are published, and some to accept`() {
        #expect(Self.published.cases.filter { $0.code == 4 }.count > 20)
        #expect(Self.published.cases.filter { $0.code == 5 }.count > 10)
        #expect(Self.acceptedNames.count > 5)
        #expect(Set(Self.published.cases.map(\.name)).count == Self.published.cases.count)
    }

    @Test func `fault 26: the databases that variants are made from answer`() throws {
        for (base, query) in Self.published.queries {
            let path = Self.directory.appending(path: base).path
            let database = try VectorDatabase.open(path, mode: .readOnly)
            #expect(try !search(database, query).isEmpty)
            #expect(try VectorDatabase.verify(path, deep: true).isIntact)
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

    @Test(arguments: published.cases.filter { $0.code == 5 }.map(\.name))
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
        let base = try VectorDatabase.open(Self.directory.appending(path: accepted.base).path, mode: .readOnly)
        #expect(try search(VectorDatabase.open(path), query) == search(base, query))
        #expect(try VectorDatabase.verify(path, deep: true).isIntact)
        let inspection = try VectorDatabase.inspect(path)
        #expect(inspection.problems.isEmpty && inspection.unsupported.isEmpty)
    }

    private func make(_ name: String, at path: String) throws -> (Case, Query) {
        let variant = try #require(Self.published.cases.first { $0.name == name })
        try FileManager.default.copyItem(atPath: Self.directory.appending(path: variant.base).path, toPath: path)
        try patch(path, variant)
        return (variant, try #require(Self.published.queries[variant.base]))
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
