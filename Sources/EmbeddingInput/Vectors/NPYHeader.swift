import FileSystem

/// The header of NumPy's array file: magic, version, and a Python dictionary with `descr`, `fortran_order` and `shape`.
///
/// - SeeAlso: NEP 1 and `numpy.lib.format`.
enum NPYHeader {
    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    /// The longest dictionary accepted. Version 1 cannot have more than 64 KiB; versions 2 and 3 could claim 4 GiB.
    static let byteLimit = 1 << 20

    /// What the dictionary says, and where the array begins.
    struct Fields {
        /// `nil` for a structured dtype.
        var descr: String?
        var shape: [UInt64]
        var isFortranOrder: Bool
        var byteOffset: Int
    }

    /// Reads the header and checks that the file holds exactly the array of vectors that it announces.
    static func layout(of file: InputFile) throws(InputError) -> ArrayLayout {
        let fields = try fields(of: file)
        let (element, isBigEndian) = try elementType(fields.descr, file: file.name)
        let (rows, dimensions) = try matrixShape(fields, file: file.name)
        return try ArrayLayout(
            rows: rows, dimensions: dimensions, element: element, isBigEndian: isBigEndian,
            byteOffset: fields.byteOffset, availableByteCount: file.byteCount - fields.byteOffset, file: file.name)
    }

    /// The bytes of a whole file of vectors, from its beginning.
    static func byteCount(announcedBy beginning: InputFile) throws(InputError) -> Int {
        let fields = try fields(of: beginning)
        let (element, _) = try elementType(fields.descr, file: beginning.name)
        let (rows, dimensions) = try matrixShape(fields, file: beginning.name)
        guard rows <= VectorReader.rowLimit else { throw VectorReader.tooManyRows(rows, file: beginning.name) }
        let width = try checkedDimensions(dimensions, file: beginning.name) * element.byteCount
        return fields.byteOffset + Int(rows) * width
    }

    /// Reads the header of any array.
    static func fields(of file: InputFile) throws(InputError) -> Fields {
        let preamble = try file.prefix(12)
        guard preamble.starts(with: magic) else {
            throw InputError(
                .malformed, file: file.name,
                "does not begin with NumPy's magic \\x93NUMPY but with \(quoted(preamble.prefix(6))); "
                    + "was it written by numpy.save?")
        }
        guard preamble.count == 12 else {
            throw InputError(.truncated, file: file.name, "ends inside the header; write or copy the file again")
        }
        let (major, minor) = (preamble[6], preamble[7])
        guard (1...3).contains(major), minor == 0 else {
            throw InputError(
                .unsupported, file: file.name,
                "has .npy version \(major).\(minor); versions 1.0, 2.0 and 3.0 are read")
        }
        let dictionaryStart = major == 1 ? 10 : 12
        let length = Int(littleEndian(preamble[8..<dictionaryStart]))
        guard length <= byteLimit else {
            throw InputError(
                .malformed, file: file.name,
                "announces a header of \(grouped(length)) bytes; at most \(grouped(byteLimit)) are accepted")
        }
        let head = try file.prefix(dictionaryStart + length)
        guard head.count == dictionaryStart + length else {
            throw InputError(
                .truncated, file: file.name,
                "announces a header that ends at byte \(grouped(dictionaryStart + length)), "
                    + "but has \(grouped(head.count)) bytes; write or copy the file again")
        }

        var literal = PythonLiteral(bytes: head, position: dictionaryStart)
        guard let fields = literal.header() else {
            throw InputError(
                .malformed, file: file.name,
                "has a header that is not the dictionary numpy.save writes, at byte \(grouped(literal.position)): "
                    + quoted(head[literal.position...]))
        }
        return Fields(
            descr: fields.descr, shape: fields.shape, isFortranOrder: fields.isFortranOrder, byteOffset: head.count)
    }

    /// The two lengths of a row-major matrix.
    static func matrixShape(_ fields: Fields, file: String) throws(InputError) -> (rows: UInt64, columns: UInt64) {
        let shape = "(" + fields.shape.map { "\($0)" }.joined(separator: ", ") + ")"
        guard fields.shape.count == 2 else {
            let remedy =
                fields.shape.count == 1
                ? "one vector is a.reshape(1, -1), many of one dimension a.reshape(-1, 1)"
                : "save one row per vector"
            throw InputError(
                .unsupported, file: file,
                "has the shape \(shape) where (rows, dimensions) is needed; \(remedy)")
        }
        guard !fields.isFortranOrder else {
            throw InputError(
                .unsupported, file: file,
                "is stored in Fortran order (columns first); save numpy.ascontiguousarray(a) instead")
        }
        return (fields.shape[0], fields.shape[1])
    }

    private static func elementType(
        _ descr: String?, file: String
    ) throws(InputError) -> (element: VectorElement, isBigEndian: Bool) {
        guard let descr else {
            throw InputError(
                .unsupported, file: file,
                "has a structured dtype; save one field of numbers, a['name'].astype('float32')")
        }
        let isBigEndian = descr.first == ">"
        switch (descr.first, descr.dropFirst()) {
        case ("<", "f4"), (">", "f4"): return (.float32, isBigEndian)
        case ("<", "f8"), (">", "f8"): return (.float64, isBigEndian)
        case ("<", "f2"), (">", "f2"): return (.float16, isBigEndian)
        case ("|", "i1"), ("<", "i1"), (">", "i1"): return (.int8, false)
        case ("|", "u1"), ("<", "u1"), (">", "u1"): return (.uint8, false)
        case (_, let kind) where kind.first == "O":
            throw InputError(
                .unsupported, file: file,
                "has the dtype object, which holds Python pickles; save numpy.stack(a).astype('float32')")
        default:
            throw InputError(
                .unsupported, file: file,
                "has the dtype \(quoted(descr.utf8)); f4, f8, f2, i1 and u1 are read: save a.astype('float32')")
        }
    }
}

/// A reader of the one Python dictionary that NumPy writes; everything else is refused.
private struct PythonLiteral {
    struct Header {
        /// `nil` for a structured dtype.
        var descr: String?
        var isFortranOrder: Bool
        var shape: [UInt64]
    }

    let bytes: [UInt8]
    var position: Int

    /// The dictionary, which must reach to the end; `nil` with the position at what is wrong.
    mutating func header() -> Header? {
        var descr: String??
        var isFortranOrder: Bool?
        var shape: [UInt64]?
        guard skip("{") else { return nil }
        while !skip("}") {
            guard let key = string(), skip(":") else { return nil }
            switch key {
            case "descr" where descr == nil:
                if peek() == UInt8(ascii: "[") {
                    // A structured dtype: nothing in it can be read here, so the rest does not matter.
                    return Header(descr: nil, isFortranOrder: false, shape: [])
                }
                guard let text = string() else { return nil }
                descr = .some(text)
            case "fortran_order" where isFortranOrder == nil:
                if skipWord("True") {
                    isFortranOrder = true
                } else if skipWord("False") {
                    isFortranOrder = false
                } else {
                    return nil
                }
            case "shape" where shape == nil:
                shape = tuple()
                if shape == nil { return nil }
            default:
                return nil
            }
            if !skip(",") {
                guard skip("}") else { return nil }
                break
            }
        }
        guard peek() == nil, let descr, let isFortranOrder, let shape else { return nil }
        return Header(descr: descr, isFortranOrder: isFortranOrder, shape: shape)
    }

    private mutating func peek() -> UInt8? {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\t"), UInt8(ascii: "\r"): position += 1
            case let byte: return byte
            }
        }
        return nil
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipWord(_ word: String) -> Bool {
        guard peek() != nil, bytes[position...].starts(with: word.utf8) else { return false }
        position += word.utf8.count
        return true
    }

    private mutating func string() -> String? {
        guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { return nil }
        let start = position + 1
        guard let close = bytes[start...].prefix(64).firstIndex(of: quote) else { return nil }
        let content = bytes[start..<close]
        guard content.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else { return nil }
        position = close + 1
        return String(decoding: content, as: UTF8.self)
    }

    /// `()`, `(3,)`, `(3, 4)`, of at most 32 numbers; Python 2 wrote `3L`.
    private mutating func tuple() -> [UInt64]? {
        guard skip("(") else { return nil }
        var numbers: [UInt64] = []
        while !skip(")") {
            guard numbers.count < 32, let first = peek(), isDigit(first) else { return nil }
            var number: UInt64 = 0
            while position < bytes.count, isDigit(bytes[position]) {
                let (tens, overflowsTimes) = number.multipliedReportingOverflow(by: 10)
                let (sum, overflowsPlus) = tens.addingReportingOverflow(UInt64(bytes[position] &- 48))
                if overflowsTimes || overflowsPlus { return nil }
                number = sum
                position += 1
            }
            _ = skip("L")
            numbers.append(number)
            if !skip(",") {
                guard skip(")") else { return nil }
                break
            }
        }
        return numbers
    }
}
