import FileSystem
import Testing

@Test func `numbers are grouped by three digits, and checksums have all theirs`() {
    #expect(grouped(0) == "0" && grouped(999) == "999" && grouped(1_683_682) == "1,683,682")
    #expect(grouped(-1000) == "-1,000" && grouped(Int.min) == "-9,223,372,036,854,775,808")
    #expect(grouped(UInt64.max) == "18,446,744,073,709,551,615")
    #expect(hexadecimal(0x9F3A) == "00009f3a" && hexadecimal(.max) == "ffffffff")
}
