// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Testing

@testable import Sandboxing

@Suite(.enabled(if: SandboxFixture.isPossible, "needs root and /bin/busybox"))
struct ResolverFilesTests {
  @Test func `they come from the host and the host name`() async throws {
    let output = try await SandboxFixture().run("cat /etc/resolv.conf /etc/hostname /etc/hosts") {
      $0.hostname = "builder"
    }.output
    let host = ResolverFiles.ofHost(hostname: "builder")
    #expect(Array(output.utf8) == host.resolvConf + host.hostname + host.hosts)
    #expect(output.contains("127.0.0.1\tlocalhost builder\n"))
  }

  @Test func `writing to them reaches neither the host nor the layer`() async throws {
    let fixture = try SandboxFixture()
    try write("of the image\n", to: fixture.base.appending("etc/hosts"))
    let before = try? contents(of: "/etc/hosts")
    let output = try await fixture.run("echo 1.2.3.4 x > /etc/hosts; cat /etc/hosts").output
    #expect(output == "1.2.3.4 x\n")
    #expect(try fixture.changes() == [])
    #expect((try? contents(of: "/etc/hosts")) == before)
  }

  /// What an image may have in place of the file or its directory.
  enum Image: CaseIterable {
    case nothing, file, link, linkToNothing, absoluteLinkToNothing, whiteout, directoryWhiteout
    case opaqueDirectory, directoryLink, fileIsDirectory
  }

  @Test(arguments: Image.allCases)
  func `name servers are there whatever the image has, and nothing is left`(image: Image)
    async throws
  {
    let fixture = try SandboxFixture()
    let layer = fixture.directory.appending("layer")
    let etc = layer.appending("etc")
    let file = etc.appending("resolv.conf")
    try makeDirectories(etc, mode: 0o755)
    _ = etc.withCString { chmod($0, 0o751) }
    switch image {
    case .nothing: break
    case .file: try write("of the image\n", to: file)
    case .link:
      try write("of the image\n", to: layer.appending("real"))
      try link(file, to: "../../../real")
    case .linkToNothing: try link(file, to: "../run/systemd/resolve/stub-resolv.conf")
    case .absoluteLinkToNothing: try link(file, to: "/run/nothing")
    case .whiteout: try whiteout(file)
    case .directoryWhiteout:
      try removeTree(etc)
      try whiteout(etc)
    case .opaqueDirectory:
      try setExtendedAttribute(
        ExtendedAttribute(name: "trusted.overlay.opaque", value: Array("y".utf8)), on: etc)
    case .directoryLink:
      try removeTree(fixture.base.appending("etc"))
      try removeTree(etc)
      try makeDirectories(layer.appending("usr/etc"), mode: 0o755)
      _ = layer.appending("usr/etc").withCString { chmod($0, 0o751) }
      try link(etc, to: "usr/etc")
    case .fileIsDirectory: try makeDirectory(file)
    }
    let (end, output) = try await fixture.run(
      "stat -L -c %a /etc; cat /etc/resolv.conf", over: [layer, fixture.base])
    let mode = image == .directoryWhiteout ? "755" : "751"
    #expect(end == .exited(0))
    #expect(
      Array(output.utf8)
        == Array("\(mode)\n".utf8) + ResolverFiles.ofHost(hostname: "localhost").resolvConf)
    #expect(try fixture.changes() == [])
  }

  private func whiteout(_ path: PathBytes) throws {
    try retrying("mknod", path) { path.withCString { mknod($0, S_IFCHR, 0) } }
  }
}
