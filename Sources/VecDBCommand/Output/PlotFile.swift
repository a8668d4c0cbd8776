import Foundation
import VecDB

extension FrontierPlot {
    /// What a file of a picture holds, by the ending of its name.
    enum Form: String, CaseIterable {
        case svg, png

        init?(ofFile path: String) {
            let ending = Array(path.lowercased().utf8.suffix(4))
            guard let form = Self.allCases.first(where: { ending.elementsEqual(".\($0.rawValue)".utf8) }) else {
                return nil
            }
            self = form
        }
    }

    /// The file that a picture goes into.
    struct Target {
        private let path: String
        /// `nil` for SVG.
        private let converter: PlotConverter?

        /// Looks before anything is measured whether there is a place for the file, and a program that makes it.
        ///
        /// - Throws: `system` when it cannot be written.
        init(_ path: String) throws {
            try Self.checkPlace(path)
            self.path = path
            guard Form(ofFile: path) == .png else {
                converter = nil
                return
            }
            guard let installed = PlotConverter.installed() else {
                throw DatabaseError(
                    .system,
                    "\(path): no program is installed that converts SVG to PNG; install one of \(PlotConverter.names), or "
                        + "name a file that ends with '.svg'")
            }
            converter = installed
        }

        private static func checkPlace(_ path: String) throws {
            let manager = FileManager.default
            let directory =
                path.utf8.contains(UInt8(ascii: "/")) ? URL(filePath: path).deletingLastPathComponent().path : "."
            func refusal(_ reason: String) -> DatabaseError {
                DatabaseError(.system, "\(path): could not be written: \(reason)")
            }
            guard manager.fileExists(atPath: directory) else {
                if let target = try? manager.destinationOfSymbolicLink(atPath: directory) {
                    throw refusal("'\(directory)' is a link to '\(target)', where there is nothing; mend the link")
                }
                throw refusal("there is no directory '\(directory)'; make it, or name another file")
            }
            // Only directories have entries, and so links to them do.
            guard manager.fileExists(atPath: directory + "/.") else {
                throw refusal("'\(directory)' is no directory; name another file")
            }
            if manager.fileExists(atPath: path + "/.") { throw refusal("it is a directory; name another file") }
            let isThere = manager.fileExists(atPath: path)
            guard manager.isWritableFile(atPath: isThere ? path : directory) else {
                throw refusal("permission denied; name another file")
            }
        }

        /// - Throws: `system` when the file cannot be written, or the converter makes none.
        func write(_ svg: String) throws {
            let content = try converter?.png(Data(svg.utf8), for: path) ?? Data(svg.utf8)
            do {
                try content.write(to: URL(filePath: path))
            } catch {
                throw DatabaseError(.system, "\(path): could not be written: \(reason(error))")
            }
        }
    }
}

/// A program that reads SVG on standard input and writes PNG on standard output.
struct PlotConverter {
    private let name: String
    private let arguments: [String]
    private var executable = ""

    private static let known = [
        PlotConverter(name: "rsvg-convert", arguments: ["--format", "png"]),
        PlotConverter(name: "cairosvg", arguments: ["-", "-f", "png"]),
        PlotConverter(
            name: "inkscape", arguments: ["--pipe", "--export-type=png", "--export-filename=-"]),
        PlotConverter(name: "magick", arguments: ["svg:-", "png:-"]),
    ]

    private init(name: String, arguments: [String]) {
        self.name = name
        self.arguments = arguments
    }

    /// For messages.
    static let names = known.map(\.name).joined(separator: ", ")

    /// The first of them that is found where programs are looked for.
    static func installed() -> PlotConverter? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        for var converter in known {
            // Names of directories that depend on the working directory are left out.
            for directory in path.utf8.split(separator: UInt8(ascii: ":")) where directory.first == UInt8(ascii: "/") {
                converter.executable = String(Substring(directory)) + "/" + converter.name
                if FileManager.default.isExecutableFile(atPath: converter.executable) { return converter }
            }
        }
        return nil
    }

    /// - Parameter path: what messages name.
    func png(_ svg: Data, for path: String) throws -> Data {
        let (process, input, output) = (Process(), Pipe(), Pipe())
        process.executableURL = URL(filePath: executable)
        process.arguments = arguments
        (process.standardInput, process.standardOutput) = (input, output)
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch {
            throw DatabaseError(.system, "\(path): '\(executable)' could not be run: \(reason(error))")
        }
        // Both pipes may be full at once.
        let writing = input.fileHandleForWriting
        DispatchQueue.global().async {
            try? writing.write(contentsOf: svg)
            try? writing.close()
        }
        let png = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0, png.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else {
            throw DatabaseError(
                .system,
                "\(path): '\(executable)' made no PNG of the picture (it ended with \(process.terminationStatus)); name a file "
                    + "that ends with '.svg'")
        }
        return png
    }
}
