import Foundation

// Metadata documents as values of the caller's types.

extension Hit {
    /// The candidate's metadata as a value; `nil` when the search did not ask for metadata, or there is none.
    ///
    /// ```swift
    /// struct Movie: Decodable { var year: Int }
    /// let year = try hit.metadata(as: Movie.self)?.year
    /// ```
    ///
    /// - Parameter decoder: with what strategies the caller's names and dates need; one serves any number of hits.
    /// - Throws: `metadataMismatch`, naming the candidate and the place in the document.
    /// - Complexity: O(bytes of the document).
    public func metadata<Value: Decodable>(
        as type: Value.Type, decoder: JSONDecoder = JSONDecoder()
    ) throws(DatabaseError) -> Value? {
        guard let metadata else { return nil }
        return try decoded(metadata, as: type, decoder, ordinal: ordinal) { id }
    }
}

extension VectorDatabase {
    /// The metadata of the candidates with this id as values; see ``Hit/metadata(as:decoder:)``.
    public func metadata<Value: Decodable>(
        id: String, as type: Value.Type, decoder: JSONDecoder = JSONDecoder()
    ) throws(DatabaseError) -> [Value] {
        var values: [Value] = []
        for document in try metadata(id: id) {
            values.append(try decoded(document, as: type, decoder, ordinal: nil) { id })
        }
        return values
    }

    /// The metadata of several candidates as values, in their order, `nil` for each that has none; see
    /// ``Hit/metadata(as:decoder:)``.
    public func metadata<Value: Decodable>(
        ordinals: [UInt64], as type: Value.Type, decoder: JSONDecoder = JSONDecoder()
    ) throws(DatabaseError) -> [Value?] {
        let snapshot = snapshot
        var values: [Value?] = []
        for (document, ordinal) in zip(try snapshot.documents(of: ordinals), ordinals) {
            guard let document else {
                values.append(nil)
                continue
            }
            let value = try decoded(document, as: type, decoder, ordinal: ordinal) {
                try? snapshot.reading { () throws(DatabaseError) in try snapshot.ids(of: [ordinal]).first }
            }
            values.append(value)
        }
        return values
    }

    /// The metadata of a candidate as a value, `nil` when it has none; see ``Hit/metadata(as:decoder:)``.
    public func metadata<Value: Decodable>(
        ordinal: UInt64, as type: Value.Type, decoder: JSONDecoder = JSONDecoder()
    ) throws(DatabaseError) -> Value? {
        try metadata(ordinals: [ordinal], as: type, decoder: decoder).first ?? nil
    }
}

/// - Parameters:
///   - ordinal: of the candidate, and `id` its id, as far as they are known: one of them is.
private func decoded<Value: Decodable>(
    _ document: String, as type: Value.Type, _ decoder: JSONDecoder, ordinal: UInt64?, id: () -> String?
) throws(DatabaseError) -> Value {
    do { return try decoder.decode(type, from: Data(document.utf8)) } catch {
        let (keys, reason) = mismatch(error)
        let (id, path) = (id(), jsonPath(keys))
        let name = id ?? ordinal.map(String.init) ?? ""
        throw DatabaseError(
            .metadataMismatch, "candidate '\(name)': its metadata at \(path) is not what \(type) wants: \(reason)"
        ).with(ordinal: ordinal, id: id, jsonPath: path, expected: "\(type)")
    }
}

/// Where in a document decoding ended, and why.
private func mismatch(_ error: any Error) -> (path: [any CodingKey], reason: String) {
    switch error {
    case DecodingError.keyNotFound(let key, let context):
        return (context.codingPath + [key], "there is nothing")
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
        return (context.codingPath, context.debugDescription)
    case DecodingError.dataCorrupted(let context) where context.codingPath.isEmpty:
        // Foundation says the same, and no place, of numbers that do not fit; documents were checked by the build.
        return ([], context.debugDescription + " Or a number in it does not fit: a fraction, or too large")
    case DecodingError.dataCorrupted(let context):
        return (context.codingPath, context.debugDescription)
    default:
        return ([], "\(error)")
    }
}

/// A place in a JSON document as RFC 9535 writes it: `$.genres[2]`, `$['first name']`.
private func jsonPath(_ keys: [any CodingKey]) -> String {
    keys.reduce(into: "$") { path, key in
        let name = key.stringValue
        if let index = key.intValue, name == "Index \(index)" {
            path += "[\(index)]"
        } else if !name.isEmpty, !name.utf8.contains(where: { !isNameByte($0) }), !(0x30...0x39 ~= name.utf8.first ?? 0)
        {
            path += "." + name
        } else {
            let escaped = name.utf8.flatMap { $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: "\\") ? [0x5C, $0] : [$0] }
            path += "['\(String(decoding: escaped, as: UTF8.self))']"
        }
    }
}

/// Letters, digits, underscores, and all that is not ASCII.
private func isNameByte(_ byte: UInt8) -> Bool {
    byte >= 0x80 || byte == 0x5F || 0x30...0x39 ~= byte || 0x41...0x5A ~= byte & 0xDF
}
