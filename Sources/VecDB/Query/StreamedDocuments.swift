import EmbeddingInput

/// The metadata documents of candidates of a ``StreamingSearch``, one after the other in an order of the caller's: as many at a
/// time as fit into some memory, each such part by another pass over the input.
///
/// All documents of a thousand queries' hits may be gigabytes.
public struct StreamedDocuments {
    /// Bytes of documents that are in memory at a time, unless one has more.
    public static let byteLimit = 64 << 20

    private let search: StreamingSearch
    private let ordinals: [UInt64]
    private let byteLimit: Int
    /// How many have been asked for.
    private var position = 0
    /// Where the documents end that are in memory.
    private var end = 0
    private var documents: [UInt64: String] = [:]
    /// Bytes of the document of each wanted row, once the first pass has seen them.
    private var byteCounts: [UInt64: Int]?
    /// What tests look at.
    private(set) var passCount = 0
    private(set) var heldByteCount = 0

    init(_ search: StreamingSearch, ordinals: [UInt64], byteLimit: Int = byteLimit) {
        self.search = search
        self.ordinals = ordinals
        self.byteLimit = byteLimit
    }

    /// Those of the next candidates; `nil` for each that has none.
    ///
    /// - Parameter count: no more than are left.
    /// - Complexity: a pass over the metadata where they are not in memory.
    public mutating func next(_ count: Int) throws(DatabaseError) -> [String?] {
        precondition(count <= ordinals.count - position)
        var found: [String?] = []
        for _ in 0..<count {
            if position == end { try readOn() }
            found.append(documents[ordinals[position]])
            position += 1
        }
        return found
    }

    private mutating func readOn() throws(DatabaseError) {
        (documents, heldByteCount) = ([:], 0)
        passCount += 1
        guard let byteCounts else { return try readFirst() }
        var wanted: Set<UInt64> = []
        while end < ordinals.count {
            if !wanted.contains(ordinals[end]) {
                let byteCount = byteCounts[ordinals[end]] ?? 0
                if heldByteCount + byteCount > byteLimit, !wanted.isEmpty { break }
                heldByteCount += byteCount
                wanted.insert(ordinals[end])
            }
            end += 1
        }
        var documents: [UInt64: String] = [:]
        try search.forEachDocument(of: wanted) { documents[$0] = String(decoding: $1, as: UTF8.self) }
        self.documents = documents
    }

    /// Mostly they all fit; otherwise this pass says how many do.
    private mutating func readFirst() throws(DatabaseError) {
        let byteLimit = byteLimit
        var (documents, byteCounts, sum) = ([UInt64: String](), [UInt64: Int](), 0)
        try search.forEachDocument(of: Set(ordinals)) { ordinal, bytes in
            byteCounts[ordinal] = bytes.count
            sum += bytes.count
            if sum <= byteLimit { documents[ordinal] = String(decoding: bytes, as: UTF8.self) } else { documents = [:] }
        }
        self.byteCounts = byteCounts
        guard sum > byteLimit else {
            (self.documents, heldByteCount, end) = (documents, sum, ordinals.count)
            return
        }
        documents = [:]
        try readOn()
    }
}

extension StreamingSearch {
    /// The metadata documents of candidates, in the order of `ordinals`, which may repeat: for hits of searches that were made
    /// without ``SearchOptions/includesMetadata``, which would have them all in memory.
    public func documents(of ordinals: [UInt64]) -> StreamedDocuments { StreamedDocuments(self, ordinals: ordinals) }
}
