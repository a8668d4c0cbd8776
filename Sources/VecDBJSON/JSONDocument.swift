/// A report as one JSON object or array, as `Formats/schemas` describes it.
///
/// ```swift
/// let text = JSONDocument(try VectorDatabase.inspect("movies.vecdb")).text(.indented)
/// ```
///
/// Names of members are in snake case and do not depend on the names in Swift. What a report does not say is left out, but
/// for members whose initializer says that they may be `null`. Every number is finite.
public struct JSONDocument: Sendable {
    /// How a document is written; what it says is the same.
    public enum Layout: Sendable {
        /// Without any white space, members in the order of their schema: for lines of NDJSON and bodies of HTTP.
        case line
        /// A member a line, sorted by name: for people, and for comparing two of them. Byte for byte what Foundation's
        /// `JSONEncoder` writes with `prettyPrinted`, `sortedKeys` and `withoutEscapingSlashes`.
        case indented
    }

    private let value: JSONNode

    init(of shape: some JSONShape) {
        value = shape.json
    }

    /// The document, without a newline at its end.
    ///
    /// - Complexity: O(bytes); the whole text is in memory.
    public func text(_ layout: Layout) -> String {
        var writer = JSONWriter(layout)
        writer.write(value)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
