import TestSupport
import Testing

@testable import EmbeddingInput

@Suite struct ValidationTests {
    private func check(
        _ rows: [[Float]], zeroVectors: Bool = true, overflowed: [Int] = []
    ) -> VectorValidation {
        var validation = VectorValidation(dimensions: rows[0].count, refusesZeroVectors: zeroVectors)
        let floats = rows.flatMap { $0 }
        validation.check(floats.span, rowCount: rows.count, overflowedRows: overflowed)
        return validation
    }

    @Test(
        arguments: [
            ([1, .nan], VectorValidation.Problem.notANumber(column: 1)),
            ([1, -.nan], .notANumber(column: 1)),
            ([.infinity, 1], .infinity(column: 0)),
            ([1, -.infinity], .infinity(column: 1)),
            ([.infinity, .nan], .notANumber(column: 1)),
            ([3e19, 0], .squaredNormOverflow),
            ([-1.4e19, 1.4e19], .squaredNormOverflow),
            ([0, -0.0], .zeroVector),
            ([1e-30, 0], .squaredNormUnderflow),
        ] as [([Float], VectorValidation.Problem)])
    func `every problem is found`(row: [Float], problem: VectorValidation.Problem) {
        let validation = check([[1, 2], row, [3, 4]])
        #expect(validation.first?.row == 1)
        #expect(validation.first?.problem == problem)
        #expect(validation.badRowCount == 1)
        #expect(validation.rowCount == 3)
    }

    @Test(arguments: [[1.2e19, 1.2e19], [1.8e19, 0], [1.1e-19, 0], [1, 1e-37]] as [[Float]])
    func `rows just inside the limits are good`(row: [Float]) {
        #expect(check([row]).first == nil)
        #expect(check([row], zeroVectors: false).first == nil)
    }

    @Test func `zero vectors are good unless they are refused`() {
        #expect(check([[0, 0], [1e-30, 0]], zeroVectors: false).first == nil)
        #expect(check([[0, 0], [1e-30, 0]]).badRowCount == 2)
    }

    @Test func `an overflow is no infinity`() {
        let validation = check([[1, 1], [.infinity, 0], [.infinity, 0]], overflowed: [1])
        #expect(validation.first?.problem == .overflow)
        #expect(validation.badRowCount == 2)
    }

    @Test func `a bad value is found in every column of a long row`() {
        for column in 0..<257 {
            var row = [Float](repeating: 1, count: 257)
            row[column] = .nan
            #expect(check([row]).first?.problem == .notANumber(column: column))
        }
    }

    @Test func `the error names file, row, problem and count`() throws {
        let directory = try TemporaryDirectory()
        let second = try directory.write("second.tsv", "1\t2\t3\n0\t1e39\t0\nnan\t0\t0\n")
        let reader = try VectorReader.open([fixture("grid.tsv"), second])
        var validation = VectorValidation(dimensions: 3, refusesZeroVectors: false)
        var buffer = [Float](repeating: 0, count: 12)
        while case let rows = try reader.read(into: &buffer, maxRows: 4), rows > 0 {
            validation.check(buffer.span, rowCount: rows, overflowedRows: reader.overflowedRows)
        }
        let error = try inputError { try validation.throwIfBad(in: reader) }
        #expect(error.code == .invalidValue)
        #expect(error.file == second)
        #expect(error.row == 6)
        #expect(error.badRowCount == 2)
        #expect(
            error.message
                == "a number overflows f32 (its magnitude is above 3.4028235e38) (row 1 of this file); "
                + "2 of 8 rows cannot be used: correct or remove them")
    }

    @Test(arguments: [
        ("nan\t0", "column 0 is NaN"), ("1\tinf", "column 1 is infinite"), ("3e19\t0", "above 3.4028235e38"),
        ("0\t0", "no direction"), ("1e-30\t0", "too small"),
    ])
    func `every problem has its words`(row: String, words: String) throws {
        let directory = try TemporaryDirectory()
        let reader = try VectorReader.open([try directory.write("x.tsv", row + "\n")])
        var buffer = [Float](repeating: 0, count: 2)
        #expect(try reader.read(into: &buffer, maxRows: 1) == 1)
        var validation = VectorValidation(dimensions: 2, refusesZeroVectors: true)
        validation.check(buffer.span, rowCount: 1)
        let error = try inputError { try validation.throwIfBad(in: reader) }
        #expect(error.message.contains(words) && !error.message.contains("of this file"))
    }

    @Test func `good rows throw nothing`() throws {
        let reader = try VectorReader.open([fixture("grid.tsv")])
        var validation = VectorValidation(dimensions: 3, refusesZeroVectors: true)
        let floats = try readAll(reader).flatMap { $0 }
        validation.check(floats.span, rowCount: 5)
        try validation.throwIfBad(in: reader)
    }
}
