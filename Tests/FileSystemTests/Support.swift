/// Some bytes to write.
let parameters = (0..<128).map { UInt8(truncatingIfNeeded: $0) }
