/// Files that people have embeddings in and that are not read here, so that a message can say how to get at the numbers.
enum ForeignFormat {
    private struct Kind {
        var magic: [UInt8] = []
        var endings: [String] = []
        /// What such a file is, and what to do with it.
        var message: String
    }

    private static let saveArray = "save the vectors with numpy.save, as an array of float32"

    /// In the order of looking: the first whose magic number or ending fits.
    private static let kinds: [Kind] = [
        Kind(
            magic: Array("PAR1".utf8), endings: ["parquet"],
            message: "is a Parquet file, which is not read; \(saveArray)"),
        Kind(
            magic: Array("ARROW1".utf8), endings: ["arrow", "feather"],
            message: "is an Arrow file, which is not read; \(saveArray)"),
        Kind(magic: Array("FEA1".utf8), message: "is a Feather file, which is not read; \(saveArray)"),
        Kind(
            magic: [0x89] + Array("HDF\r\n".utf8) + [0x1A, 0x0A], endings: ["h5", "hdf5", "hdf"],
            message: "is an HDF5 file, which is not read; open it with h5py and \(saveArray)"),
        Kind(
            endings: ["npz"],
            message: "is a NumPy archive of several arrays; save one of them: "
                + "numpy.save('vectors.npy', numpy.load('….npz')['name'])"),
        Kind(
            endings: ["pt", "pth"],
            message:
                "is a PyTorch file, which is not read; save its tensor with numpy.save('vectors.npy', tensor.numpy())"
        ),
        Kind(
            magic: [0x50, 0x4B, 0x03, 0x04], endings: ["zip"],
            message: "is a ZIP archive, as numpy.savez and torch.save also write; unpack it, or \(saveArray)"),
        Kind(
            magic: [0x1F, 0x8B], endings: ["gz", "tgz"],
            message: "is compressed with gzip; unpack it with gunzip first"),
        Kind(
            magic: [0x28, 0xB5, 0x2F, 0xFD], endings: ["zst"],
            message: "is compressed with Zstandard; unpack it with unzstd first"),
        Kind(
            magic: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], endings: ["xz"],
            message: "is compressed with xz; unpack it with unxz first"),
        Kind(
            magic: Array("BZh".utf8), endings: ["bz2"],
            message: "is compressed with bzip2; unpack it with bunzip2 first"),
        Kind(
            magic: Array("SQLite format 3\0".utf8), endings: ["sqlite", "sqlite3", "db"],
            message: "is an SQLite database, which is not read; select the vectors from it and \(saveArray)"),
        Kind(
            magic: Array("MATLAB 5.0 MAT-file".utf8), endings: ["mat"],
            message: "is a MATLAB file, which is not read; open it with scipy.io.loadmat and \(saveArray)"),
        Kind(
            endings: ["tfrecord", "tfrecords"],
            message: "is a TFRecord file, which is not read; read it with tf.data.TFRecordDataset and \(saveArray)"),
        Kind(
            endings: ["json"],
            message:
                "is a JSON document, which is not read; write its rows as lines, {\"id\": …, \"vector\": […]} each, "
                + "into a file that ends with .ndjson"),
        Kind(endings: ["pkl", "pickle", "joblib"], message: pickle),
    ]

    private static let pickle = "is a Python pickle, which only Python can read; load it there and \(saveArray)"
    private static let binaryWords =
        "is a binary file of word2vec, which is not read; save it as text: "
        + "model.save_word2vec_format('vectors.vec', binary=False)"

    /// Formats whose first bytes are a number that may look like anything.
    private static let headless: [String] = ["fbin", "u8bin", "i8bin", "fvecs", "bvecs", "safetensors"]

    /// What is looked at of a file.
    static let headByteCount = 64

    /// Throws what the file is, when it is known not to be read.
    ///
    /// - Parameters:
    ///   - head: its first `headByteCount` bytes, or all of a shorter one.
    ///   - ending: what stands behind the last point of its name.
    static func refuse(_ file: InputFile, head: [UInt8], ending: String?) throws(InputError) {
        if let ending, headless.contains(ending) { return }
        if let message = message(head, ending) { throw InputError(.unsupported, file: file.name, message) }
    }

    private static func message(_ head: [UInt8], _ ending: String?) -> String? {
        // An ending that names an archive's content says more than the archive's magic number.
        for kind in kinds where ending.map(kind.endings.contains) == true { return kind.message }
        // Text may begin with 'PAR1' or 'BZh', but holds no such bytes.
        guard isBinary(head) else { return nil }
        for kind in kinds where !kind.magic.isEmpty && head.starts(with: kind.magic) { return kind.message }
        if head.count > 2, head[0] == 0x80, (2...5).contains(head[1]) { return pickle }
        return beginsWithCounts(head) ? binaryWords : nil
    }

    /// Two numbers on a line.
    private static func beginsWithCounts(_ head: [UInt8]) -> Bool {
        guard let lineEnd = head.firstIndex(of: UInt8(ascii: "\n")) else { return false }
        let numbers = head[..<lineEnd].split(separator: UInt8(ascii: " "))
        return numbers.count == 2 && numbers.allSatisfy { $0.allSatisfy(isDigit) }
    }

    /// Whether the bytes are no text, which may be cut inside its last character.
    private static func isBinary(_ bytes: [UInt8]) -> Bool {
        bytes.contains { $0 < 0x09 }
            || !(0...min(3, bytes.count)).contains { isValidUTF8(bytes, 0..<bytes.count - $0) }
    }
}
