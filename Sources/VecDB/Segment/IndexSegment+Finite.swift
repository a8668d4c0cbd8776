import SegmentFile
import TreeAH
import VectorKernels

// Every stored float is finite (`Formats/segment.md`). Sections of floats are checked with their checksums; here are those
// inside structures, and what finite values may still come to.

extension IndexSegment {
    /// Refuses byte matrices whose factors are not finite. They grow with the partitions, so that opening looks at all.
    func checkMatrices() throws(SegmentError) {
        let reader = reader
        for kind in [SectionKind.routingCentroids, .projection] {
            guard let entry = reader.entry(kind), entry.elementType == .structured else { continue }
            for block in 0..<entry.byteCount / entry.stride {
                let end = (block + 1) * entry.stride
                let factors = reader.bytes(of: kind).extracting(end - ByteMatrix.factorByteCount..<end)
                if let place = factors.firstNonFinite(.float32) {
                    throw damaged(
                        kind, "holds a factor of row \(16 * block + place % 16) that is infinite or not a number")
                }
            }
        }
    }

    /// Refuses a leaf's scales and biases where they are not finite.
    ///
    /// - Complexity: O(blocks); once for each leaf, when its codes are met for the first time.
    func checkCodes(ofLeaf number: Int, in leaves: borrowing TreeView) throws(SegmentError) {
        let (leaf, layout) = (leaves.leaves[number], leaves.layout)
        let reader = reader
        for block in 0..<leaf.blockCount {
            let start = (Int(leaf.firstBlock) + block) * layout.byteCount
            let bytes = reader.bytes(of: .codes).extracting(start..<start + layout.byteCount)
            let slot =
                bytes.extracting(layout.scalesOffset..<layout.biasesOffset).firstNonFinite(.float16)
                ?? bytes.extracting(layout.biasesOffset..<layout.byteCount).firstNonFinite(.float32)
            if let slot {
                throw damaged(
                    .codes,
                    "holds a scale or bias that is infinite or not a number: leaf \(number), slot \(32 * block + slot)")
            }
        }
    }

    /// Above the squared length of every row that is stored: a build takes none from 2^128 on, and rounding adds little.
    static let squaredLengthLimit = 0x1p129

    /// What a score that is no number means. It takes two sums of products that overflow, one to each side, and for that a row
    /// whose squared length is 2^130 or more, as that of no query is 2^128.
    func damagedScore(ofRow row: UInt32) -> SegmentError {
        damaged(.reorderVectors, "holds row \(row), which is longer than any that a build takes")
    }

    private func damaged(_ kind: SectionKind, _ message: String) -> SegmentError {
        .damaged(reader.file, kind.name, message)
    }
}
