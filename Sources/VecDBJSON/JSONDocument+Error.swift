import VecDB

extension JSONDocument {
    /// `{"error":{"code":"not_found","message":"…"}}`, and a `remedy` where one helps: in a stream of answers its only member
    /// tells it from an answer. `error.schema.json`.
    public init(_ error: DatabaseError) {
        self.init(of: JSONNode.object(["error": error]))
    }
}

extension DatabaseError: JSONShape {
    var json: JSONNode {
        .object(["code": code.jsonName, "message": message, "remedy": remedy?.jsonName])
    }
}

// Programs compare these names: they stay when those in Swift change.

extension DatabaseError.Code {
    var jsonName: String {
        switch self {
        case .invalidArgument: "invalid_argument"
        case .invalidInput: "invalid_input"
        case .notFound: "not_found"
        case .alreadyExists: "already_exists"
        case .corrupt: "corrupt"
        case .unsupportedVersion: "unsupported_version"
        case .locked: "locked"
        case .system: "system"
        case .metadataMismatch: "metadata_mismatch"
        case .cancelled: "cancelled"
        case .deadlinePassed: "deadline_passed"
        }
    }
}

extension DatabaseError.Remedy {
    var jsonName: String {
        switch self {
        case .build: "build"
        case .recovery: "recovery"
        case .inputFormat: "input_format"
        case .tensor: "tensor"
        case .textLayout: "text_layout"
        case .queryVectors: "query_vectors"
        case .duplicateIDs: "duplicate_ids"
        case .overwrite: "overwrite"
        case .networkFileSystem: "network_file_system"
        case .treeIndex: "tree_index"
        }
    }
}
