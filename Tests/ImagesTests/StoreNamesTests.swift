// SPDX-License-Identifier: Apache-2.0

import Images
import LinuxSystem
import OCI
import TestSupport
import Testing

@Suite struct StoreNamesTests {
  private let directory: TemporaryDirectory
  private let store: ContentStore
  private let app: ImageReference

  init() throws {
    directory = try TemporaryDirectory()
    store = try directory.store()
    app = try #require(ImageReference("app:1"))
  }

  private func descriptor(_ text: String) -> Descriptor {
    Descriptor(
      mediaType: .ociManifest, digest: .of(Array(text.utf8)), size: Int64(text.utf8.count))
  }

  @Test func `a name is set, moved and removed`() throws {
    #expect(try store.names().isEmpty)
    #expect(try store.image(named: app) == nil)
    try store.setName(app, to: descriptor("a"))
    try store.setName(app, to: descriptor("b"))
    #expect(try store.names() == [app])
    #expect(try store.image(named: app)?.digest == descriptor("b").digest)
    #expect(try store.removeName(app))
    #expect(try !store.removeName(app))
    #expect(try store.names().isEmpty)
  }

  @Test func `entries and fields of others survive`() throws {
    try directory.write(
      "store/index.json",
      #"{"schemaVersion":2,"x":{"y":[1]},"manifests":["odd",{"mediaType":"a/b","z":1}]}"#)
    try store.setName(app, to: descriptor("a"))
    try store.removeName(app)
    let index = try JSONValue(parsing: contents(of: directory.appending("store/index.json")))
    #expect(index["x"] == .object(["y": .array([.integer(1)])]))
    #expect(
      index["manifests"]
        == .array([
          .string("odd"), .object(["mediaType": .string("a/b"), "z": .integer(1)]),
        ]))
  }

  @Test(arguments: ["", "[]", #"{"manifests":{}}"#, "{"])
  func `a broken index is an error and is not overwritten`(_ text: String) throws {
    try directory.write("store/index.json", text)
    #expect(throws: ImageError.self) { try store.names() }
    #expect(throws: ImageError.self) { try store.setName(app, to: descriptor("a")) }
    #expect(try contents(of: directory.appending("store/index.json")) == Array(text.utf8))
  }

  @Test func `names given by several threads at once are all kept`() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for thread in 0..<4 {
        let path = store.directory
        group.addTask {
          try await workers.run {
            let store = try ContentStore(directory: path)
            for number in 0..<10 { try nameImage("t\(thread)-\(number)", in: store) }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try Set(store.names()).count == 40)
  }

  @Test func `names given by several processes at once are all kept`() async throws {
    let path = store.directory.description
    await withTaskGroup(of: Void.self) { group in
      for process in 0..<3 {
        group.addTask {
          await #expect(processExitsWith: .success) {
            [path = path as String, process = process as Int] in
            let store = try ContentStore(directory: PathBytes(path))
            for number in 0..<10 { try nameImage("p\(process)-\(number)", in: store) }
          }
        }
      }
    }
    #expect(try Set(store.names()).count == 30)
  }
}

func nameImage(_ tag: String, in store: ContentStore) throws {
  guard let name = ImageReference("app:\(tag)") else { return }
  try store.setName(
    name, to: Descriptor(mediaType: .ociManifest, digest: .of(Array(tag.utf8)), size: 1))
}
