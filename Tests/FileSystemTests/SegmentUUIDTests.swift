import FileSystem
import Testing

@Test func `a file name leads back to its uuid`() throws {
    let uuid = SegmentUUID.random()
    #expect(SegmentUUID(segmentFileName: uuid.segmentFileName) == uuid)
}

@Test func `a uuid has sixteen bytes, and 32 lower-case digits`() {
    #expect(SegmentUUID(bytes: [UInt8](repeating: 1, count: 15)) == nil)
    #expect(SegmentUUID(hexadecimal: "0a") == nil)
    #expect(SegmentUUID(hexadecimal: String(repeating: "G", count: 32)) == nil)
    let digits = String(repeating: "0a", count: 16)
    #expect(SegmentUUID(hexadecimal: digits)?.bytes == [UInt8](repeating: 10, count: 16))
    #expect(SegmentUUID(hexadecimal: digits)?.description == digits)
}

@Test(arguments: [
    "segment-.vseg", "segment-0123.vseg", "catalog.sqlite", "segment-0123456789ABCDEF0123456789abcdef.vseg",
])
func `other names are no segments`(name: String) {
    #expect(SegmentUUID(segmentFileName: name) == nil)
}
