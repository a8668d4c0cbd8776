import EmbeddingInput
import Foundation
import FileSystem
import SegmentFile
import TestSupport
import Testing

@testable import VecDB

/// Numbers and files at and beyond the limits of what the library is made for.
@Suite struct ExtremesTests {
    private static let extremes = [Int.min, -1, 0, 1, 2_000_000_000, Int.max]

    private func code(_ body: () throws -> Void) -> DatabaseError.Code? {
        do { try body() } catch { return (error as? DatabaseError)?.code }
        return nil
    }

    @Test func `fault 06: any number of threads, hits, leaves and candidates is clamped or refused`() throws {
        let place = try TemporaryDirectory()
        let vectors = clusteredVectors(count: 300, dimensions: 4, seed: 6)
        var options = BuildOptions()
        (options.index, options.leaves) = (.treeAH, 6)
        try VectorDatabase.build(
            at: place.file("a.vecdb"), from: .memory(vectors: vectors, dimensions: 4), options: options)
        let database = try VectorDatabase.open(place.file("a.vecdb"))
        let queries = Array(vectors.prefix(12))
        let ordinals = try database.searchBatch(queries, threads: 1).map { $0.map(\.ordinal) }
        let streaming = try StreamingSearch(.memory(vectors: vectors, dimensions: 4))
        for number in Self.extremes {
            #expect(try database.searchBatch(queries, threads: number).map { $0.map(\.ordinal) } == ordinals)
            #expect(try database.searchBatch(queries, options: SearchOptions(exact: true), threads: number).count == 3)
            #expect(try streaming.search(queries, threads: number).count == 3)
            let evaluation = EvaluationOptions(threads: number, passes: 1)
            #expect(try database.evaluate(queries, truth: ordinals, options: evaluation).recall == 1)
            #expect(try database.storedQueries(from: number, limit: number).isEmpty)
            let tuning = TuneOptions(k: 3, targetRecall: 0.5, stores: false, threads: number)
            #expect(try VectorDatabase.tune(place.file("a.vecdb"), queries: queries, options: tuning).best.k == 3)
            for search in [
                SearchOptions(k: number), SearchOptions(leavesToSearch: number), SearchOptions(reorder: number),
            ] {
                let refused = code { _ = try database.searchBatch(queries, options: search) }
                #expect(refused == (number < 1 && search.reorder != 0 ? .invalidArgument : nil), "\(search)")
            }
            #expect(
                code { _ = try streaming.search(queries, options: SearchOptions(k: number)) }
                    == (number < 1 ? .invalidArgument : nil))
            let k = TuneOptions(k: number, targetRecall: 0.5, stores: false)
            #expect(
                code { _ = try VectorDatabase.tune(place.file("a.vecdb"), options: k) }
                    == (1...65_536 ~= number ? nil : .invalidArgument))
        }
        #expect(
            code { _ = try database.evaluate(queries, truth: ordinals, options: EvaluationOptions(passes: .max)) }
                == .invalidArgument)
    }

    @Test(arguments: extremes)
    func `fault 06: a build takes any number or refuses it`(number: Int) throws {
        let place = try TemporaryDirectory()
        let input = BuildInput.memory(vectors: clusteredVectors(count: 60, dimensions: 4, seed: 6), dimensions: 4)
        func outcome(_ change: (inout BuildOptions) -> Void) -> DatabaseError.Code? {
            var options = BuildOptions()
            (options.index, options.overwrite) = (.treeAH, true)
            change(&options)
            return code { try VectorDatabase.build(at: place.file("a.vecdb"), from: input, options: options) }
        }
        let one: DatabaseError.Code? = number == 1 ? nil : .invalidArgument
        #expect(outcome { $0.threads = number } == (number < 1 ? .invalidArgument : nil))
        #expect(outcome { $0.trainingIterations = number } == one)
        #expect(outcome { $0.leaves = number } == one)
        #expect(outcome { $0.dimensionsPerBlock = number } == one)
        #expect(outcome { $0.projection = .principalAxes(number) } == one)
        #expect(outcome { $0.memoryBytes = number } == (number < 16 << 20 ? .invalidArgument : nil))
        #expect(outcome { $0.seed = UInt64(bitPattern: Int64(number)) } == nil)
    }

    @Test(arguments: [
        -Double.infinity, -1, 0, .leastNonzeroMagnitude, 1, 1e300, .greatestFiniteMagnitude, .infinity, .nan,
    ])
    func `fault 06: any time to wait and any share has a meaning`(number: Double) throws {
        let place = try TemporaryDirectory()
        let input = BuildInput.memory(vectors: clusteredVectors(count: 60, dimensions: 4, seed: 6), dimensions: 4)
        func build(_ change: (inout BuildOptions) -> Void) -> DatabaseError.Code? {
            var options = BuildOptions()
            (options.index, options.overwrite) = (.treeAH, true)
            change(&options)
            return code { try VectorDatabase.build(at: place.file("a.vecdb"), from: input, options: options) }
        }
        // The second build takes the lock of a database that is there.
        for _ in 0..<2 { #expect(build { $0.lockTimeoutSeconds = number } == nil) }
        let share = number > 0 && number <= 1
        #expect(build { $0.targetRecall = number } == (share ? nil : .invalidArgument))
        #expect(build { $0.anisotropicThreshold = number } == (0..<1 ~= number ? nil : .invalidArgument))
        let tuning = TuneOptions(k: 1, targetRecall: 0.5, lockTimeoutSeconds: number)
        #expect(code { _ = try VectorDatabase.tune(place.file("a.vecdb"), options: tuning) } == nil)
        let recall = TuneOptions(k: 1, targetRecall: number, stores: false)
        #expect(
            code { _ = try VectorDatabase.tune(place.file("a.vecdb"), options: recall) }
                == (share ? nil : .invalidArgument))
    }

    @Test(arguments: [0, -1, Double.nan])
    func `fault 06: who waits no time for a lock is refused at once, and who waits for ever can be cancelled`(
        seconds: Double
    ) throws {
        let place = try TemporaryDirectory()
        let directory = try Directory(opening: place.path)
        let held = try #require(try WriterLock.acquire(in: directory, timeoutSeconds: .infinity, holder: "test"))
        #expect(try WriterLock.acquire(in: directory, timeoutSeconds: seconds, holder: "other") == nil)
        var asked = 0
        let waiting = try WriterLock.acquire(in: directory, timeoutSeconds: .infinity, holder: "other") {
            asked += 1
            return asked > 3
        }
        #expect(waiting == nil && asked == 4)
        _ = held
    }

    /// Sixteen megabytes are the least that a build takes; a twelfth of them is a bucket.
    @Test(arguments: [(Metric.dot, false), (.cosine, false), (.l2, true)])
    func `fault 06: a build that spills into several buckets writes the bytes of one that does not`(
        metric: Metric, hasSecond: Bool
    ) throws {
        let place = try TemporaryDirectory()
        let (count, dimensions, leaves) = (12_000, 96, 40)
        let vectors = clusteredVectors(count: count, dimensions: dimensions, seed: 7)
        var bytes: [Data] = []
        for memory in [nil, 16 << 20] as [Int?] {
            var options = BuildOptions()
            (options.index, options.metric, options.leaves, options.memoryBytes) = (.treeAH, metric, leaves, memory)
            options.trainingIterations = 2
            options.secondAssignments = hasSecond
            options.projection = .none
            let path = place.file("\(memory ?? 0).vecdb")
            try VectorDatabase.build(
                at: path, from: .memory(vectors: vectors, dimensions: dimensions), options: options)
            bytes.append(try segmentBytes(of: path))
            let size = memory ?? BuildPlan.defaultMemoryBytes
            let scatter = PartitionScatter(
                expectedSizes: [Double](repeating: Double(count) / Double(leaves), count: leaves), rowWidth: dimensions,
                bucketByteCount: size / 12, bufferByteCount: size / 6,
                scratch: try ScratchFile(in: try Directory(opening: place.path)))
            #expect(memory == nil ? scatter.buckets.count == 1 : scatter.buckets.count >= 3)
        }
        #expect(bytes[0] == bytes[1])
        #expect(try VectorDatabase.verify(place.file("\(16 << 20).vecdb"), deep: true).damage.isEmpty)
    }

    @Test func `fault 12: an input that announces more rows than any database holds is not read`() throws {
        let place = try TemporaryDirectory()
        let path = place.file("huge.npy")
        // A hole of 2^40 bytes, as long as the header says: reading it would take hours.
        let rows = 1 << 40
        var header = "{'descr': '|u1', 'fortran_order': False, 'shape': (\(rows), 1), }"
        header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
        var content = Data([0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0])
        content.append(Data(header.utf8))
        try content.write(to: URL(fileURLWithPath: path))
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.truncate(atOffset: UInt64(128 + rows))
        try file.close()
        let began = ContinuousClock.now
        #expect {
            try VectorDatabase.build(at: place.file("a.vecdb"), from: .files(BuildFiles(vectors: [path])))
        } throws: { "\($0)".contains("announces 1,099,511,627,776 rows") }
        #expect(ContinuousClock.now - began < .seconds(10))
    }

    @Test func `fault 25: metadata in memory never has a name in the file system`() throws {
        let place = try TemporaryDirectory()
        let documents = (0..<5000).map { "{\"secret\":\($0)}" }
        let vectors = clusteredVectors(count: 5000, dimensions: 2, seed: 25)
        var seen: Set<String> = []
        let temporary = FileManager.default.temporaryDirectory.path
        func look() throws {
            for directory in Set([place.path, temporary]) {
                // Others put files there as well: what counts is what is in one.
                for name in try FileManager.default.contentsOfDirectory(atPath: directory)
                where name.contains("metadata") || name.contains("vecdb") {
                    let file = try? FileHandle(forReadingFrom: URL(filePath: directory + "/" + name))
                    if (try? file?.read(upToCount: 10)) == Data("{\"secret\":".utf8) { seen.insert(name) }
                }
            }
        }
        try VectorDatabase.build(
            at: place.file("a.vecdb"),
            from: .memory(vectors: vectors, dimensions: 2, metadata: documents)
        ) { _ in
            try? look()
        }
        #expect(seen.isEmpty)
        #expect(try VectorDatabase.open(place.file("a.vecdb")).metadata(ordinal: 4999) == documents[4999])
    }
}
