import EmbeddingInput
import VecDB

// The library says in words what would help; only the command knows the options and commands that do it.

extension DatabaseError.Remedy {
    /// The options or commands, as messages quote them.
    var options: String {
        switch self {
        case .build: "'vecdb build'"
        case .recovery: "'vecdb verify'"
        case .inputFormat: "'--input-format'"
        case .tensor: "'--tensor'"
        case .textLayout: "'--id-column <name>', '--header yes' or '--header no'"
        case .queryVectors: "'--query-vectors'"
        case .duplicateIDs: "'--duplicate-ids keep-last' or '--duplicate-ids allow'"
        case .overwrite: "'--overwrite'"
        case .networkFileSystem: "'--allow-network-file-system'"
        case .treeIndex: "'--index tree-ah'"
        }
    }
}

/// Advice of the library with its options, `'dimensionsPerBlock = 1'`, as the command's, `'--dimensions-per-block 1'`.
func withOptions(_ advice: String) -> String {
    advice.replacing(/'([a-z][A-Za-z]*) = ([^']*)'/) { match in
        let words = match.1.map { $0.isUppercase ? "-" + $0.lowercased() : String($0) }
        return "'--\(words.joined()) \(match.2)'"
    }
}

extension DatabaseError {
    /// The message, with the options that help.
    var messageWithOptions: String {
        message + (remedy.map { " (\($0.options))" } ?? "")
    }
}

extension InputError {
    /// The description, with the options that help.
    var descriptionWithOptions: String {
        let options = remedy.flatMap { DatabaseError.Remedy(rawValue: $0.rawValue)?.options }
        return description + (options.map { " (\($0))" } ?? "")
    }
}
