import Foundation
import TestSupport
import Testing

@testable import VecDB

/// Databases of every released format version: they stay readable for ever, and what they answer stays the same.
@Suite struct GoldenTests {
    private static let directory = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Formats/golden").standardizedFileURL

    /// Paths below `directory`: `v1/dot-tree-255`.
    static let databases: [String] = {
        let manager = FileManager.default
        let versions = (try? manager.contentsOfDirectory(atPath: directory.path)) ?? []
        return versions.sorted().flatMap { version in
            ((try? manager.contentsOfDirectory(atPath: directory.appending(path: version).path)) ?? [])
                .sorted().map { "\(version)/\($0)" }
                .filter { manager.fileExists(atPath: directory.appending(path: "\($0)/expected.json").path) }
        }
    }()

    @Test func `there are golden databases of every metric and index`() {
        for prefix in [
            "v1/dot-exact", "v1/dot-tree", "v1/l2-exact", "v1/l2-tree", "v1/cosine-exact", "v1/cosine-tree",
            "v1.1/dot-tree", "v1.1/l2-tree", "v1.1/cosine-tree", "settings/dot-tree", "settings/l2-tree",
            "settings/cosine-tree",
        ] {
            #expect(Self.databases.contains { $0.hasPrefix(prefix) })
        }
    }

    @Test func `fault 26: every golden directory says what each of its files is`() throws {
        let directories = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path)
        #expect(directories.sorted() == ["edges", "intermediates", "settings", "v1", "v1.1", "variants"])
        for name in directories {
            let place = Self.directory.appending(path: name)
            let lines = try String(contentsOf: place.appending(path: "SHA256SUMS"), encoding: .utf8)
                .split(separator: "\n").map { $0.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true) }
            let listed = lines.map { $0[1].drop { $0 == " " } }.map(String.init).sorted()
            let manager = FileManager.default
            let found = try manager.subpathsOfDirectory(atPath: place.path).filter { path in
                let type = try? manager.attributesOfItem(atPath: place.path + "/" + path)[.type] as? FileAttributeType
                return type == .typeRegular && path != "SHA256SUMS"
            }
            #expect(found.sorted() == listed)
        }
    }

    @Test func `fault 26: golden databases have settings for several k, and leaves that the projection ranks`() throws {
        var counts: Set<[Int]> = []
        var (ranksByProjection, measuresAnotherSegment) = (false, false)
        for name in Self.databases where name.hasPrefix("settings/") {
            let path = Self.directory.appending(path: "\(name)/database.vecdb").path
            let snapshot = try VectorDatabase.open(path, mode: .readOnly).snapshot
            let segment = snapshot.segments.mapped[0]
            counts.insert(snapshot.settings.byK.map(\.k))
            ranksByProjection = ranksByProjection || segment.parameters.tree?.ranksByProjection == true
            let measured = try #require(snapshot.catalog.settings.measured)
            measuresAnotherSegment =
                measuresAnotherSegment || measured.segmentUUID != segment.reader.header.segmentUUID
        }
        #expect(counts.isSuperset(of: [[1, 10, 100, 1_000], [1, 10, 25, 100], [1, 10, 30, 100], [1, 10], []]))
        #expect(ranksByProjection && measuresAnotherSegment)
    }

    @Test(arguments: databases)
    func `a golden database is intact and answers as it did`(_ name: String) throws {
        let place = Self.directory.appending(path: name)
        let path = place.appending(path: "database.vecdb").path
        let report = try VectorDatabase.verify(path, deep: true)
        #expect(report.isIntact, "\(report.damage)")

        let database = try VectorDatabase.open(path, mode: .readOnly)
        let expected = try JSONDecoder().decode(
            Expected.self, from: Data(contentsOf: place.appending(path: "expected.json")))
        #expect(!expected.queries.isEmpty)
        for query in expected.queries {
            let vector = try query.vector ?? #require(try database.queryVector(id: query.queryID ?? ""))
            let hits = try database.search(vector, options: query.options.search)
            #expect(
                hits.map(\.id) == query.hits.map(\.id) && hits.map(\.score) == query.hits.map(\.score),
                "\(query.options)")
        }
    }

    private struct Expected: Decodable {
        let queries: [Query]

        struct Query: Decodable {
            let vector: [Float]?
            let queryID: String?
            let options: GoldenOptions
            let hits: [Hit]

            enum CodingKeys: String, CodingKey {
                case vector, options, hits
                case queryID = "query_id"
            }
        }

        struct Hit: Decodable {
            let id: String
            let score: Float
        }
    }
}

/// The options of a query in golden files.
struct GoldenOptions: Decodable {
    let k: Int
    let exact: Bool?
    let leavesToSearch: Int?
    let reorder: Int?
    let exclude: [String]?

    var search: SearchOptions {
        SearchOptions(
            k: k, leavesToSearch: leavesToSearch, reorder: reorder, exact: exact ?? false, excludedIDs: exclude ?? [])
    }

    enum CodingKeys: String, CodingKey {
        case k, exact, reorder, exclude
        case leavesToSearch = "leaves_to_search"
    }
}
