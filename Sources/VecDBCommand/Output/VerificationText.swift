import VecDB

/// A verification, for people.
func verificationText(_ report: VerificationReport) -> String {
    var table = TableOutput([.left("check"), .right("seconds"), .left("detail")])
    for check in report.checks {
        table.add([check.name, fixed(check.seconds, 3), check.detail])
    }
    var lines = [trimmingFinalNewline(table.rendered())]
    lines += report.damage.map { "damage: \(printable($0))" }
    lines += report.notes.map { "note: \(printable($0))" }
    if report.isIntact { lines.append("\(printable(report.database)) is intact") }
    return lines.joined(separator: "\n")
}
