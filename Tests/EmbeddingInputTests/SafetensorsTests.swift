import TestSupport
import Testing

@testable import EmbeddingInput

@Suite struct SafetensorsTests {
    private func openError(_ header: String, byteCount: Int, tensor: String? = nil) throws -> InputError {
        let directory = try TemporaryDirectory()
        let file = safetensorsFile(header, data: [UInt8](repeating: 0, count: byteCount))
        return try EmbeddingInputTests.openError([try directory.write("x.safetensors", file)], tensor: tensor)
    }

    @Test func `a file without a matrix says that there is none`() throws {
        let header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
        #expect(try openError(header, byteCount: 4).message.contains("no two-dimensional tensor"))
        #expect(try openError(header, byteCount: 4, tensor: "b").message.contains("are: none"))
    }

    @Test func `of many tensors ten are named`() throws {
        let tensors = (0..<11).map {
            "\"t\($0)\":{\"dtype\":\"U8\",\"shape\":[1,1],\"data_offsets\":[\($0),\($0 + 1)]}"
        }
        let error = try openError("{\(tensors.joined(separator: ","))}", byteCount: 11)
        #expect(error.message.contains("has 11 two-dimensional tensors"))
        #expect(error.message.hasSuffix("'t9', …"))
    }

    @Test func `a shape is an array`() throws {
        let header = "{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}"
        #expect(try openError(header, byteCount: 4).code == .malformed)
    }
}
