@testable import Catalog
import FileSystem
import SegmentFile
import VectorKernels

/// Packed metadata documents: a dictionary and a packed document, unpacked; and the same bytes packed and unpacked again.
///
///     0  1  odd: the document's checksum is put right first
///     1  2  bytes of the dictionary, and those follow
///     …     the column `document`: codec, byte count, checksum, content
final class DocumentsTarget: FuzzTarget {
    private let file: CatalogFile
    private static let ordinal: UInt64 = 7

    init() throws {
        file = try CatalogFile(in: Directory(opening: ".")) { crc32c($0) }
    }

    func run(_ input: [UInt8]) throws {
        guard input.count >= 3 else { return }
        let length = Int(input.number(at: 1, byteCount: 2))
        let dictionary = Array(input[3...].prefix(length))
        var blob = Array(input[3...].dropFirst(length))
        if input[0] % 2 == 1 { seal(&blob, dictionary) }

        let again = DocumentPacking.pack(
            blob, ordinal: Self.ordinal, compressor: LZ4Compressor(dictionary: dictionary), file: file)
        let unpacked = try unpack(again, dictionary)
        precondition(unpacked == blob, "packing lost something")
        let document = try unpack(blob, dictionary)
        precondition(document.count <= 255 * blob.count, "more than LZ4 can make of so few bytes")
    }

    private func unpack(_ blob: [UInt8], _ dictionary: [UInt8]) throws(CatalogError) -> [UInt8] {
        try DocumentPacking.unpack(blob, ordinal: Self.ordinal, dictionary: dictionary, file: file)
    }

    /// Gives the blob the checksum of the document that comes out of it, if one does.
    private func seal(_ blob: inout [UInt8], _ dictionary: [UInt8]) {
        guard blob.count > DocumentPacking.headerByteCount else { return }
        let content = blob[DocumentPacking.headerByteCount...]
        let count = Int(blob.number(at: 1, byteCount: 4))
        let document =
            blob[0] == 0 ? Array(content) : lz4Decompress(content, dictionary: dictionary, count: count) ?? []
        var covered = [UInt8](repeating: 0, count: 8)
        covered.put(Self.ordinal, at: 0, byteCount: 8)
        blob.put(UInt64(file.checksum(of: covered + document)), at: 5, byteCount: 4)
    }
}
