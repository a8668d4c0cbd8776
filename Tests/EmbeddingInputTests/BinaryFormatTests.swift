import TestSupport
import Testing

@testable import EmbeddingInput

@Suite struct BinaryFormatTests {
    @Test(arguments: [
        ("grid-f4-little.npy", VectorElement.float32), ("grid-f4-big.npy", .float32), ("grid-f8-little.npy", .float64),
        ("grid-f8-big.npy", .float64), ("grid-f2-little.npy", .float16), ("grid-f2-big.npy", .float16),
        ("grid-version-1.npy", .float32), ("grid-version-2.npy", .float32), ("grid-version-3.npy", .float32),
        ("grid.fbin", .float32), ("grid.fvecs", .float32), ("one.safetensors", .float32),
    ])
    func `floats of every width and byte order are read`(name: String, element: VectorElement) throws {
        let reader = try VectorReader.open([fixture(name)])
        #expect(reader.dimensions == 3)
        #expect(reader.count == 5)
        #expect(reader.element == element)
        #expect(try readAll(reader) == gridRows)
        #expect(reader.rowsRead == 5)
    }

    @Test(arguments: [
        ("grid-u1.npy", VectorElement.uint8), ("grid.u8bin", .uint8), ("grid.bvecs", .uint8), ("grid-i1.npy", .int8),
        ("grid.i8bin", .int8),
    ])
    func `whole numbers of one byte are read`(name: String, element: VectorElement) throws {
        let reader = try VectorReader.open([fixture(name)])
        #expect(reader.count == 5)
        #expect(reader.element == element)
        #expect(try readAll(reader) == (element == .uint8 ? unsignedRows : signedRows))
    }

    @Test(arguments: [
        ("f64", VectorElement.float64, gridRows), ("f16", .float16, gridRows), ("bf16", .bfloat16, gridRows),
        ("i8", .int8, signedRows), ("u8", .uint8, unsignedRows),
    ])
    func `a tensor is found by its name`(name: String, element: VectorElement, rows: [[Float]]) throws {
        let reader = try VectorReader.open([fixture("many.safetensors")], tensor: name)
        #expect(reader.element == element)
        #expect(try readAll(reader) == rows)
    }

    @Test func `half precision is widened exactly`() throws {
        let expected = String(decoding: try bytes(of: fixture("half-specials.expected.txt")), as: UTF8.self)
            .split(separator: "\n").map { UInt32($0, radix: 16) }
        let values = try readAll(VectorReader.open([fixture("half-specials.npy")]))[0]
        #expect(values.map(\.bitPattern) == expected)
    }

    @Test func `doubles are rounded to the nearest float`() throws {
        let rows = try readAll(VectorReader.open([fixture("double-tenths.npy")]))
        #expect(rows == [[0.1, 1 / 3, Float(bitPattern: 71_362)], [1e38, -2.5e-7, 123456789.123]])
    }

    @Test func `rows with finite doubles that become infinite are reported`() throws {
        let reader = try VectorReader.open([fixture("double-overflow.npy")])
        var buffer = [Float](repeating: 0, count: 6)
        #expect(try reader.read(into: &buffer, maxRows: 3) == 3)
        #expect(reader.overflowedRows == [1])
        #expect(buffer == [1, 2, .infinity, 0, .infinity, 0])
        #expect(try reader.read(into: &buffer, maxRows: 3) == 1)
        #expect(reader.overflowedRows == [0])
    }

    @Test func `the first double that overflows is the midpoint above the largest float`() throws {
        let directory = try TemporaryDirectory()
        let doubles = [Double(0x1.ffffffp127).nextDown, 0x1.ffffffp127, -0x1.ffffffp127]
        let path = try directory.write(
            "x.npy",
            npyFile(
                "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 1), }",
                data: doubles.flatMap { littleEndianBytes($0.bitPattern) }))
        let reader = try VectorReader.open([path])
        #expect(try readAll(reader, batch: 3) == [[.greatestFiniteMagnitude], [.infinity], [-.infinity]])
        var buffer = [Float](repeating: 0, count: 3)
        try reader.rewind()
        #expect(try reader.read(into: &buffer, maxRows: 3) == 3)
        #expect(reader.overflowedRows == [1, 2])
    }

    @Test func `zero rows are allowed where the header tells the dimensions`() throws {
        let directory = try TemporaryDirectory()
        let empty = try directory.write("zero.fbin", littleEndianBytes(UInt32(0)) + littleEndianBytes(UInt32(7)))
        for (path, dimensions) in [(fixture("zero-rows.npy"), 3), (empty, 7)] {
            let reader = try VectorReader.open([path])
            #expect(reader.count == 0)
            #expect(reader.dimensions == dimensions)
            #expect(try readAll(reader).isEmpty)
        }
    }

    @Test(arguments: [1, 3, 4, 5, 100])
    func `a long input is the same in batches of any size`(batch: Int) throws {
        let directory = try TemporaryDirectory()
        let values = (0..<70_001).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 256) }
        let path = try directory.write(
            "x.u8bin", littleEndianBytes(UInt32(7_000)) + littleEndianBytes(UInt32(10)) + values.dropLast(1))
        let rows = try readAll(VectorReader.open([path]), batch: batch * 1000)
        #expect(rows.flatMap { $0 } == values.dropLast(1).map(Float.init))
    }

    @Test func `a buffer's part that is not read stays as it was`() throws {
        let reader = try VectorReader.open([fixture("grid-f4-little.npy")])
        var buffer = [Float](repeating: 77, count: 24)
        #expect(try reader.read(into: &buffer, maxRows: 8) == 5)
        #expect(buffer[..<15].elementsEqual(gridRows.flatMap { $0 }))
        #expect(buffer[15...].allSatisfy { $0 == 77 })
        #expect(try reader.read(into: &buffer, maxRows: 8) == 0)
    }

    @Test func `the largest dimension is read`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write(
            "x.u8bin",
            littleEndianBytes(UInt32(2)) + littleEndianBytes(UInt32(65_535)) + [UInt8](repeating: 9, count: 131_070))
        let rows = try readAll(VectorReader.open([path]), batch: 1)
        #expect(rows.count == 2)
        #expect(rows[1].allSatisfy { $0 == 9 })
    }
}
