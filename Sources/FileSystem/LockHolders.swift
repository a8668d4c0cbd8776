#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Who holds the flock of a file, as far as the system tells.
enum LockHolders {
    /// The numbers of the processes, as this one would name them; none where that is not known.
    ///
    /// The system names who took a lock. A child that inherited it may hold it when that process has ended.
    static func processes(of status: File.Status) -> [Int] {
        #if os(Linux)
            processes(of: status, in: text(of: "/proc/locks")).filter(isAlive)
        #else
            []
        #endif
    }

    /// A line of `/proc/locks`: `1: FLOCK  ADVISORY  WRITE 812 08:01:131090 0 EOF`, device in hexadecimal digits. Those that
    /// wait have an arrow behind the number; processes of other containers have the number 0.
    static func processes(of status: File.Status, in locks: String) -> [Int] {
        let device = device(of: status)
        return locks.split(separator: "\n").compactMap { line -> Int? in
            let fields = line.split(separator: " ")
            guard fields.count >= 6, fields[1] == "FLOCK", let process = Int(fields[4]), process > 0 else { return nil }
            let place = fields[5].split(separator: ":")
            guard place.count == 3, UInt64(place[0], radix: 16) == device.major,
                UInt64(place[1], radix: 16) == device.minor, UInt64(place[2]) == status.inode
            else { return nil }
            return process
        }
    }

    /// The two parts of a device number, as Linux packs them.
    static func device(of status: File.Status) -> (major: UInt64, minor: UInt64) {
        let number = status.device
        return (number >> 8 & 0xFFF | number >> 32 & ~0xFFF, number & 0xFF | number >> 12 & 0xFFFF_FF00)
    }

    private static func isAlive(_ process: Int) -> Bool {
        (try? Path.status(of: "/proc/\(process)")) != nil
    }

    private static func text(of path: String) -> String {
        guard let file = try? File(reading: path) else { return "" }
        // The kernel makes its text as it is read, from the front to the end.
        var (text, chunk) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
        while true {
            var bytes = chunk.mutableSpan
            guard let count = try? file.read(into: &bytes, at: text.count), count > 0 else { break }
            text += chunk.prefix(count)
        }
        return String(decoding: text, as: UTF8.self)
    }
}
