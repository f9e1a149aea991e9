// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import TestSupport
import Testing

@testable import caisson

@Suite struct StorePlaceTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var line: String
    var variables: [String: String] = [:]
    var store: PathBytes
    /// Empty where somebody said where the store is.
    var places: [PathBytes] = []
    var testDescription: String { "\(line) \(variables)" }
  }

  static let usual: [PathBytes] = ["/tmp", "/cache", "/workspace"]

  @Test(arguments: [
    Case(line: "executor", store: "/home/ada/.local/share/caisson", places: usual),
    Case(
      line: "executor", variables: ["TMPDIR": "/scratch"], store: "/home/ada/.local/share/caisson",
      places: ["/scratch", "/cache", "/workspace"]),
    Case(line: "executor", variables: ["CAISSON_STORE": "/c"], store: "/c"),
    Case(line: "executor", variables: ["KANIKO_DIR": "/k"], store: "/k/store"),
    Case(
      line: "executor", variables: ["KANIKO_DIR": "/k", "CAISSON_STORE": "/c"], store: "/c"),
    Case(
      line: "executor --kaniko-dir d", variables: ["KANIKO_DIR": "/k"], store: "/src/app/d/store"),
    Case(
      line: "executor --kaniko-dir d", variables: ["CAISSON_STORE": "/c"],
      store: "/src/app/d/store"),
    Case(line: "executor --kaniko-dir d --store /s", store: "/s"),
    Case(line: "build", variables: ["KANIKO_DIR": "/k"], store: "/home/ada/.local/share/caisson"),
  ])
  func `options go before the environment, and that before the usual places`(_ c: Case) throws {
    var surroundings = machine
    surroundings.environment.merge(c.variables) { $1 }
    let line = c.line.hasPrefix("executor") ? c.line + " --no-push" : c.line
    let options = try #require(try buildOptions(line, surroundings))
    #expect(options.store == c.store)
    #expect(options.temporaryStorePlaces == c.places)
  }

  private func options(_ store: PathBytes, _ places: [PathBytes]) throws -> BuildOptions {
    var options = try #require(try buildOptions("executor --no-push"))
    options.store = store
    options.temporaryStorePlaces = places
    return options
  }

  @Test func `a store that can be written to stays`() throws {
    let folder = try TemporaryDirectory()
    let usual = folder.path.appending("usual")
    let options = try options(usual, [folder.path])
    #expect(options.canWriteStore)
    let place = try StorePlace(options)
    #expect(!place.isTemporary)
    try place.store.put([1, 2, 3])
    place.close()
    #expect(exists(usual.appending("oci-layout")))
    #expect(try names(inDirectory: usual.appending("tmp")) == [])
  }

  @Test func `a temporary store is the builder's alone and ends with the build`() throws {
    let folder = try TemporaryDirectory()
    // No directory can be made below a file, whoever asks.
    let file = try folder.write("file", "")
    let writable = folder.appending("writable")
    try makeDirectory(writable)
    let options = try options(file.appending("store"), [file, writable])
    #expect(!options.canWriteStore)
    let (one, other) = (try StorePlace(options), try StorePlace(options))
    #expect(one.isTemporary)
    #expect(one.store.directory.parent == writable)
    #expect(one.store.directory != other.store.directory)
    #expect(try FileStatus(of: one.store.directory).permissions == 0o700)
    try one.store.put([1, 2, 3])
    one.close()
    other.close()
    #expect(try names(inDirectory: writable) == [])
  }

  @Test func `where nothing can be written to, each place and its reason are told`() throws {
    let folder = try TemporaryDirectory()
    let file = try folder.write("file", "")
    let options = try options(file.appending("store"), [file, "/proc"])
    let error = #expect(throws: StoreError.self) { try StorePlace(options) }
    let notes = try #require(error).diagnostic.notes
    #expect(notes.count == 3)
    #expect(notes.first?.hasPrefix("\(file)/store: ") == true)
    #expect(notes.last?.hasPrefix("/proc: ") == true)
  }

  @Test func `a store that was asked for is not replaced`() throws {
    let folder = try TemporaryDirectory()
    let file = try folder.write("file", "")
    #expect(throws: SystemError.self) { try StorePlace(options(file.appending("store"), [])) }
  }
}
