import SegmentFile
import TreeAH
import VectorKernels

/// A query whose answer is known, to measure settings with.
struct Probe: Sendable {
    /// As a search has it: normalised for cosine.
    let query: [Float]
    /// The row that serves as the query, if one does: it must not find itself.
    var excluded: ExcludedRows = .none
    /// The true nearest candidates, as ordinal offsets.
    var truth: Set<UInt32> = []
}

extension IndexSegment {
    /// How many probes exact answers can be had for in about `seconds`.
    func affordableProbeCount(seconds: Double) -> Int {
        let workOfQuery = Double(max(1, rowCount)) * Double(dimensions)
        return Int(max(16, min(256 * seconds, 48e9 * seconds / workOfQuery)))
    }

    /// Probes of some queries as a caller gives them.
    func probes(of queries: [[Float]]) -> [Probe] {
        queries.map { Probe(query: metric == .cosine ? normalised($0)?.vector ?? $0 : $0) }
    }

    /// Probes of some stored candidates. Those that are not there any more are left out.
    ///
    /// - Parameter vector: the vector of the n-th of `ordinals`, normalised for cosine.
    func probes(ofCandidates ordinals: [UInt64], vector: (Int) -> [Float]) throws(SegmentError) -> [Probe] {
        var probes: [Probe] = []
        for (place, ordinal) in ordinals.enumerated() {
            guard let row = try row(ofOrdinal: ordinal) else { continue }
            probes.append(Probe(query: vector(place), excluded: ExcludedRows([row])))
        }
        return probes
    }

    /// The probes with their true k nearest, by brute force; the probes of a thread share its reading of the rows.
    func withTruth(_ probes: [Probe], k: Int, threads: Int) throws(SegmentError) -> [Probe] {
        guard !probes.isEmpty else { return [] }
        let groupSize = min(128, (probes.count + threads - 1) / threads)
        let groups = try concurrentMap(count: (probes.count + groupSize - 1) / groupSize, threads: threads) {
            group throws(SegmentError) in
            var members = Array(probes[group * groupSize..<min(probes.count, (group + 1) * groupSize)])
            var candidates = try scanExactly(members.flatMap(\.query), k: k, excluding: members.map(\.excluded))
            var scratch = SearchScratch()
            for index in members.indices {
                swap(&scratch.candidates, &candidates[index])
                try rankExactly(k, scratch: &scratch)
                members[index].truth = Set(scratch.best.map(\.offset))
            }
            return members
        }
        return Array(groups.joined())
    }
}
