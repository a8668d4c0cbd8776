import SegmentFile
import Testing

@Test func `a file name leads back to its uuid`() throws {
    let uuid = SegmentUUID.random()
    #expect(SegmentUUID(segmentFileName: uuid.segmentFileName) == uuid)
}

@Test func `a uuid has sixteen bytes`() {
    #expect(SegmentUUID(bytes: [UInt8](repeating: 1, count: 15)) == nil)
}

@Test(arguments: [
    "segment-.vseg", "segment-0123.vseg", "catalog.sqlite", "segment-0123456789ABCDEF0123456789abcdef.vseg",
])
func `other names are no segments`(name: String) {
    #expect(SegmentUUID(segmentFileName: name) == nil)
}
