import FileSystem

/// `number` with a comma between groups of three digits, for who prints what the library tells and knows no room below it.
package func grouped<Number: BinaryInteger>(_ number: Number) -> String { FileSystem.grouped(number) }
