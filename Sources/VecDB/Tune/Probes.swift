import SegmentFile
import TreeAH
import VectorKernels

/// A query whose answer is known, to measure settings with.
struct Probe: Sendable {
    /// As a search has it: normalised for cosine.
    var query: [Float]
    /// The row that serves as the query, if one does.
    var row: UInt32?
    /// Leaves out that row and all that hold the same vector: it must not find itself, nor what tells no more than itself.
    var filter = RowFilter.all
    /// The rows that count as hits, with a bit for each k that is measured: the true k nearest, and all that tie with the
    /// last of them.
    var wanted: [EstimateSurvey.Wanted] = []
    /// For each k how many hits there should be; 0 where so many rows tie that finding k of them measures nothing.
    var hits: [Int] = []
}

/// How many probes are measured with, by counted work: what is stored must not depend on the machine.
struct ProbeBudget {
    /// Probes at most.
    var most: Int
    /// Floats that brute force for all of them may multiply.
    var products: Double

    /// What a build spends.
    static let build = ProbeBudget(most: 256, products: 48e9)
    /// What tuning spends, which is asked for.
    static let tuning = ProbeBudget(most: 1024, products: 192e9)

    /// For rows of so many floats: 16 at least.
    func probeCount(rows: Int, dimensions: Int) -> Int {
        Int(max(16, min(Double(most), products / (Double(max(1, rows)) * Double(dimensions)))))
    }
}

/// Of `count` vectors of stored candidates those that serve as queries: evenly spread, but no zero vector and no vector
/// twice, as far as there are others among the first sixteen times as many that are looked at.
///
/// Real queries point somewhere, and seldom just where many candidates lie: a candidate that has a thousand twins finds them
/// at any setting, and where most rows are zeros hardly a probe would be left that measures something.
func probePlaces<Failure: Error>(
    _ wanted: Int, of count: Int, vector: (Int) throws(Failure) -> [Float]
) throws(Failure) -> [Int] {
    var seen: Set<UInt64> = []
    var places: [Int] = []
    for place in evenlySpaced(16 * wanted, of: count) {
        let values = try vector(place)
        guard values.contains(where: { $0 != 0 }), seen.insert(hash(of: values)).inserted else { continue }
        places.append(place)
    }
    return evenlySpaced(wanted, of: places.count).map { places[$0] }
}

/// FNV-1a over the words of some floats: the same in every process, for what is stored depends on it. Of two vectors that share
/// it one is no probe, which is no harm.
private func hash(of values: [Float]) -> UInt64 {
    values.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1.bitPattern)) &* 0x100_0000_01b3 }
}

extension IndexSegment {
    /// Probes of some queries as a caller gives them.
    func probes(of queries: [[Float]]) -> [Probe] {
        queries.map { query in
            var query = query
            if metric == .cosine { normaliseRows(&query, dimensions: dimensions) }
            return Probe(query: query)
        }
    }

    /// Probes of some stored candidates. Those that are not there any more are left out.
    ///
    /// - Parameter vector: the vector of the n-th of `ordinals`, normalised for cosine.
    func probes(ofCandidates ordinals: [UInt64], vector: (Int) -> [Float]) throws(SegmentError) -> [Probe] {
        var probes: [Probe] = []
        for (place, ordinal) in ordinals.enumerated() {
            guard let row = try row(ofOrdinal: ordinal) else { continue }
            probes.append(Probe(query: asQuery(vector(place)), row: row))
        }
        return probes
    }

    /// A candidate's vector as a query: for inner products brought near length 1 by a power of two, which changes no
    /// order, where its products with vectors like itself would be too small or too large for a float. Queries that come
    /// from elsewhere have lengths of their own.
    func asQuery(_ vector: [Float]) -> [Float] {
        guard metric == .dot, let largest = vector.lazy.map(\.magnitude).max(), largest > 0, largest.isFinite else {
            return vector
        }
        guard largest < 0x1p-30 || largest > 0x1p30 else { return vector }
        // In two steps: the factor of a subnormal number is beyond a float's range.
        let exponent = -Int(largest.exponent)
        return vector.map {
            Float(sign: .plus, exponent: exponent - exponent / 2, significand: $0)
                * Float(sign: .plus, exponent: exponent / 2, significand: 1)
        }
    }

    /// The probes with the hits that they should have, by one brute force for the largest k; the probes of a thread share
    /// its reading of the rows. Those that measure no k at all are left out: all rows are equally near to them.
    ///
    /// - Parameters:
    ///   - counts: each k, ascending. Every probe measures those up to `mainCount`, or 10; half of them measure those up to 100,
    ///     and a quarter all, for a probe tells the more the more hits it has.
    ///   - given: for each probe the ordinal offsets of its true nearest, best first, if the caller knows better than brute
    ///     force over the stored vectors. Of those count that the stored vectors can find.
    ///   - report: gets the probes done; throws to stop.
    func withTruth(
        _ probes: [Probe], counts: [Int], mainCount: Int = 10, given: [[UInt64]]? = nil, threads: Int,
        report: (Int) throws -> Void
    ) throws -> [Probe] {
        let main = max(10, mainCount)
        var measured: [Probe] = []
        var done = 0
        for part in 0..<3 {
            let members = probes.indices.filter { [0, 2, 1, 2][$0 % 4] == [0, 1, 2][part] }
            let counts = counts.filter { part == 0 || $0 <= (part == 1 ? max(main, 100) : main) }
            measured += try measure(
                members.map { probes[$0] }, counts: counts, given: given.map { all in members.map { all[$0] } },
                threads: threads
            ) { try report(done + $0) }
            done += members.count
        }
        // All have as many places as there are counts: those that a probe does not measure are the last.
        for place in measured.indices {
            measured[place].hits += [Int](repeating: 0, count: counts.count - measured[place].hits.count)
        }
        return measured.filter { probe in probe.hits.contains { $0 > 0 } }
    }

    /// The probes with their hits for some k, all of which they measure.
    private func measure(
        _ probes: [Probe], counts: [Int], given: [[UInt64]]?, threads: Int, report: (Int) throws -> Void
    ) throws -> [Probe] {
        guard !probes.isEmpty else { return [] }
        let kept = keptScores(counts)
        let groupSize = max(1, min(128, (probes.count + threads - 1) / threads, scoreLimit / kept))
        let groupCount = (probes.count + groupSize - 1) / groupSize
        var measured: [Probe] = []
        for first in stride(from: 0, to: groupCount, by: threads) {
            let groups = try concurrentMap(count: min(threads, groupCount - first), threads: threads) {
                part in
                let members = (first + part) * groupSize..<min(probes.count, (first + part + 1) * groupSize)
                return try truth(of: Array(probes[members]), counts: counts, given: given.map { Array($0[members]) })
            }
            measured += groups.joined()
            try report(min(probes.count, (first + threads) * groupSize))
        }
        return measured
    }

    /// Enough to see whether ties go on behind the last place that counts.
    private func keptScores(_ counts: [Int]) -> Int {
        max(1, min(rowCount, 2 * min(rowCount, counts.last ?? 1) + 256))
    }

    private func truth(
        of probes: [Probe], counts: [Int], given: [[UInt64]]?
    ) throws -> [Probe] {
        var probes = probes
        let kept = keptScores(counts)
        let queries = probes.flatMap(\.query)
        var candidates = try scanExactly(queries.span, k: kept, filters: probes.map { _ in .all }, limits: .none)
        var scratch = SearchScratch()
        for index in probes.indices {
            swap(&scratch.candidates, &candidates[index])
            scratch.hits.reset(k: kept)
            try collect(kept, scratch: &scratch)
            var best = scratch.hits.hits
            let isCut = kept < rowCount
            if let row = probes[index].row {
                let twins = try twins(of: row, query: probes[index].query, removedFrom: &best)
                probes[index].filter = RowFilter(excluding: twins)
            }
            var masks = [UInt64](repeating: 0, count: best.count)
            probes[index].hits = counts.indices.map { count in
                let limit = min(counts[count], best.count)
                guard limit > 0, limit == counts[count] || !isCut, let last = best.last else { return 0 }
                let worst = best[limit - 1].score
                if isCut ? last.score == worst : best[0].score == last.score { return 0 }
                let truth = given.map { Set($0[index].prefix(limit)) }
                for (place, hit) in best.enumerated() {
                    if hit.score < worst { break }
                    if let truth, hit.score > worst, !truth.contains(hit.ordinal) { continue }
                    masks[place] |= 1 << UInt64(count)
                }
                return limit
            }
            probes[index].wanted = []
            for (place, mask) in masks.enumerated() where mask != 0 {
                guard let row = try row(ofOrdinal: best[place].ordinal) else { continue }
                probes[index].wanted.append(EstimateSurvey.Wanted(row: row, counts: mask))
            }
        }
        return probes
    }

    /// A row that serves as a query, and the rows among its best hits that hold the same vector: they tie with it.
    private func twins(
        of row: UInt32, query: [Float], removedFrom best: inout [HitCollector.Hit]
    ) throws(SegmentError) -> [UInt32] {
        var twins = [row]
        let own = UInt64(try ordinalOffset(ofRow: row))
        guard let score = best.first(where: { $0.ordinal == own })?.score else { return twins }
        var others: [HitCollector.Hit] = []
        for hit in best where hit.ordinal != own {
            if hit.score == score, let other = try self.row(ofOrdinal: hit.ordinal),
                asQuery(try vectors(ofRows: Int(other)..<Int(other) + 1)) == query
            {
                twins.append(other)
            } else {
                others.append(hit)
            }
        }
        best = others
        return twins
    }
}

/// Scores that the probes of one thread keep together: some tens of megabytes.
private let scoreLimit = 1 << 20
