import SchemaChecks
import Testing

@testable import VecDB
@testable import VecDBJSON

struct AnswerTests {
    @Test func `a line has query, hits, ranks and scores`() throws {
        let hits = [
            hit(7, id: "Heat, the \"film\"", score: 4), hit(3, id: "3", score: -0.125, metadata: #"{"year":1995}"#),
        ]
        #expect(
            try line(Answer(query: 12, queryID: "ann", hits: hits))
                == #"{"query":12,"query_id":"ann","hits":[{"rank":1,"id":"Heat, the \"film\"","score":4.0},"#
                + #"{"rank":2,"id":"3","score":-0.125,"metadata":{"year":1995}}]}"# + "\n")
        #expect(try line(Answer(query: 0, hits: [])) == "{\"query\":0,\"hits\":[]}\n")
    }

    @Test func `a hit without an id goes by its ordinal`() throws {
        #expect(try line(Answer(query: 0, hits: [hit(.max)])).contains(#""id":"18446744073709551615""#))
    }

    @Test func `a hit shows its id and its score elsewhere as a line does`() {
        #expect(hit(3, score: 2.5401).idText == "3" && hit(3, id: "", score: 2.5401).idText == "")
        #expect(hit(0, score: 4).scoreText == "4.0" && hit(0, score: .infinity).scoreText == "3.4028235e+38")
    }

    @Test(arguments: awkwardTexts)
    func `ids come back byte for byte, on one line`(text: String) throws {
        let json = try line(Answer(query: 0, queryID: text, hits: [hit(0, id: text), hit(1, id: text + text)]))
        #expect(json.utf8.count { $0 == 0x0A } == 1 && json.utf8.last == 0x0A)
        let value = try JSONValue(parsing: json)
        #expect(try JSONSchema("query").violations(value) == [])
        #expect(bytes(value["query_id"]?.string) == bytes(text))
        #expect(bytes(value["hits"]?[0]?["id"]?.string) == bytes(text))
        #expect(bytes(value["hits"]?[1]?["id"]?.string) == bytes(text + text))
    }

    @Test func `documents stand in a line as they are`() throws {
        let documents = [
            #"{"a\"b":"\u0000\b","é":1.50}"#, "{\"\u{2028}\":\"e\u{301}\",\"\u{301}\":[\"\u{e9}\u{FFFD}\"]}", "{}",
        ]
        let hits = documents.indices.map { hit(UInt64($0), metadata: documents[$0]) } + [hit(9)]
        let text = try line(Answer(query: 0, hits: hits))
        for document in documents { #expect(text.utf8.contains("\"metadata\":\(document)}".utf8)) }
        let value = try JSONValue(parsing: text)
        #expect(try JSONSchema("query").violations(value) == [])
        #expect(value["hits"]?[0]?["metadata"]?["a\"b"]?.string == "\u{0}\u{8}")
        #expect(value["hits"]?[3]?.object?.keys.sorted() == ["id", "rank", "score"])
    }

    @Test func `scores are finite numbers whatever a hit says`() throws {
        let scores: [Float] = [.infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude, -0.0, 1e20]
        let text = try line(Answer(query: 0, hits: scores.enumerated().map { hit(UInt64($0), score: $1) }))
        let value = try JSONValue(parsing: text)
        #expect(try JSONSchema("query").violations(value) == [])
        #expect(
            value["hits"]?.array?.compactMap { $0["score"]?.number.map(Float.init) }
                == scores.map { min(max($0, -.greatestFiniteMagnitude), .greatestFiniteMagnitude) })
        #expect(try line(Answer(query: 0, hits: [hit(0, score: .nan)])).contains(#""score":null"#))
    }

    @Test func `documents are looked up a few at a time, and lines handed on as they come`() throws {
        let hits = (0..<100).map { hit(UInt64($0), id: "\($0)") }
        let document = "{\"text\":\"" + String(repeating: "x", count: 10_000) + "\"}"
        var (asked, pieces) = ([Int](), [[UInt8]]())
        var piecesWhenAsked: [Int] = []
        let documents: Answer.Documents = {
            asked += $0.map { Int($0.ordinal) }
            piecesWhenAsked.append(pieces.count)
            return $0.map { $0.ordinal == 5 ? nil : document }
        }
        try Answer(query: 0, hits: hits).writeLine(documents: documents) { pieces.append($0) }
        #expect(asked == Array(0..<100))
        #expect(piecesWhenAsked.count == 7 && Set(piecesWhenAsked).count == 7)
        #expect(pieces.allSatisfy { $0.count < 80 << 10 })
        let found = try JSONValue(parsing: String(decoding: pieces.joined(), as: UTF8.self))["hits"]?.array ?? []
        #expect(found.map { $0["metadata"]?["text"]?.string?.count ?? 0 } == (0..<100).map { $0 == 5 ? 0 : 10_000 })
    }

    @Test func `an error of whoever looks documents up or takes the line goes through`() {
        let answer = Answer(query: 0, hits: [hit(0)])
        #expect(throws: NoUTF8.self) { try line(answer) { _ in throw NoUTF8() } }
        #expect(throws: NoUTF8.self) { try answer.writeLine { _ in throw NoUTF8() } }
    }

    @Test func `what a search did stands behind its hits`() throws {
        var statistics = SearchStatistics()
        (statistics.leaves, statistics.leavesSearched, statistics.codesScanned) = (20, 3, 4_000)
        (statistics.candidatesReordered, statistics.rowsExcluded, statistics.filterStrategy) = (50, 2, "mask")
        statistics.stages = [("leaves", 17), ("scan \"all\"", .max)]
        let explanation = Explanation(statistics, ignored: ["reorder"])
        let text = try line(Answer(query: 0, hits: [], explanation: explanation))
        #expect(
            text == #"{"query":0,"hits":[],"explain":{"exact":false,"leaves":20,"leaves_searched":3,"#
                + #""codes_scanned":4000,"candidates_reordered":50,"rows_excluded":2,"filter_strategy":"mask","#
                + #""ignored":["reorder"],"stages":[{"name":"leaves","nanoseconds":17},"#
                + #"{"name":"scan \"all\"","nanoseconds":18446744073709551615}]}}"# + "\n")
        #expect(try JSONSchema("query").violations(JSONValue(parsing: text)) == [])
        #expect(try JSONValue(parsing: text)["explain"]?.object?.count == propertyCount(statistics) + 1)
    }
}
