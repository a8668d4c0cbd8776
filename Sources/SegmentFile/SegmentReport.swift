import FileSystem
import VectorKernels

/// What can be told of a segment file that may be damaged: every part is looked at on its own, and nothing throws once the
/// file could be opened.
public struct SegmentReport: Sendable {
    public struct Section: Sendable {
        public let name: String
        public let offset: Int
        public let byteCount: Int
        /// `nil` for one that this reader does not know.
        public let elementType: ElementType?
        /// `ok`, `damaged`, `damaged at block 3`, or `not checked`, as sections of unknown kinds are.
        public let checksum: String
    }

    public let byteCount: Int
    /// `nil` when the header cannot be trusted.
    public let header: SegmentHeader?
    public let sections: [Section]
    /// What is damaged, one sentence each.
    public let problems: [String]
    /// What only a newer reader may know, one sentence each.
    public let unsupported: [String]

    /// Looks at a file in a database directory.
    ///
    /// - Parameter checkingBlocks: whether to read the whole file for its block checksums.
    /// - Throws: when the file cannot be opened or mapped.
    public init(in directory: Directory, fileName: String, checkingBlocks: Bool) throws(SegmentError) {
        let map: MappedFile
        let size: Int
        do throws(SystemError) {
            let handle = try directory.open(fileName)
            let status = try handle.status()
            guard status.isRegular else { throw SystemError(code: EINVALCode, operation: "read", path: handle.path) }
            size = status.byteCount
            map = try MappedFile(handle, byteCount: size)
        } catch { throw SegmentError(error) }
        byteCount = size
        var problems: [String] = []
        guard size >= 2 * SegmentHeader.byteCount else {
            (header, sections, unsupported) = (nil, [], [])
            self.problems = ["\(fileName): has \(size) bytes; a segment file has at least 8,192"]
            return
        }
        let all = map.bytes
        let header: SegmentHeader
        do throws(SegmentError) {
            header = try SegmentHeader(parsing: all.extracting(0..<4096), fileByteCount: size, file: fileName)
        } catch {
            (self.header, sections) = (nil, [])
            (self.problems, unsupported) = Self.sorted(error)
            return
        }
        self.header = header
        let entries: [SectionEntry]
        do throws(SegmentError) {
            entries = try SectionEntry.parse(table: all.extracting(4096..<8192), header: header, file: fileName)
        } catch {
            sections = []
            (self.problems, unsupported) = Self.sorted(error)
            return
        }
        let checksums = all.extracting(entries[entries.count - 1].range)
        var sections: [Section] = []
        for entry in entries {
            let bytes = all.extracting(entry.range)
            var state = "ok"
            if entry.kind == nil {
                state = "not checked"  // by nobody but 'verify'
            } else if entry.checksumShift == 0 {
                // A damaged table may claim gigabytes, which must not all be in memory at once.
                if map.damage(in: entry) != nil { state = "damaged" }
            } else if checkingBlocks {
                var dropped = 0
                for block in 0..<entry.blockCount {
                    let range = entry.blockRange(block)
                    let stored = checksums.uint32(4 * (Int(entry.firstBlockChecksum) + block))
                    if entry.damage(in: bytes, range, place: "", stored: stored) != nil {
                        state = "damaged at block \(block)"
                        break
                    }
                    if range.upperBound - dropped >= MappedFile.stepByteCount {
                        map.dropPages(in: entry.offset + dropped..<entry.offset + range.upperBound)
                        dropped = range.upperBound
                    }
                }
            } else {
                state = "not checked"
            }
            if state != "ok", state != "not checked" {
                problems.append("\(fileName): section '\(entry.name)' is \(state)")
            }
            sections.append(
                Section(
                    name: entry.name, offset: entry.offset, byteCount: entry.byteCount, elementType: entry.elementType,
                    checksum: state))
        }
        self.sections = sections
        self.problems = problems
        unsupported = []
    }

    private static func sorted(_ error: SegmentError) -> (problems: [String], unsupported: [String]) {
        error.code == .unsupportedVersion ? ([], ["\(error)"]) : (["\(error)"], [])
    }
}
