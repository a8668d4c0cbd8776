import Foundation
import TestSupport
import Testing

@testable import VecDB

private struct Movie: Codable, Equatable {
    var title: String
    var year: Int
    var genres: [Genre] = []

    struct Genre: Codable, Equatable {
        var name: String
        var isMain: Bool?
    }
}

@Suite struct DecodedMetadataTests {
    private static let documents = [
        #"{"title":"Heat","year":1995,"genres":[{"name":"Crime"},{"name":"Drama","isMain":true}]}"#,
        #"{"title":"Emma","year":"1996","genres":[]}"#,
        #"{"title":"Fargo","genres":[]}"#,
        #"{"title":"Brazil","year":null,"genres":[]}"#,
        #"{"title":"Ran","year":1985,"genres":[{"name":"War"},{"name":7}]}"#,
        #"{"title":"Jaws","year":1975.5,"genres":[]}"#,
    ]
    private static let ids = [
        "Heat (1995)", "Emma (1996)", "Fargo (1996)", "Brazil (1985)", "Ran (1985)", "Jaws (1975)",
    ]

    private func database(in place: TemporaryDirectory) throws -> VectorDatabase {
        try VectorDatabase.build(
            at: place.file("a.vecdb"),
            from: .memory(
                vectors: Self.ids.indices.map { Float($0) }, dimensions: 1, ids: Self.ids, metadata: Self.documents))
        return try VectorDatabase.open(place.file("a.vecdb"))
    }

    @Test func `a hit's metadata comes as a value`() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(in: place)
        let heat = Movie(
            title: "Heat", year: 1995,
            genres: [Movie.Genre(name: "Crime"), Movie.Genre(name: "Drama", isMain: true)])
        var options = SearchOptions(k: 6, includesMetadata: true)
        let hits = try database.search([1], options: options)
        let hit = try #require(hits.first { $0.ordinal == 0 })
        #expect(try hit.metadata(as: Movie.self) == heat)
        #expect(try database.metadata(id: "Heat (1995)", as: Movie.self) == [heat])
        #expect(try database.metadata(id: "nobody", as: Movie.self).isEmpty)
        #expect(try database.metadata(ordinal: 0, as: Movie.self) == heat)
        #expect(try database.metadata(ordinals: [0, 0], as: Movie.self) == [heat, heat])
        options.includesMetadata = false
        #expect(try database.search([1], options: options)[0].metadata(as: Movie.self) == nil)
        // The caller's way of decoding.
        struct Upper: Decodable { var TITLE: String }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .custom { AnyKey(stringValue: $0[$0.count - 1].stringValue.uppercased()) }
        #expect(try hit.metadata(as: Upper.self, decoder: decoder)?.TITLE == "Heat")
    }

    @Test(arguments: [
        (1, "$.year", "Expected to decode Int but found a string instead."), (2, "$.year", "there is nothing"),
        (3, "$.year", "null"), (4, "$.genres[1].name", "Expected to decode String but found number instead."),
        (5, "$", "does not fit"),
    ])
    func `metadata of another kind are an error that names the candidate and the place`(
        _ row: Int, _ path: String, _ reason: String
    ) throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let database = try database(in: place)
        let hits = try database.search([1], options: SearchOptions(k: 6, includesMetadata: true))
        let hit = try #require(hits.first { $0.ordinal == row })
        let beginning = "candidate '\(Self.ids[row])': its metadata at \(path) is not what Movie wants: "
        for body in [
            { _ = try hit.metadata(as: Movie.self) }, { _ = try database.metadata(id: Self.ids[row], as: Movie.self) },
            { _ = try database.metadata(ordinals: [0, UInt64(row)], as: Movie.self) },
        ] {
            let error = try #require(throws: DatabaseError.self) { try body() }
            #expect(error.code == .metadataMismatch)
            #expect(error.message.hasPrefix(beginning) && error.message.contains(reason), "\(error)")
        }
        // Without ids a hit goes by its ordinal.
        let bare = Hit(ordinal: 7, score: 0, id: nil, metadata: Self.documents[row])
        let error = try #require(throws: DatabaseError.self) { try bare.metadata(as: Movie.self) }
        #expect(error.message.hasPrefix("candidate '7': "))
    }

    @Test func `places in documents are written so that they can be looked up`() throws {
        func path(_ text: String) throws -> String? {
            let hit = Hit(ordinal: 0, score: 0, id: "a", metadata: text)
            let error = try #require(throws: DatabaseError.self) { try hit.metadata(as: [String: [String: Int]].self) }
            return error.message.split(separator: " ").first { $0.hasPrefix("$") }.map(String.init)
        }
        #expect(try path(#"{"été":{"a_1":"x"}}"#) == "$.été.a_1")
        #expect(try path(#"{"a-b":{"1st":"x"}}"#) == "$['a-b']['1st']")
        #expect(try path(#"{"it's":{"\\":"x"}}"#) == #"$['it\'s']['\\']"#)
        #expect(try path(#"{"":{"[0]":"x"}}"#) == "$['']['[0]']")
    }
}

private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
