/// A piece of JSON that fits into memory.
enum JSONNode: Sendable {
    case null
    case bool(Bool)
    case integer(Int128)
    case number(Double)
    case string(String)
    case array([JSONNode])
    case object([Member])

    struct Member {
        let name: String
        let value: JSONNode
    }

    /// An object; a member whose value is `nil` is left out.
    static func object(_ members: KeyValuePairs<String, (any JSONShape)?>) -> JSONNode {
        .object(members.compactMap { name, shape in shape.map { Member(name: name, value: $0.json) } })
    }
}

/// What has one shape as JSON.
protocol JSONShape {
    var json: JSONNode { get }
}

extension JSONNode: JSONShape {
    var json: JSONNode { self }
}

extension Bool: JSONShape {
    var json: JSONNode { .bool(self) }
}

extension Int: JSONShape {
    var json: JSONNode { .integer(Int128(self)) }
}

extension UInt64: JSONShape {
    var json: JSONNode { .integer(Int128(self)) }
}

extension Double: JSONShape {
    var json: JSONNode { .number(self) }
}

extension String: JSONShape {
    var json: JSONNode { .string(self) }
}

extension Array: JSONShape where Element: JSONShape {
    var json: JSONNode { .array(map(\.json)) }
}

/// For members that are always there: `null` where there is nothing to say.
func orNull(_ shape: (any JSONShape)?) -> JSONNode {
    shape?.json ?? .null
}
