import Foundation
import SchemaChecks

@testable import VecDB
@testable import VecDBJSON

/// Texts that are easily written wrong: quotes and escapes, control characters, separators of lines, marks that combine with
/// what stands before them, one word in two normalizations, characters beyond 16 bits, and bytes that were no UTF-8.
let awkwardTexts = [
    "", "plain, text", "a\"b\\c/d", "\\u0041\\", String(decoding: Array(0..<0x20) + [0x7F], as: UTF8.self), "\u{9B}31m",
    "\r\n", "\u{2028}\u{2029}", "\u{301}lead", "e\u{301}", "\u{e9}", "l\u{600}", "七人の侍", "\u{1F469}\u{200D}\u{1F469}",
    "\u{10FFFF}", "\u{202E}\u{FEFF}", String(decoding: [0x61, 0xFF, 0xC2, 0xED, 0xA0, 0x80, 0x62], as: UTF8.self),
    "{\"query\":0}",
]

/// The line of an answer, from all its pieces.
func line(_ answer: Answer, documents: Answer.Documents? = nil) throws -> String {
    var bytes: [UInt8] = []
    try answer.writeLine(documents: documents) { bytes += $0 }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw NoUTF8() }
    return text
}

struct NoUTF8: Error {}

func hit(_ ordinal: UInt64, id: String? = nil, score: Float = 1, metadata: String? = nil) -> Hit {
    Hit(ordinal: ordinal, score: score, id: id, metadata: metadata)
}

/// By bytes: `String` takes different ones for equal.
func bytes(_ text: String?) -> [UInt8]? { text.map { Array($0.utf8) } }
