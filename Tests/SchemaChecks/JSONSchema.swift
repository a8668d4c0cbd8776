import Foundation

/// A schema of `Formats/schemas`, and as much of JSON Schema as those files use.
public struct JSONSchema {
    private let root: [String: JSONValue]

    /// - Parameter name: `build` for `build.schema.json`.
    public init(_ name: String) throws {
        root = try Self.read("\(name).schema.json")
    }

    private init(root: [String: JSONValue]) {
        self.root = root
    }

    /// The schema of a member.
    public func property(_ name: String) throws -> JSONSchema {
        guard let property = root["properties"]?[name]?.object else { throw Problem("there is no property '\(name)'") }
        return JSONSchema(root: property)
    }

    /// The strings that are allowed, where only some are.
    public var choices: [String]? {
        root["enum"]?.array?.compactMap(\.string)
    }

    private static func read(_ file: String) throws -> [String: JSONValue] {
        let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Formats/schemas")
        let text = try String(contentsOf: directory.appending(path: file).standardizedFileURL, encoding: .utf8)
        guard let schema = try JSONValue(parsing: text).object else { throw Problem("\(file) is no JSON object") }
        return schema
    }

    /// What in `value` breaks the schema, each with its path.
    public func violations(_ value: JSONValue) throws -> [String] {
        try violations(value, root, path: "$")
    }

    private static let understood: Set = [
        "$schema", "title", "description", "type", "properties", "required", "additionalProperties", "items", "enum",
        "minimum", "maximum", "pattern", "$ref",
    ]

    private func violations(_ value: JSONValue, _ schema: [String: JSONValue], path: String) throws -> [String] {
        let unknown = Set(schema.keys).subtracting(Self.understood)
        guard unknown.isEmpty else { throw Problem("the validator does not understand \(unknown.sorted())") }
        if let reference = schema["$ref"]?.string {
            return try violations(value, Self.read(reference), path: path)
        }
        let types = schema["type"]?.array?.compactMap(\.string) ?? (schema["type"]?.string).map { [$0] } ?? []
        guard !types.isEmpty else { throw Problem("\(path): the schema names no type") }
        guard types.contains(where: { Self.isOf($0, value) }) else {
            return ["\(path) is no \(types.joined(separator: " or ")): \(value)"]
        }

        switch value {
        case .object(let members): return try violations(members, schema, path: path)
        case .array(let elements):
            guard let items = schema["items"]?.object else { return [] }
            return try elements.enumerated().flatMap { try violations($1, items, path: "\(path)[\($0)]") }
        case .string(let text):
            if let allowed = schema["enum"]?.array, !allowed.contains(value) {
                return ["\(path) is '\(text)', not one of \(allowed.compactMap(\.string))"]
            }
            if let pattern = schema["pattern"]?.string, text.range(of: pattern, options: .regularExpression) == nil {
                return ["\(path) is '\(text)', which does not match \(pattern)"]
            }
            return []
        case .number(let number):
            let isInRange =
                number >= schema["minimum"]?.number ?? -.infinity && number <= schema["maximum"]?.number ?? .infinity
            return isInRange ? [] : ["\(path) is \(number), which is out of range"]
        case .bool, .null: return []
        }
    }

    private func violations(
        _ members: [String: JSONValue], _ schema: [String: JSONValue], path: String
    ) throws -> [String] {
        let properties = schema["properties"]?.object ?? [:]
        var found = (schema["required"]?.array ?? []).compactMap(\.string)
            .filter { members[$0] == nil }.map { "\(path) lacks '\($0)'" }
        for (name, member) in members {
            if let property = properties[name]?.object {
                found += try violations(member, property, path: "\(path).\(name)")
            } else if schema["additionalProperties"]?.bool == false {
                found.append("\(path) has an unknown member '\(name)'")
            }
        }
        return found
    }

    private static func isOf(_ type: String, _ value: JSONValue) -> Bool {
        switch (type, value) {
        case ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool), ("number", .number),
            ("null", .null):
            true
        case ("integer", .number(let number)): number == number.rounded()
        default: false
        }
    }
}

struct Problem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
