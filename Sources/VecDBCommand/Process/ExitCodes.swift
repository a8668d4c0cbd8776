import ArgumentParser
import EmbeddingInput
import VecDB

extension ExitCode {
    static let notFound = ExitCode(3)
    static let corrupt = ExitCode(4)
    static let unsupportedVersion = ExitCode(5)
    static let locked = ExitCode(6)
    static let targetMissed = ExitCode(7)
    static let deadlinePassed = ExitCode(8)
    static let interrupted = ExitCode(130)  // 128 + SIGINT, as shells count
}

extension DatabaseError {
    /// What the process ends with; `Vecdb`'s help lists the codes.
    var exitCode: ExitCode {
        switch code {
        case .notFound: .notFound
        case .corrupt: .corrupt
        case .unsupportedVersion: .unsupportedVersion
        case .locked: .locked
        case .cancelled: .interrupted
        case .deadlinePassed: .deadlinePassed
        case .invalidArgument, .invalidInput, .alreadyExists, .metadataMismatch, .system: .failure
        }
    }
}

extension InputError {
    var exitCode: ExitCode {
        switch code {
        case .notFound: .notFound
        case .cancelled: .interrupted
        default: .failure
        }
    }
}

extension ParsableCommand {
    /// Says on standard error what went wrong, and ends the process with the code that belongs to it.
    static func end(with error: any Error) -> Never {
        switch error {
        case let error as DatabaseError where error.code == .cancelled:
            StandardError.note(error.message)  // what was asked for is no error
            exit(withError: error.exitCode)
        case let error as DatabaseError:
            StandardError.report(error.messageWithOptions)
            exit(withError: error.exitCode)
        case let error as InputError:
            StandardError.report(error.descriptionWithOptions)
            exit(withError: error.exitCode)
        case is StandardOutput.ReaderHasGone:
            exit(withError: ExitCode.success)
        case let error as StandardOutput.WriteFailed:
            StandardError.report(error.description)
            exit(withError: ExitCode.failure)
        default:
            // Usage errors, --help and --version: the parser knows their texts and codes.
            let code = exitCode(for: error), message = fullMessage(for: error)
            guard code == .success else {
                if !message.isEmpty { StandardError.writeLines(message + "\n") }
                exit(withError: code)
            }
            do { if !message.isEmpty { try StandardOutput.print(message) } } catch { end(with: error) }
            exit(withError: code)
        }
    }
}
