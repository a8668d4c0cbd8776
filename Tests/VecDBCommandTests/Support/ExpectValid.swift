import SchemaChecks
import Testing

/// Fails the test for every way in which `value` breaks the schema `name`.
func expectValid(_ value: JSONValue, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    for violation in try JSONSchema(name).violations(value) {
        Issue.record("\(name): \(violation)", sourceLocation: sourceLocation)
    }
}
