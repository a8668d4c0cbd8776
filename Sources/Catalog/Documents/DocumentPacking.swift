import FileSystem

/// The bytes of the column `document`: `Formats/catalog.md`, section 6.
enum DocumentPacking {
    static let dictionaryByteLimit = 65_536
    static let headerByteCount = 9
    static let blobByteLimit = headerByteCount + CatalogMetadataRow.documentByteLimit

    /// Bytes that documents of one segment have in common, from a sample of them.
    ///
    /// Distinct documents are taken at even distances, because neighbours tend to resemble each other more than they
    /// resemble the rest; of long ones the beginning. A dictionary larger than an eighth of the sample costs small
    /// tables more than it saves.
    static func dictionary(sampling documents: [[UInt8]]) -> [UInt8] {
        let limit = min(dictionaryByteLimit, documents.reduce(0) { $0 + $1.count } / 8)
        guard limit > 0 else { return [] }
        var seen: Set<[UInt8]> = []
        var chosen: [UInt8] = []
        chosen.reserveCapacity(limit)
        // Passes with ever smaller distances visit each document at most twice.
        let meanByteCount = max(1, documents.reduce(0) { $0 + min($1.count, excerptByteLimit) } / documents.count)
        let step = max(1, documents.count * meanByteCount / limit)
        for start in 0..<min(step, 8) {
            for index in stride(from: start, to: documents.count, by: step) {
                let excerpt = Array(documents[index].prefix(min(excerptByteLimit, limit - chosen.count)))
                if seen.insert(excerpt).inserted { chosen += excerpt }
                if chosen.count == limit { return chosen }
            }
        }
        return chosen
    }

    private static let excerptByteLimit = 2048

    /// Packs a document.
    static func pack(
        _ document: [UInt8], ordinal: UInt64, compressor: LZ4Compressor, file: CatalogFile
    ) -> [UInt8] {
        let block = compressor.compress(document)
        var blob: [UInt8] = []
        blob.reserveCapacity(headerByteCount + (block?.count ?? document.count))
        blob.append(block == nil ? 0 : 1)
        append(UInt32(document.count), to: &blob)
        append(checksum(of: document, ordinal: ordinal, file: file), to: &blob)
        if let block { blob += block } else { blob += document }
        return blob
    }

    /// Unpacks a document and verifies its checksum.
    ///
    /// - Throws: `corrupt`, naming the ordinal.
    static func unpack(
        _ blob: [UInt8], ordinal: UInt64, dictionary: [UInt8], file: CatalogFile
    ) throws(CatalogError) -> [UInt8] {
        func damaged(_ what: String) -> CatalogError {
            file.damaged("the metadata document of ordinal \(grouped(ordinal)) \(what)")
        }
        guard blob.count >= headerByteCount, blob.count <= blobByteLimit else {
            throw damaged("has \(grouped(blob.count)) bytes, fewer or more than any document")
        }
        let count = Int(number(blob[1..<5]))
        let payload = blob[headerByteCount...]
        guard count <= CatalogMetadataRow.documentByteLimit else {
            throw damaged("claims \(grouped(count)) bytes, above the limit of 16 MiB")
        }
        let document: [UInt8]
        switch blob[0] {
        case 0:
            guard payload.count == count else {
                throw damaged("has \(grouped(payload.count)) bytes where \(grouped(count)) are announced")
            }
            document = Array(payload)
        case 1:
            guard payload.count < count, !payload.isEmpty,
                let bytes = lz4Decompress(payload, dictionary: dictionary, count: count)
            else { throw damaged("does not decompress to the \(grouped(count)) bytes announced") }
            document = bytes
        default:
            throw damaged("is packed with the unknown codec \(blob[0])")
        }
        let stored = number(blob[5..<9])
        let computed = checksum(of: document, ordinal: ordinal, file: file)
        guard stored == computed else {
            throw damaged("is damaged (stored CRC-32C \(hexadecimal(stored)), computed \(hexadecimal(computed)))")
        }
        return document
    }

    /// Covers the ordinal too, so that a document cannot silently move to another candidate.
    private static func checksum(of document: [UInt8], ordinal: UInt64, file: CatalogFile) -> UInt32 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + document.count)
        append(UInt32(truncatingIfNeeded: ordinal), to: &bytes)
        append(UInt32(truncatingIfNeeded: ordinal >> 32), to: &bytes)
        bytes += document
        return file.checksum(of: bytes)
    }

    private static func append(_ value: UInt32, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}

/// The bytes of stored vectors: f32, little-endian.
enum VectorBytes {
    static func encode(_ vector: [Float]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 * vector.count)
        for value in vector {
            let bits = value.bitPattern
            for shift in stride(from: UInt32(0), to: 32, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
            }
        }
        return bytes
    }

    /// - Parameter bytes: a multiple of four.
    static func decode(_ bytes: [UInt8]) -> [Float] {
        (0..<bytes.count / 4).map { index in
            var bits: UInt32 = 0
            for byte in 0..<4 { bits |= UInt32(bytes[4 * index + byte]) << UInt32(8 * byte) }
            return Float(bitPattern: bits)
        }
    }
}
