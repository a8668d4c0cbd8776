import ArgumentParser
import EmbeddingInput

/// What a '.tsv', '.csv' or '.vec' file of vectors does not say of itself.
struct TextLayoutOptions: ParsableArguments {
    enum Header: String, CaseIterable, ExpressibleByArgument {
        case yes
        case no
    }

    @Option(
        help: ArgumentHelp(
            "Whether the first line of .tsv, .csv and .vec files is a header (default: recognised, refused in doubt).",
            valueName: "answer"))
    var header: Header?

    @Option(
        help: ArgumentHelp(
            "The column of .tsv and .csv files that holds ids: its name in the header ('' for one without), with '--header no' its number, from 1.",
            valueName: "name"))
    var idColumn: String?

    var hasHeader: Bool? { header.map { $0 == .yes } }
    var layout: TextLayout { TextLayout(hasHeader: hasHeader, idColumn: idColumn) }

    /// The options that were given.
    var given: [String] {
        (header == nil ? [] : ["--header"]) + (idColumn == nil ? [] : ["--id-column"])
    }
}
