import Foundation
import SchemaChecks
import Testing
import VectorKernels

@testable import VecDBJSON

struct JSONWriterTests {
    private static let layouts: [JSONDocument.Layout] = [.line, .indented]

    private func written(_ node: JSONNode, _ layout: JSONDocument.Layout) -> String {
        JSONDocument(of: node).text(layout)
    }

    @Test(arguments: layouts, awkwardTexts)
    func `a string comes back byte for byte`(layout: JSONDocument.Layout, text: String) throws {
        let json = written(.string(text), layout)
        #expect(json.utf8.allSatisfy { $0 >= 0x20 })
        #expect(try bytes(JSONValue(parsing: json).string) == bytes(text))
    }

    @Test func `strings are escaped where JSON asks for it`() {
        let text = "a\"b\\c/\n\r\t\u{8}\u{C}\u{0}\u{1F}\u{7F}é\u{2028}"
        #expect(written(.string(text), .line) == #""a\"b\\c/\n\r\t\u0008\u000c\u0000\u001f"# + "\u{7F}é\u{2028}\"")
        #expect(written(.string(text), .indented) == #""a\"b\\c/\n\r\t\b\f\u0000\u001f"# + "\u{7F}é\u{2028}\"")
    }

    @Test func `a float is the shortest decimal that reads back to it`() {
        #expect(decimal(Float(2.5401)) == "2.5401")
        #expect(decimal(Float(4.317_039_5)) == "4.3170395")
        #expect(decimal(Float(3)) == "3.0")
        #expect(decimal(-Float.zero) == "-0.0")
        #expect(decimal(Float.leastNonzeroMagnitude) == "1e-45")
        #expect(decimal(0.1) == "0.1")
        var random = SeededGenerator(seed: 7)
        for _ in 0..<10_000 {
            let float = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            #expect(!float.isFinite || Float(decimal(float)) == float)
        }
    }

    @Test func `what is not finite never shows`() {
        #expect(decimal(Float.infinity) == "3.4028235e+38")
        #expect(decimal(-Float.infinity) == "-3.4028235e+38")
        #expect(decimal(Double.infinity) == "1.7976931348623157e+308")
        #expect(decimal(-Double.infinity) == "-1.7976931348623157e+308")
        for number in [Double.nan, -.nan, .signalingNaN] {
            #expect(decimal(number) == "null" && decimal(Float(number)) == "null")
            #expect(written(.number(number), .line) == "null" && written(.number(number), .indented) == "null")
        }
    }

    @Test func `a line keeps the order of members, an indented document sorts them`() {
        let node = JSONNode.object(["b": 1, "a_b": [1.0, 0.5], "absent": nil, "ab": true, "a": orNull(nil)])
        #expect(written(node, .line) == #"{"b":1,"a_b":[1.0,0.5],"ab":true,"a":null}"#)
        #expect(
            written(node, .indented) == """
                {
                  "a" : null,
                  "a_b" : [
                    1,
                    0.5
                  ],
                  "ab" : true,
                  "b" : 1
                }
                """)
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `indented documents are those of Foundation's encoder`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let node = JSONNode.random(&random, depth: 0)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let expected = String(decoding: try encoder.encode(node), as: UTF8.self)
        #expect(bytes(written(node, .indented)) == bytes(expected), "seed \(seed)")
        // And both layouts say the same.
        #expect(try JSONValue(parsing: written(node, .line)) == JSONValue(parsing: expected), "seed \(seed)")
    }
}

extension JSONNode: Encodable {
    /// Any JSON, whose names of members are lower-case words and numbers as ours are.
    fileprivate static func random(_ random: inout SeededGenerator, depth: Int) -> JSONNode {
        func below(_ limit: Int) -> Int { random.uniform(below: limit) }
        switch below(depth < 4 ? 8 : 6) {
        case 0: return below(2) == 0 ? .null : .bool(below(2) == 0)
        case 1: return .integer(Int128(Int64(bitPattern: random.next()) >> below(64)))
        case 2, 3:
            let (any, simple) = (Double(bitPattern: random.next()), Double(below(2000) - 1000) / Double(1 << below(5)))
            return .number(any.isFinite && below(2) == 0 ? any : simple)
        case 4, 5: return .string(awkwardTexts[below(awkwardTexts.count)])
        case 6: return .array((0..<below(4)).map { _ in .random(&random, depth: depth + 1) })
        default:
            var members: [Member] = []
            for _ in 0..<below(5) {
                let name = (0..<1 + below(4)).map { _ in ["a", "b", "_", "1", "9", "mean"][below(6)] }.joined()
                guard !members.contains(where: { $0.name == name }) else { continue }
                members.append(Member(name: name, value: .random(&random, depth: depth + 1)))
            }
            return .object(members)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let members):
            var container = encoder.container(keyedBy: Name.self)
            for member in members { try container.encode(member.value, forKey: Name(member.name)) }
        case .array(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements { try container.encode(element) }
        default:
            var container = encoder.singleValueContainer()
            switch self {
            case .bool(let value): try container.encode(value)
            case .integer(let value): try container.encode(Int64(value))
            case .number(let value): try container.encode(value)
            case .string(let text): try container.encode(text)
            default: try container.encodeNil()
            }
        }
    }

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
