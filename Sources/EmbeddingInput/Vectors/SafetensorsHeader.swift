import FileSystem

/// The header of a `.safetensors` file: a u64 length and a JSON object that describes every tensor.
///
/// - SeeAlso: github.com/huggingface/safetensors, *Format*.
enum SafetensorsHeader {
    /// The longest header accepted: 16 MiB, some hundred times what large models have.
    static let byteLimit = 16 << 20

    /// Finds the tensor `name`, or the only two-dimensional one.
    static func layout(of file: InputFile, tensor name: String?) throws(InputError) -> ArrayLayout {
        let head = try file.prefix(8)
        guard head.count == 8 else {
            throw InputError(
                .truncated, file: file.name,
                "has \(grouped(head.count)) bytes, but the header's length alone takes 8; write or copy it again")
        }
        let length = littleEndian(head)
        guard length <= UInt64(byteLimit) else {
            throw InputError(
                .malformed, file: file.name,
                "announces a header of \(grouped(length)) bytes; at most \(grouped(byteLimit)) are accepted")
        }
        guard length <= UInt64(file.byteCount - 8) else {
            throw InputError(
                .truncated, file: file.name,
                "announces a header of \(grouped(length)) bytes, but has \(grouped(file.byteCount - 8)) behind its "
                    + "length; write or copy the file again")
        }
        var text = [UInt8](repeating: 0, count: Int(length))
        try file.read(into: &text, count: text.count, offset: 8)
        return try SafetensorsTensors(text, file: file).layout(of: name)
    }
}

/// The tensors that a header names.
private struct SafetensorsTensors {
    private struct Tensor {
        var dtype: String
        var shape: [UInt64]
        var begin: UInt64
        var end: UInt64
    }

    private let document: JSONDocument
    private let file: InputFile
    private let dataStart: Int

    init(_ text: [UInt8], file: InputFile) throws(InputError) {
        self.file = file
        dataStart = 8 + text.count
        do throws(JSONFailure) {
            document = try JSONDocument(parsing: text)
        } catch {
            throw InputError(
                .malformed, file: file.name, "has a bad header at byte \(grouped(8 + error.offset)): \(error.message)")
        }
        guard document.kind(document.root) == .object else {
            throw InputError(.malformed, file: file.name, "has a header that is not a JSON object")
        }
    }

    /// Checks every tensor, and that together they fill the file; picks the one that is wanted.
    func layout(of wanted: String?) throws(InputError) -> ArrayLayout {
        var candidates: [String] = []  // two-dimensional tensors, as many as a message shows
        var candidateCount = 0
        var chosen: Tensor?
        var dataEnd: UInt64 = 0
        var failure: InputError?
        document.forEachMember(of: document.root) { key, value in
            let name = document.unescaped(key)
            if name == "__metadata__" { return true }
            do throws(InputError) {
                let tensor = try parse(value, name: name)
                dataEnd = max(dataEnd, tensor.end)
                if tensor.shape.count == 2 {
                    candidateCount += 1
                    if candidates.count < 10 { candidates.append(name) }
                    if wanted == nil { chosen = tensor }
                }
                if wanted?.utf8.elementsEqual(name.utf8) == true { chosen = tensor }
                return true
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
        try checkSize(dataEnd)

        let list = candidates.map { "'\($0)'" }.joined(separator: ", ") + (candidateCount > 10 ? ", …" : "")
        guard wanted != nil || candidateCount == 1 else {
            throw InputError(
                .unsupported, file: file.name, remedy: candidateCount == 0 ? nil : .tensor,
                candidateCount == 0
                    ? "has no two-dimensional tensor"
                    : "has \(grouped(candidateCount)) two-dimensional tensors; name one of them: \(list)")
        }
        guard let chosen else {
            throw InputError(
                .notFound, file: file.name,
                // unreached: without a name there is one candidate, which was chosen
                "has no tensor '\(wanted ?? "")'; its two-dimensional tensors are: \(list.isEmpty ? "none" : list)")
        }
        return try layout(chosen, name: wanted ?? candidates[0])
    }

    private func checkSize(_ dataEnd: UInt64) throws(InputError) {
        let available = UInt64(file.byteCount - dataStart)
        if dataEnd > available {
            throw InputError(
                .truncated, file: file.name,
                "announces \(grouped(dataEnd)) bytes of tensors but has \(grouped(available)); "
                    + "write or copy the file again")
        }
        if dataEnd < available {
            throw InputError(
                .malformed, file: file.name,
                "has \(grouped(available - dataEnd)) bytes behind its last tensor; write or copy the file again")
        }
    }

    private func layout(_ tensor: Tensor, name: String) throws(InputError) -> ArrayLayout {
        let element: VectorElement
        switch tensor.dtype {
        case "F32": element = .float32
        case "F64": element = .float64
        case "F16": element = .float16
        case "BF16": element = .bfloat16
        case "I8": element = .int8
        case "U8": element = .uint8
        default:
            throw InputError(
                .unsupported, file: file.name,
                "has the tensor '\(name)' of type \(quoted(tensor.dtype.utf8)); F32, F64, F16, BF16, I8 and U8 are read"
            )
        }
        guard tensor.shape.count == 2 else {
            let shape = tensor.shape.map { "\($0)" }.joined(separator: ", ")
            throw InputError(
                .unsupported, file: file.name,
                "has the tensor '\(name)' of shape [\(shape)] where [rows, dimensions] is needed")
        }
        return try ArrayLayout(
            rows: tensor.shape[0], dimensions: tensor.shape[1], element: element,
            byteOffset: dataStart + Int(tensor.begin), availableByteCount: Int(tensor.end - tensor.begin),
            file: file.name)
    }

    /// - Returns: a tensor with `begin <= end`; both are compared with the file's size by `checkSize`.
    private func parse(_ value: Range<Int>, name: String) throws(InputError) -> Tensor {
        guard let dtype = document.member("dtype", of: value).flatMap({ document.string($0) }),
            let shape = document.member("shape", of: value).flatMap({ numbers($0, limit: 64) }),
            let offsets = document.member("data_offsets", of: value).flatMap({ numbers($0, limit: 2) }),
            offsets.count == 2, offsets[0] <= offsets[1]
        else {
            throw InputError(
                .malformed, file: file.name,
                "has a header in which \(quoted(name.utf8)) is not a tensor: "
                    + "\"dtype\", \"shape\" and two rising \"data_offsets\" are needed")
        }
        return Tensor(dtype: dtype, shape: shape, begin: offsets[0], end: offsets[1])
    }

    private func numbers(_ array: Range<Int>, limit: Int) -> [UInt64]? {
        guard document.kind(array) == .array else { return nil }
        var numbers: [UInt64] = []
        var isGood = true
        document.forEachElement(of: array) { value in
            if numbers.count < limit, let number = document.integer(value), number >= 0 {
                numbers.append(UInt64(number))
            } else {
                isGood = false
            }
            return isGood
        }
        return isGood ? numbers : nil
    }
}
