import Foundation
import TestSupport
import Testing

@testable import EmbeddingInput

/// The committed file `name`, which `Fixtures/make_fixtures.py` wrote.
func fixture(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)").path
}

extension TemporaryDirectory {
    /// A named pipe into which a thread writes `content` once it is read, and then nothing.
    ///
    /// No process does that: one that waits for a reader in vain would outlive the tests, and who waits for the end of their
    /// output would wait for ever.
    func pipe(
        _ content: [UInt8], named name: String = "pipe-\(UUID().uuidString)", pause: Double = 0
    ) throws -> String {
        let file = path + "/" + name
        try #require(unsafe mkfifo(file, 0o600) == 0)
        Thread.detachNewThread {
            // Who reads may be gone by then, which is no reason to end the tests.
            var signals = sigset_t()
            _ = unsafe (sigemptyset(&signals), sigaddset(&signals, SIGPIPE), pthread_sigmask(SIG_BLOCK, &signals, nil))
            guard let writer = FileHandle(forWritingAtPath: file) else { return }
            Thread.sleep(forTimeInterval: pause)
            try? writer.write(contentsOf: Data(content))
            try? writer.close()
        }
        return file
    }
}

/// What `make_fixtures.py` calls the grid.
let gridRows = (0..<5).map { row in (0..<3).map { column in Float(3 * row + column) / 4 - 1.5 } }
let unsignedRows = (0..<5).map { row in (0..<3).map { column in Float(20 * row + column) } }
let signedRows = unsignedRows.map { $0.map { $0 - 50 } }

/// All rows, read `batch` at a time.
func readAll(_ reader: VectorReader, batch: Int = 2) throws -> [[Float]] {
    var rows: [[Float]] = []
    var buffer = [Float](repeating: .nan, count: batch * reader.dimensions)
    while case let count = try reader.read(into: &buffer, maxRows: batch), count > 0 {
        for row in 0..<count {
            rows.append(Array(buffer[row * reader.dimensions..<(row + 1) * reader.dimensions]))
        }
    }
    return rows
}

/// The error of opening and reading everything; the test fails when there is none.
func inputError(_ body: () throws -> Void) throws -> InputError {
    do {
        try body()
    } catch let error as InputError {
        return error
    }
    Issue.record("expected an InputError")
    return InputError(.cancelled, file: "", "no error")
}

func openError(
    _ paths: [String], format: VectorFileFormat? = nil, tensor: String? = nil
) throws -> InputError {
    try inputError { _ = try readAll(try VectorReader.open(paths, format: format, tensor: tensor)) }
}

/// A `.npy` file of version 1 with the dictionary `dictionary`.
func npyFile(_ dictionary: String, data: [UInt8], version: [UInt8] = [1, 0]) -> [UInt8] {
    let header = Array((dictionary + "\n").utf8)
    let length = version[0] == 1 ? littleEndianBytes(UInt16(header.count)) : littleEndianBytes(UInt32(header.count))
    return NPYHeader.magic + version + length + header + data
}

/// A `.safetensors` file with the header `header`.
func safetensorsFile(_ header: String, data: [UInt8]) -> [UInt8] {
    littleEndianBytes(UInt64(header.utf8.count)) + Array(header.utf8) + data
}

/// A small generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
