// SPDX-License-Identifier: Apache-2.0

import OCI
import Testing

@Suite struct JSONTests {
  @Test(arguments: [
    "null", "true", "[1,2]", "9223372036854775807", "-1", "1.5", "\"a/b\"", "{}", "[]",
    #"{"a":{"b":[null,false,""]}}"#, #""\u2028é""#,
  ])
  func `any JSON survives a round trip`(_ text: String) throws {
    let value = try JSONValue(parsing: Array(text.utf8))
    #expect(try JSONValue(parsing: encodeJSON(value)) == value)
  }

  @Test func `keys are sorted and slashes plain`() throws {
    let value = try JSONValue(parsing: Array(#"{"b":"x/y","a":true}"#.utf8))
    #expect(try encodeJSON(value) == Array(#"{"a":true,"b":"x/y"}"#.utf8))
    #expect(value["a"] == .bool(true))
    #expect(value["c"] == nil)
    #expect(JSONValue.null["a"] == nil)
  }

  @Test(arguments: [
    "", " ", "{", "[1,", "{\"a\"}", "nul", "'a'", "\u{0}", "1 2", "1e999",
    String(repeating: "[", count: 100_000),
    String(repeating: "[", count: 2000) + String(repeating: "]", count: 2000),
  ])
  func `what is not JSON is malformed`(_ text: String) {
    #expect(throws: ContentError.self) { try JSONValue(parsing: Array(text.utf8)) }
  }

  @Test func `nesting of some depth is read`() throws {
    let text = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
    _ = try JSONValue(parsing: Array(text.utf8))
  }

  @Test func `bytes that are not UTF-8 are malformed`() {
    #expect(throws: ContentError.self) { try JSONValue(parsing: [0x22, 0xFF, 0xFE, 0x22]) }
  }

  @Test(arguments: [
    (#"{"layers":[]}"#, "\"schemaVersion\" is missing"),
    (#"{"schemaVersion":2,"layers":[]}"#, "\"config\" is missing"),
    (#"{"schemaVersion":"2"}"#, "\"schemaVersion\" has the wrong type"),
    (
      #"{"schemaVersion":2,"config":{"mediaType":"a","digest":"b","size":1}}"#,
      "\"config.digest\" is not valid"
    ),
    ("[]", "the document has the wrong type"),
    ("{", "not JSON"),
  ])
  func `an error says where`(_ text: String, expected: String) {
    #expect(throws: ContentError.malformed(expected)) {
      try decodeJSON(Manifest.self, from: Array(text.utf8))
    }
  }
}
