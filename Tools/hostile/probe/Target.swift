import Foundation

/// The file under attack: changed in place, point by point.
struct Target {
    /// Where it was when nobody had touched it.
    let byteCount: Int
    private let handle: FileHandle
    private let original: [UInt8]
    private var image: FileImage?

    /// - Parameters:
    ///   - path: a file that only this process has; it may be left damaged.
    ///   - layout: what stands where in it, for attacks that need to know.
    init(path: String, layout: Layout?) throws {
        handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        original = [UInt8](try handle.readToEnd() ?? Data())
        byteCount = original.count
        image = layout.map { [original] in FileImage(original, layout: $0) }
    }

    /// Changes what the attack changes at `point`, after what it changed before has been undone.
    mutating func apply(_ attack: Attack, at point: Int) throws {
        switch attack {
        case .flips: try writeImage { $0.flip(bit: point, sealing: false) }
        case .sealed: try writeImage { $0.flip(bit: point, sealing: true) }
        case .catalog: try write([original[point / 8] ^ 1 << UInt8(point % 8)], at: point / 8)
        case .truncation, .catalogTruncation, .underneath: try handle.truncate(atOffset: UInt64(byteCount - 1 - point))
        case .extension: try handle.truncate(atOffset: UInt64(byteCount + 1 + point))
        }
    }

    /// Brings the bytes back. A length stays: the next point sets its own.
    mutating func undo(_ attack: Attack, at point: Int) throws {
        switch attack {
        case .flips, .sealed: try writeImage { $0.restore() }
        case .catalog: try write([original[point / 8]], at: point / 8)
        case .underneath: try write(original, at: 0)
        case .truncation, .catalogTruncation, .extension: break
        }
    }

    /// What messages about the damage at a point may say, one of them; empty where anything will do.
    func names(of attack: Attack, at point: Int) -> [String] {
        attack == .flips ? image?.names(ofByte: point / 8) ?? [] : []
    }

    private mutating func writeImage(_ change: (inout FileImage) -> [Range<Int>]) throws {
        guard var changing = image else { throw Failure("this attack needs a layout") }
        image = nil  // so that the bytes are changed in place and not copied
        let ranges = change(&changing)
        for range in ranges { try write(changing.bytes[range], at: range.lowerBound) }
        image = changing
    }

    private func write(_ bytes: some Collection<UInt8>, at offset: Int) throws {
        try handle.seek(toOffset: UInt64(offset))
        try handle.write(contentsOf: Data(bytes))
    }
}
