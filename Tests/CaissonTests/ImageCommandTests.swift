// SPDX-License-Identifier: Apache-2.0

import Images
import LinuxSystem
import OCI
import Testing

@testable import caisson

@Suite struct ImageCommandTests {
  private func query(_ line: String) throws -> ImageQuery? {
    let words = ["caisson", "image"] + line.split(separator: " ").map(String.init)
    if case .image(let query) = try Invocation(words, machine) { return query }
    return nil
  }

  @Test func `questions are understood`() throws {
    #expect(try query("ls")?.subject == .list)
    #expect(try query("ls --format json")?.isJSON == true)
    #expect(try query("ls --store /s")?.store == "/s")
    #expect(try query("inspect oci:out:1")?.subject == .inspect(image: "oci:out:1"))
    #expect(try query("files --format=table app")?.subject == .files(image: "app"))
    #expect(
      try query("cat app ../etc/./passwd")?.subject == .cat(image: "app", path: "etc/passwd"))
    #expect(
      try query("inspect --platform arm64 app")?.platform
        == Platform(os: "linux", architecture: "arm64"))
  }

  @Test(arguments: [
    ("cat app", "PATH is missing"), ("inspect", "IMAGE is missing"),
    ("ls x", "unexpected argument \"x\""), ("lss", "unknown command \"image lss\""),
  ])
  func `wrong questions are refused`(_ line: String, _ beginning: String) throws {
    #expect(try #require(complaint("image " + line)).hasPrefix(beginning))
  }

  @Test func `images are listed in columns`() throws {
    let rows = [
      ImageRow(
        name: "docker.io/library/app:1", digest: try zeroDigest(), sizeInBytes: 45_200_000,
        created: "2024-01-01T00:00:00Z", platform: Platform(os: "linux", architecture: "amd64")),
      ImageRow(
        name: nil, digest: try zeroDigest(), sizeInBytes: 12, created: nil,
        platform: Platform(os: "linux", architecture: "arm", variant: "v7")),
    ]
    #expect(
      imageTable(rows) == """
        NAME                      DIGEST         SIZE      CREATED                PLATFORM
        docker.io/library/app:1   000000000000   45.2 MB   2024-01-01T00:00:00Z   linux/amd64
        -                         000000000000   12 B      -                      linux/arm/v7

        """)
    let json = try JSONValue(parsing: try imageListJSON(rows))
    #expect(json.array?.first?["name"]?.string == "docker.io/library/app:1")
    #expect(json.array?.last?["platform"]?.string == "linux/arm/v7")
  }

  @Test func `an image is inspected as it is stored`() throws {
    var configuration = ImageConfiguration(platform: .host)
    configuration.other["moby.extra"] = .string("kept")
    let image = try Image(configuration: configuration, layers: [], format: .oci)
    let json = try JSONValue(parsing: try inspectionJSON(image))
    #expect(json["digest"]?.string == image.digest.description)
    #expect(json["configuration"]?["moby.extra"]?.string == "kept")
    #expect(json["manifest"]?["schemaVersion"]?.integer == 2)
  }

  @Test func `files are listed as ls lists them`() throws {
    let rows = [
      FileRow(
        kind: .directory, permissions: 0o1777, uid: 0, gid: 0, sizeInBytes: 0, modified: 0,
        path: "tmp"),
      FileRow(
        kind: .regular, permissions: 0o4755, uid: 1000, gid: 33, sizeInBytes: 1234, modified: 1,
        path: "usr/bin/\u{1B}su"),
      FileRow(
        kind: .symbolicLink, permissions: 0o777, uid: 0, gid: 0, sizeInBytes: 7, modified: 2,
        path: "bin", linkTarget: "usr/bin"),
    ]
    #expect(
      fileTable(rows) == """
        drwxrwxrwt  0:0         0  1970-01-01T00:00:00Z  /tmp
        -rwsr-xr-x  1000:33  1234  1970-01-01T00:00:01Z  /usr/bin/\\u{1b}su
        lrwxrwxrwx  0:0         7  1970-01-01T00:00:02Z  /bin -> usr/bin

        """)
    let json = try JSONValue(parsing: try fileListJSON(rows))
    #expect(json.array?[1]["mode"]?.string == "04755")
    #expect(json.array?[2]["linkTarget"]?.string == "usr/bin")
  }

  @Test(arguments: [
    (UInt32(0o644), "-rw-r--r--"), (0o2750, "-rwxr-s---"), (0o2640, "-rw-r-S---"),
    (0o1000, "---------T"), (0o7777, "-rwsrwsrwt"), (0, "----------"),
  ])
  func `permissions are letters`(_ permissions: UInt32, _ expected: String) {
    #expect(modeText(.regular, permissions) == expected)
  }
}
