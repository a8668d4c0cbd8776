import SchemaChecks
import Testing
import VecDB

@testable import VecDBJSON

struct ErrorTests {
    @Test func `an error is told from an answer by its only member`() {
        let error = DatabaseError(.alreadyExists, remedy: .overwrite, "films.vecdb: exists already")
        #expect(
            JSONDocument(error).text(.line)
                == #"{"error":{"code":"already_exists","message":"films.vecdb: exists already","remedy":"overwrite"}}"#)
        let other = DatabaseError(.notFound, "no")
        #expect(JSONDocument(other).text(.line) == #"{"error":{"code":"not_found","message":"no"}}"#)
    }

    @Test(arguments: DatabaseError.Code.allCases, DatabaseError.Remedy.allCases.map(Optional.some) + [nil])
    func `every error follows the schema`(code: DatabaseError.Code, remedy: DatabaseError.Remedy?) throws {
        for layout in [JSONDocument.Layout.line, .indented] {
            let text = JSONDocument(DatabaseError(code, remedy: remedy, "why")).text(layout)
            let value = try JSONValue(parsing: text)
            #expect(try JSONSchema("error").violations(value) == [])
            #expect((value["error"]?["remedy"] == nil) == (remedy == nil))
        }
    }

    @Test func `the schema names what there is, and each once`() throws {
        let members = try JSONSchema("error").property("error")
        #expect(try members.property("code").choices == DatabaseError.Code.allCases.map(\.jsonName))
        #expect(try members.property("remedy").choices == DatabaseError.Remedy.allCases.map(\.jsonName))
    }

    @Test(arguments: awkwardTexts)
    func `messages come back byte for byte, on one line`(text: String) throws {
        let json = JSONDocument(DatabaseError(.corrupt, text)).text(.line)
        #expect(!json.utf8.contains(0x0A))
        #expect(try bytes(JSONValue(parsing: json)["error"]?["message"]?.string) == bytes(text))
    }

    @Test func `errors of the library have their code and text`() throws {
        let error = try #require(throws: DatabaseError.self) { try VectorDatabase.open("/nowhere/a\"b.vecdb") }
        let value = try JSONValue(parsing: JSONDocument(error).text(.line))
        #expect(value["error"]?["code"]?.string == "not_found" && value["error"]?["remedy"]?.string == "build")
        #expect(value["error"]?["message"]?.string == error.message)
    }
}
