/// Rows of text in aligned columns.
struct TableOutput {
    enum Alignment {
        case left
        case right
        /// Numbers whose decimal points stand below each other.
        case decimal
    }

    struct Column {
        let title: String
        let alignment: Alignment

        static func left(_ title: String) -> Column { Column(title: title, alignment: .left) }
        static func right(_ title: String) -> Column { Column(title: title, alignment: .right) }
        static func decimal(_ title: String) -> Column { Column(title: title, alignment: .decimal) }
    }

    let columns: [Column]
    private var rows: [[String]] = []

    init(_ columns: [Column]) {
        self.columns = columns
    }

    /// - Parameter cells: one for each column. Characters that would break the table appear as escapes.
    mutating func add(_ cells: [String]) {
        precondition(cells.count == columns.count)
        rows.append(cells.map(printable))
    }

    /// The header and the rows, each ended by a newline. Columns are two spaces apart.
    func rendered() -> String {
        var cells: [[String]] = [columns.map { printable($0.title) }] + rows
        for (index, column) in columns.enumerated() {
            if column.alignment == .decimal { alignDecimals(&cells, column: index) }
            let width = cells.map { displayWidth($0[index]) }.max() ?? 0
            for row in cells.indices {
                let padding = String(repeating: " ", count: width - displayWidth(cells[row][index]))
                cells[row][index] =
                    column.alignment == .right ? padding + cells[row][index] : cells[row][index] + padding
            }
        }
        return cells.map { row in
            var line = row.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    /// Pads the numbers of a column on the left until their points meet.
    private func alignDecimals(_ cells: inout [[String]], column: Int) {
        func pointOffset(_ text: String) -> Int {
            text.prefix { $0.isNumber || $0 == "-" || $0 == "," }.count
        }
        let widest = cells.dropFirst().map { pointOffset($0[column]) }.max() ?? 0
        for row in cells.indices.dropFirst() {
            let padding = widest - pointOffset(cells[row][column])
            cells[row][column] = String(repeating: " ", count: padding) + cells[row][column]
        }
    }
}
