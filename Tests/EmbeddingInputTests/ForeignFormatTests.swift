import Foundation
import TestSupport
import Testing

@testable import EmbeddingInput

/// Files that are not read, and what is said of them.
@Suite struct ForeignFormatTests {
    private static let binary: [UInt8] = [0, 1, 2, 3, 0xFF, 0xFE]
    private static let bzip: [UInt8] = Array("BZh9".utf8) + [0x31, 0x41, 0x59] + binary
    private static let hdf: [UInt8] = [0x89] + Array("HDF\r\n".utf8) + [0x1A, 0x0A]

    static let files: [(name: String, bytes: [UInt8], part: String)] = [
        ("x.parquet", Array("PAR1".utf8) + binary, "Parquet"), ("x", Array("PAR1".utf8) + binary, "Parquet"),
        ("x.arrow", Array("ARROW1".utf8) + binary, "Arrow"), ("x.feather", Array("FEA1".utf8) + binary, "Arrow"),
        ("x.h5", hdf, "h5py"), ("x.dat", hdf + binary, "HDF5"), ("x.npz", [0x50, 0x4B, 3, 4] + binary, "numpy.load"),
        ("x.pt", [0x50, 0x4B, 3, 4] + binary, "PyTorch"), ("x.zip", [0x50, 0x4B, 3, 4] + binary, "ZIP"),
        ("x.csv", [0x50, 0x4B, 3, 4] + binary, "ZIP"), ("x.csv.gz", [0x1F, 0x8B, 8] + binary, "gunzip"),
        ("x.csv", [0x1F, 0x8B, 8] + binary, "gunzip"), ("x.zst", [0x28, 0xB5, 0x2F, 0xFD] + binary, "unzstd"),
        ("x.xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0] + binary, "unxz"), ("x.bz2", bzip, "bunzip2"),
        ("x.pkl", [0x80, 4, 0x95] + binary, "pickle"), ("x.bin", [0x80, 4, 0x95] + binary, "pickle"),
        ("x.bin", Array("2 3\nthe ".utf8) + binary, "binary=False"),
        ("x.vec", Array("2 3\nthe ".utf8) + binary, "word2vec"),
        ("x.json", Array("[[1,2],[3,4]]".utf8), ".ndjson"),
        ("x.mat", Array("MATLAB 5.0 MAT-file".utf8) + binary, "loadmat"),
        ("x.bin", Array("MATLAB 5.0 MAT-file".utf8) + binary, "loadmat"),
        ("x.sqlite", Array("SQLite format 3\0".utf8) + binary, "SQLite"),
        ("x.bin", Array("SQLite format 3\0".utf8) + binary, "SQLite"), ("x.tfrecord", binary, "TFRecord"),
    ]

    @Test(arguments: files)
    func `fault 23: a file of another kind is named, with what to do`(
        file: (name: String, bytes: [UInt8], part: String)
    ) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write(file.name, file.bytes)
        let error = try openError([path])
        #expect(error.code == .unsupported)
        #expect(error.message.contains(file.part), "\(error)")
        #expect(!error.message.contains("name it: npy"))
    }

    @Test func `fault 23: ids and metadata of another kind are named too`() throws {
        let directory = try TemporaryDirectory()
        let ids = try directory.write("ids.txt.gz", [0x1F, 0x8B, 8] + Self.binary)
        #expect(try inputError { _ = try IDReader.open(ids) }.message.contains("gunzip"))
        let metadata = try directory.write("movies.parquet", Array("PAR1".utf8) + Self.binary)
        #expect(try inputError { _ = try MetadataReader.open(metadata) }.message.contains("Parquet"))
    }

    @Test(
        arguments: [
            ("gz", [0x1F, 0x8B, 8], "gunzip"), ("parquet", Array("PAR1".utf8), "Parquet"),
            ("npz", [0x50, 0x4B, 3, 4], "array"),
        ] as [(String, [UInt8], String)])
    func `fault 23: ids to exclude and truth of another kind are named too`(
        ending: String, magic: [UInt8], part: String
    ) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("x.\(ending)", magic + Self.binary)
        for error in [try inputError { _ = try IDLists(path) }, try inputError { _ = try OrdinalTable(path) }] {
            #expect(error.code == .unsupported && error.message.contains(part), "\(error)")
        }
    }

    @Test func `fault 23: quoted numbers of a vector are called so`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("x.ndjson", "{\"id\":\"a\",\"vector\":[\"1\",\"2\"]}\n")
        let error = try openError([path])
        #expect(error.message.contains("expected a number") && error.message.contains("without quotes"), "\(error)")
    }

    @Test func `fault 23: text that begins as another kind does is read`() throws {
        let directory = try TemporaryDirectory()
        #expect(try readAll(VectorReader.open([try directory.write("x.csv", "PAR1,BZh\n1,2\n")])) == [[1, 2]])
        #expect(try IDReader.open(try directory.write("ids.txt", "PAR1\nBZh91AY\n")).count() == 2)
        // The dimension count of a headerless file may be any bytes.
        let rows = littleEndianBytes(Int32(0x0480)) + [UInt8](repeating: 0, count: 4 * 0x0480)
        #expect(try VectorReader.open([try directory.write("x.fvecs", rows)]).dimensions == 0x0480)
    }

    @Test func `fault 23: a link that leads nowhere is called so`() throws {
        let directory = try TemporaryDirectory()
        let link = directory.path + "/x.npy"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "gone.npy")
        for error in [
            try openError([link]), try inputError { _ = try IDReader.open(link) },
            try inputError { _ = try ExportManifest.load(directory: link) },
        ] {
            #expect(error.code == .notFound)
            #expect(error.message.contains("is a link to 'gone.npy', where there is nothing"), "\(error)")
        }
    }

    @Test(
        arguments: [
            ("a\nb\n", ["a", "b"], [:]), ("{sic} (1997)\nb\n", ["{sic} (1997)", "b"], [:]),
            ("{\"id\":1}\n", ["{\"id\":1}"], [:]),
            ("{\"query\":0,\"ids\":[],\"x\":1}\n", ["{\"query\":0,\"ids\":[],\"x\":1}"], [:]),
            (
                "{\"query\":0,\"ids\":[\"a\",7]}\n{\"ids\":[18446744073709551616,-1],\"query\":2}\n{\"query\":0,\"ids\":[\"\"]}\n\n",
                [], [0: ["a", "7", ""], 2: ["18446744073709551616", "-1"]]
            ),
            ("", [], [:]),
        ] as [(String, [String], [Int: [String]])])
    func `fault 20: the first line tells which form a list of ids has`(
        text: String, every: [String], single: [Int: [String]]
    ) throws {
        let directory = try TemporaryDirectory()
        let lists = try IDLists(try directory.write("ids", text))
        #expect(lists.everyQuery == every)
        #expect(lists.perQuery == single)
    }

    @Test(arguments: [
        ("{\"query\":-1,\"ids\":[]}\n", 1), ("{\"query\":0,\"ids\":[]}\nb\n", 2), ("{\"query\":0,\"ids\":[1.5]}\n", 1),
        ("{\"query\":0,\"ids\":[]}\n{\"query\":\"0\",\"ids\":[]}\n", 2), ("{\"query\":0,\"ids\":\"a\"}\n", 1),
        ("\n{\"query\":0,\"ids\":[]}\n\n{\"query\":0}\n", 4),
    ])
    func `fault 20: lines of another form than the first are named`(text: String, line: Int) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("ids", text)
        let error = try inputError { _ = try IDLists(path) }
        #expect(error.code == .malformed && error.line == line, "\(error)")
    }
}
