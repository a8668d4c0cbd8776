import Foundation
import TestSupport
import Testing

@testable import EmbeddingInput

@Suite struct BadBinaryInputTests {
    @Test func `a missing file is not found`() throws {
        let error = try openError(["/nonexistent/items.npy"])
        #expect(error.code == .notFound)
        #expect(error.file == "/nonexistent/items.npy")
    }

    @Test func `no file at all is refused`() throws {
        #expect(try openError([]).code == .notFound)
    }

    @Test(arguments: VectorFileFormat.allCases)
    func `an empty file is refused in every format`(format: VectorFileFormat) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("empty.\(format.rawValue)", "")
        #expect(try openError([path]).code == .empty)
    }

    @Test func `a directory is refused`() throws {
        let directory = try TemporaryDirectory()
        let error = try openError([directory.path])
        #expect(error.code == .notAFile)
        #expect(error.message.contains("directory"))
    }

    @Test func `a device is refused`() throws {
        #expect(try openError(["/dev/null"]).code == .notAFile)
    }

    @Test(arguments: [
        ("bad-fortran.npy", "numpy.ascontiguousarray"), ("bad-object.npy", "object"),
        ("bad-structured.npy", "structured"),
        ("bad-one-dimension.npy", "reshape(1, -1)"), ("bad-three-dimensions.npy", "(2, 2, 2)"),
        ("bad-int64.npy", "astype('float32')"), ("bad-zero-dimensions.npy", "0 dimensions"),
    ])
    func `arrays that cannot be rows of floats are refused with a remedy`(name: String, text: String) throws {
        let error = try openError([fixture(name)])
        #expect(error.code == .unsupported)
        #expect(error.message.contains(text), "\(error)")
    }

    @Test func `dimension 65,536 is refused in every binary format`() throws {
        let directory = try TemporaryDirectory()
        let data = [UInt8](repeating: 0, count: 65_536)
        let files: [(String, [UInt8])] = [
            ("x.npy", npyFile("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 65536), }", data: data)),
            ("x.u8bin", littleEndianBytes(UInt32(1)) + littleEndianBytes(UInt32(65_536)) + data),
            ("x.bvecs", littleEndianBytes(UInt32(65_536)) + data),
            (
                "x.safetensors",
                safetensorsFile(#"{"x":{"dtype":"U8","shape":[1,65536],"data_offsets":[0,65536]}}"#, data: data)
            ),
        ]
        for (name, content) in files {
            let error = try openError([try directory.write(name, content)])
            #expect(error.code == .unsupported)
            #expect(error.message.contains("65,536 dimensions"), "\(error)")
        }
    }

    @Test func `dimension 0 is refused in every binary format`() throws {
        let directory = try TemporaryDirectory()
        let zeros = [UInt8](repeating: 0, count: 8)
        let files: [(String, [UInt8])] = [
            ("x.fbin", zeros), ("x.u8bin", zeros), ("x.i8bin", zeros), ("x.fvecs", zeros), ("x.bvecs", zeros),
            ("x.safetensors", safetensorsFile(#"{"x":{"dtype":"U8","shape":[1,0],"data_offsets":[0,0]}}"#, data: [])),
        ]
        for (name, content) in files {
            let error = try openError([try directory.write(name, content)])
            #expect(error.code == .unsupported)
            #expect(error.message.contains("0 dimensions"), "\(error)")
        }
    }

    @Test(arguments: [
        "grid-f4-little.npy", "grid-f8-big.npy", "grid-u1.npy", "grid.fbin", "grid.u8bin", "grid.fvecs", "grid.bvecs",
        "one.safetensors",
    ])
    func `every truncation is refused, and so is one byte too many`(name: String) throws {
        let directory = try TemporaryDirectory()
        let whole = try bytes(of: fixture(name))
        for length in 1..<whole.count {
            let path = try directory.write("cut-\(name)", Array(whole[..<length]))
            // Rows that tell their own lengths can be cut between two of them without a trace.
            let perRow = ["grid.fvecs": 16, "grid.bvecs": 7][name]
            if let perRow, length.isMultiple(of: perRow) { continue }
            let code = try openError([path]).code
            #expect(code == .truncated || (length < 6 && code == .malformed), "cut to \(length) bytes")
        }
        let longer = try openError([try directory.write("long-\(name)", whole + [0])])
        #expect(longer.code == (name.hasSuffix("vecs") ? .truncated : .malformed))
        #expect(longer.message.contains("1 bytes"), "\(longer)")
    }

    @Test func `a wrong magic is refused`() throws {
        let directory = try TemporaryDirectory()
        var content = try bytes(of: fixture("grid-f4-little.npy"))
        content[1] = UInt8(ascii: "n")
        let error = try openError([try directory.write("x.npy", content)])
        #expect(error.code == .malformed)
        #expect(error.message.contains("NUMPY"))
    }

    @Test(arguments: [[0, 0], [4, 0], [1, 1], [255, 255]] as [[UInt8]])
    func `an unknown version of npy is refused`(version: [UInt8]) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("x.npy", npyFile("{}", data: [], version: version))
        #expect(try openError([path]).code == .unsupported)
    }

    @Test(arguments: [
        "", "{", "{}", "[]", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1)",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), } x",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), 'more': 1}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0, 1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [2, 1]}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999, 1)}",
        "{'descr': '<f4\u{0}', 'fortran_order': False, 'shape': (2, 1)}",
    ])
    func `a header that NumPy does not write is refused`(dictionary: String) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("x.npy", npyFile(dictionary, data: [UInt8](repeating: 0, count: 8)))
        #expect(try openError([path]).code == .malformed)
    }

    @Test(arguments: [
        "{'shape': (2, 1), 'fortran_order': False, 'descr': '<f4'}",
        "{\"descr\":\"<f4\",\"fortran_order\":False,\"shape\":(2,1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 1L), }   ",
    ])
    func `other spellings of the same header are read`(dictionary: String) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("x.npy", npyFile(dictionary, data: littleEndianBytes([5, 6])))
        #expect(try readAll(VectorReader.open([path])) == [[5], [6]])
    }

    @Test func `sizes whose product overflows are refused`() throws {
        let directory = try TemporaryDirectory()
        let files: [(String, [UInt8])] = [
            (
                "x.npy",
                npyFile(
                    "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 8)}",
                    data: [UInt8](repeating: 0, count: 64))
            ),
            ("x.fbin", littleEndianBytes(UInt32.max) + littleEndianBytes(UInt32(65_535)) + [0, 0, 0, 0]),
            (
                "x.safetensors",
                safetensorsFile(
                    #"{"x":{"dtype":"F64","shape":[2305843009213693952,8],"data_offsets":[0,8]}}"#,
                    data: [UInt8](repeating: 0, count: 8))
            ),
        ]
        for (name, content) in files {
            #expect(try openError([try directory.write(name, content)]).code == .truncated)
        }
    }

    @Test func `a header longer than the limits is refused before it is read`() throws {
        let directory = try TemporaryDirectory()
        let npy = NPYHeader.magic + [2, 0] + littleEndianBytes(UInt32.max) + [UInt8](repeating: 0x20, count: 100)
        #expect(try openError([try directory.write("x.npy", npy)]).code == .malformed)
        for length in [UInt64.max, UInt64(Int64.max), 1 << 40] {
            let file = littleEndianBytes(length) + Array("{}".utf8)
            #expect(try openError([try directory.write("x.safetensors", file)]).code == .malformed)
        }
        let file = littleEndianBytes(UInt64(1000)) + Array("{}".utf8)
        #expect(try openError([try directory.write("x.safetensors", file)]).code == .truncated)
    }

    @Test(arguments: ["grid.fvecs", "grid.bvecs"])
    func `a row of another length is named`(name: String) throws {
        let directory = try TemporaryDirectory()
        var content = try bytes(of: fixture(name))
        content[3 * content.count / 5] = 4
        let error = try openError([try directory.write(name, content)])
        #expect(error.code == .malformed)
        #expect(error.row == 3)
        #expect(error.message.contains("4 dimensions where the first row has 3"))
    }

    @Test func `a negative dimension count is refused`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("x.fvecs", littleEndianBytes(Int32(-3)) + [0, 0, 0, 0])
        #expect(try openError([path]).code == .malformed)
    }

    @Test func `tensors are listed when a name is needed or wrong`() throws {
        let many = fixture("many.safetensors")
        let unnamed = try openError([many])
        #expect(unnamed.code == .unsupported)
        #expect(unnamed.message.contains("'f64', 'f16', 'bf16', 'i8', 'u8', 'i64'"), "\(unnamed)")
        let wrong = try openError([many], tensor: "item")
        #expect(wrong.code == .notFound)
        #expect(wrong.message.contains("'bf16'"))
        #expect(try openError([many], tensor: "line").message.contains("[3]"))
        #expect(try openError([many], tensor: "i64").message.contains("'I64'"))
    }

    @Test(arguments: [
        #"[]"#, #"{"x":1}"#, #"{"x":{}}"#, #"{"x":{"dtype":"U8","shape":[1,4],"data_offsets":[4,0]}}"#,
        #"{"x":{"dtype":"U8","shape":[1,-4],"data_offsets":[0,4]}}"#,
        #"{"x":{"dtype":"U8","shape":[1,4.0],"data_offsets":[0,4]}}"#,
        #"{"x":{"dtype":"U8","shape":[1,4],"data_offsets":[0]}}"#,
        #"{"x":{"dtype":"U8","shape":[1,4],"data_offsets":[0,1,4]}}"#,
        #"{"x":{"dtype":"U8","shape":[1,4],"data_offsets":[0,4]},"x":{"dtype":"U8"}}"#,
        #"{"x":{"dtype":"U8","shape":[1,3],"data_offsets":[0,4]}}"#, #"{"x":{"dtype":"U8""#,
    ])
    func `a bad tensor header is refused`(header: String) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("x.safetensors", safetensorsFile(header, data: [1, 2, 3, 4]))
        #expect(try openError([path]).code == .malformed)
    }

    @Test func `unread tensors count towards the file's size`() throws {
        let directory = try TemporaryDirectory()
        let header = """
            {"x":{"dtype":"U8","shape":[1,2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}
            """
        let good = try directory.write("good.safetensors", safetensorsFile(header, data: [1, 2, 3, 4]))
        #expect(try readAll(VectorReader.open([good])) == [[1, 2]])
        let cut = try directory.write("cut.safetensors", safetensorsFile(header, data: [1, 2, 3]))
        #expect(try openError([cut]).code == .truncated)
    }

    @Test func `errors say file, row and numbers`() throws {
        let error = InputError(.malformed, file: "a.tsv", row: 1_234_567, line: 1_234_568, "is wrong")
        #expect(error.description == "a.tsv, line 1,234,568, row 1,234,567: is wrong")
        #expect(quoted([0x61, 0x0A, 0xFF]) == "'a\\u{a}\u{FFFD}'")
    }
}
