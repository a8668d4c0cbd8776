import Testing

@testable import VecDB

@Test func `a distance of zero is shown as zero and not as minus zero`() {
    #expect(Metric.l2.shown(-0.0).sign == .plus)
    #expect(Metric.l2.shown(-2.5) == 2.5)
    #expect(Metric.dot.shown(-2.5) == -2.5)
}
