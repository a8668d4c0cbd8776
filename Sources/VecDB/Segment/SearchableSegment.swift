import SegmentFile
import TreeAH
import VectorKernels

/// Rows that a search can score exactly: a mapped segment, or what is pending in memory.
///
/// What is found goes to `scratch.hits`, which the caller has reset; each call ends with `HitCollector.finishSegment`.
protocol SearchableSegment: Sendable {
    var rowCount: Int { get }

    /// Brute force over all rows that may be returned.
    ///
    /// - Parameters:
    ///   - query: `dimensions` floats, normalised for cosine.
    ///   - limits: looked at now and then.
    /// - Complexity: O(rows · d).
    func scanExactly(
        _ query: Span<Float>, k: Int, filter: RowFilter, limits: SearchLimits,
        scratch: inout SearchScratch
    ) throws

    /// Brute force over some rows and no others.
    ///
    /// - Complexity: O(rows · d).
    func scoreExactly(
        _ rows: Span<UInt32>, _ query: Span<Float>, k: Int, scratch: inout SearchScratch
    ) throws(SegmentError)

    /// For several queries, which share the reading of each row: for each of them what may be among its best k, numbered
    /// by rows or by ordinal offsets, as ``collect(_:scratch:)`` takes it.
    ///
    /// - Parameters:
    ///   - queries: row-major, `dimensions` floats each, normalised for cosine.
    ///   - limits: looked at now and then.
    func scanExactly(
        _ queries: Span<Float>, k: Int, filters: [RowFilter], limits: SearchLimits
    ) throws -> [TopCandidates]

    /// Hands over what a scan has left in `scratch.candidates`.
    func collect(_ k: Int, scratch: inout SearchScratch) throws(SegmentError)

    /// Stored vectors as floats: what their storage gives back.
    ///
    /// - Parameters:
    ///   - places: where each goes in `output`, in vectors.
    ///   - output: row-major.
    /// - Complexity: O(rows · d).
    func readVectors(
        of rows: Span<UInt32>, to places: Span<Int>, in output: inout MutableSpan<Float>
    ) throws(SegmentError)

    /// The row of an ordinal; `nil` where there is none.
    func row(ofOrdinal ordinal: UInt64) throws(SegmentError) -> UInt32?
}
