import SchemaChecks
import Testing

@testable import VecDB
@testable import VecDBJSON

struct DocumentTests {
    /// One of each, with everything that it can say, and with as little as it can.
    private static let documents: [(schema: String, JSONDocument)] = [
        ("inspect", JSONDocument(inspection())), ("inspect", JSONDocument(DatabaseInspection(database: "x"))),
        ("verify", JSONDocument(verification())),
        ("verify", JSONDocument(VerificationReport(database: "", deep: true))),
        ("build", JSONDocument(summary(), peakMemoryBytes: 1 << 30)), ("build", JSONDocument(summary(defaults: nil))),
        ("tune", JSONDocument(tuning())), ("tune", JSONDocument(tuning(advice: nil, generation: nil))),
        ("eval", JSONDocument(rows())), ("eval", JSONDocument([EvaluationRow]())),
        ("eval-labels", JSONDocument(accuracies())),
        ("eval-open", JSONDocument(opening())),
    ]

    @Test(arguments: documents.indices)
    func `documents follow their schemas, and both layouts say the same`(index: Int) throws {
        let (schema, document) = Self.documents[index]
        let value = try JSONValue(parsing: document.text(.line))
        #expect(try JSONSchema(schema).violations(value) == [])
        #expect(try JSONValue(parsing: document.text(.indented)) == value)
        #expect(!document.text(.line).utf8.contains(0x0A) && document.text(.indented).utf8.last != 0x0A)
    }

    @Test func `what can be told is told under the names of the schema`() throws {
        let value = try JSONValue(parsing: JSONDocument(Self.inspection()).text(.line))
        #expect(value["generation"]?.number == 12 && value["leaf_sizes"]?["imbalance"]?.number == 1.18)
        #expect(value["index"]?.string == "tree-ah" && value["defaults"]?["mean_us"]?.number == 9.5)
        #expect(value["segments"]?[0]?["sections"]?[0]?["element_type"]?.string == "bytes")
        let row = try JSONValue(parsing: JSONDocument(Self.rows()).text(.line))[1]
        #expect(row?["leaves_to_search"] == .null && row?["reorder"] == .null && row?["p50_us"] == .null)
        #expect(row?["read_bytes"] == nil)
        let accuracy = try JSONValue(parsing: JSONDocument(Self.accuracies()).text(.line))[1]
        #expect(accuracy?["times_faster_than_exact"]?.number == 4 && accuracy?["accuracy_by_score"]?[1]?.number == 1)
    }

    /// What is new in a report must be in its JSON.
    @Test func `every property has a member`() throws {
        func expectAll(_ shape: some JSONShape, sourceLocation: SourceLocation = #_sourceLocation) throws {
            let members = try JSONValue(parsing: JSONDocument(of: shape).text(.line)).object?.count
            #expect(members == propertyCount(shape), sourceLocation: sourceLocation)
        }
        let inspection = Self.inspection()
        try expectAll(inspection)
        try expectAll(try #require(inspection.leafSizes))
        try expectAll(try #require(inspection.defaults))
        try expectAll(inspection.metadataColumns[0])
        try expectAll(inspection.segments[0])
        try expectAll(inspection.segments[0].sections[0])
        try expectAll(Self.verification())
        try expectAll(Self.verification().checks[0])
        try expectAll(Self.tuning())
        try expectAll(Self.summary().bytes[0])
        try expectAll(Self.summary().seconds[0])
        try expectAll(Self.rows()[0])
        let summary = try JSONValue(parsing: JSONDocument(Self.summary(), peakMemoryBytes: 1).text(.line))
        #expect(summary.object?.count == propertyCount(Self.summary()) + 1)
        // Its knobs and count are members beside those of the accuracy.
        let accuracy = Self.accuracies()[0]
        let row = try JSONValue(parsing: JSONDocument(Self.accuracies()).text(.line))[0]
        #expect(row?.object?.count == propertyCount(accuracy) - 1 + propertyCount(accuracy.accuracy))
    }

    @Test(arguments: awkwardTexts)
    func `paths, names and sentences come back byte for byte`(text: String) throws {
        var inspection = Self.inspection()
        inspection.database = text
        inspection.metadataColumns = [.init(name: text, type: "text")]
        inspection.segments[0].file = text
        inspection.problems = [text, text + text]
        var verification = Self.verification()
        (verification.database, verification.damage) = (text, [text])
        for layout in [JSONDocument.Layout.line, .indented] {
            let value = try JSONValue(parsing: JSONDocument(inspection).text(layout))
            #expect(try JSONSchema("inspect").violations(value) == [])
            #expect(bytes(value["database"]?.string) == bytes(text))
            #expect(bytes(value["metadata_columns"]?[0]?["name"]?.string) == bytes(text))
            #expect(bytes(value["segments"]?[0]?["file"]?.string) == bytes(text))
            #expect(value["problems"]?.array?.map { bytes($0.string) } == [bytes(text), bytes(text + text)])
            let report = try JSONValue(parsing: JSONDocument(verification).text(layout))
            #expect(bytes(report["database"]?.string) == bytes(text))
            #expect(bytes(report["damage"]?[0]?.string) == bytes(text))
        }
    }

    @Test(arguments: [Double.infinity, -.infinity, .nan])
    func `numbers that are none never show`(number: Double) throws {
        var inspection = Self.inspection()
        inspection.leafSizes?.mean = number
        inspection.leafSizes?.imbalance = number
        var tuning = Self.tuning()
        (tuning.targetRecall, tuning.best.meanUs, tuning.exactMeanUs) = (number, number, number)
        var accuracy = Self.accuracies()[0]
        accuracy.timesFasterThanExact = number
        let row = EvaluationRow(SearchOptions(), recall: number, meanUs: number, p50Us: number, p99Us: nil, qps: number)
        for layout in [JSONDocument.Layout.line, .indented] {
            let texts = [
                JSONDocument(inspection), JSONDocument(tuning), JSONDocument([accuracy]), JSONDocument([row]),
                JSONDocument(Self.opening(number)),
            ].map { $0.text(layout) }
            for text in texts {
                _ = try JSONValue(parsing: text)
                #expect(text.contains(number.isNaN ? "null" : "1.7976931348623157e+308"), "\(text)")
            }
        }
    }
}

/// How many stored properties a value has that are not `nil`, and those that JSON has as `null`.
func propertyCount(_ value: Any) -> Int { Mirror(reflecting: value).children.count }

extension DocumentTests {
    private static let defaults = SearchDefaults(
        leavesToSearch: 20, reorder: 50, k: 10, recall: 0.96, meanUs: 9.5, sampleQueries: 256, sampleSource: "given")

    private static func inspection() -> DatabaseInspection {
        var inspection = DatabaseInspection(database: "films.vecdb")
        (inspection.generation, inspection.formatVersion, inspection.recoveryPending) = (12, "1.1", true)
        (inspection.metric, inspection.dimensions, inspection.rows) = (.cosine, 32, 1_683_682)
        (inspection.index, inspection.leaves, inspection.projectedDimensions) = (.treeAH, 1_000, 16)
        (inspection.dimensionsPerBlock, inspection.projection, inspection.reorderStorage) = (2, "random", .bf16)
        (inspection.defaults, inspection.settings) = (defaults, [defaults, defaults])
        (inspection.queries, inspection.catalogBytes) = (3, 49_152)
        inspection.metadataColumns = [.init(name: "year", type: "integer")]
        inspection.segments = [
            .init(
                file: "segment.vseg", uuid: "00ff", bytes: 12, rows: 6,
                sections: [.init(name: "leaves", offset: 8192, bytes: 4, elementType: "bytes", checksum: "ok")])
        ]
        inspection.leafSizes = .init(min: 0, p50: 5, max: 9, mean: 4.5, imbalance: 1.18, empty: 1)
        (inspection.problems, inspection.unsupported) = (["a problem"], ["something new"])
        return inspection
    }

    private static func verification() -> VerificationReport {
        VerificationReport(
            database: "films.vecdb", deep: true, checks: [.init(name: "ids", detail: "6 ids", seconds: 0.25)],
            damage: ["damage"], notes: ["a note"])
    }

    private static func summary(defaults: SearchDefaults? = defaults) -> BuildSummary {
        BuildSummary(
            database: "films.vecdb", generation: 1, rows: 6, dimensions: 2, metric: .l2, index: .treeAH, leaves: 2,
            projectedDimensions: 2, dimensionsPerBlock: 2, projection: "none", reorderStorage: .u8, queries: 3,
            duplicatesDropped: 1, bytes: [.init(name: "codes", bytes: 448)],
            seconds: [.init(phase: .train, seconds: 0.5)], totalSeconds: 1, defaults: defaults,
            settings: defaults.map { [$0] } ?? [], notes: ["a note"],
            segmentUUID: String(repeating: "0f", count: 16))
    }

    private static func tuning(advice: String? = "advice", generation: UInt64? = 2) -> Tuning {
        Tuning(
            targetRecall: 0.95, isReached: true, best: defaults, others: [defaults], settings: [defaults],
            exactMeanUs: 80, advice: advice, generation: generation)
    }

    private static func rows() -> [EvaluationRow] {
        var cold = EvaluationRow(
            SearchOptions(leavesToSearch: 4, reorder: 10), recall: 1, meanUs: 9.5, p50Us: 9, p99Us: 12, qps: 1e5)
        (cold.readBytes, cold.majorFaults) = (4096, 1.5)
        let batch = Evaluation(
            recall: 0.5, meanMicroseconds: 1, p50Microseconds: nil, p99Microseconds: nil, queriesPerSecond: 1e6)
        return [cold, EvaluationRow(SearchOptions(exact: true), batch)]
    }

    private static func opening(_ openUs: Double = 1) -> OpeningReport {
        OpeningReport(openUs: openUs, firstAnswerUs: 2, residentBeforeBytes: 3, residentAfterBytes: 4)
    }

    private static func accuracies() -> [AccuracyRow] {
        let accuracy = TopKAccuracy(
            counts: [1, 10], byID: [0.25, 0.5], byScore: [0.25, 1], unknownLabels: 1, seconds: 0.5)
        return [
            AccuracyRow(SearchOptions(exact: true), labels: 4, accuracy, exactSeconds: 0.5),
            AccuracyRow(SearchOptions(leavesToSearch: 2, reorder: 3), labels: 4, accuracy, exactSeconds: 2),
        ]
    }
}
