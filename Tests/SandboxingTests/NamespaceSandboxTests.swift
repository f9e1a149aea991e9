// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Testing

@testable import Sandboxing

@Suite(.enabled(if: SandboxFixture.isPossible, "needs root and /bin/busybox"))
struct NamespaceSandboxTests {
  @Test func `the upper directory is the change set`() async throws {
    let fixture = try SandboxFixture()
    try makeDirectories(fixture.base.appending("data/old"))
    try write("a", to: fixture.base.appending("data/a"))
    let line = "rm /data/a; echo b > /data/b; rm -r /data/old; mkdir /data/old; chown 7:8 /data/b"
    #expect(try await fixture.run(line).end == .exited(0))
    #expect(try fixture.changes() == ["data/", "data/a removed", "data/b", "data/old/"])
    let status = try FileStatus(of: fixture.upper.appending("data/b"))
    #expect((status.uid, status.gid) == (7, 8))
    let attributes = try extendedAttributes(of: fixture.upper.appending("data/old"))
    #expect(
      attributes.contains(ExtendedAttribute(name: "trusted.overlay.opaque", value: Array("y".utf8)))
    )
  }

  @Test func `a command sees its own processes only`() async throws {
    #expect(try await SandboxFixture().run("echo /proc/[0-9]*").output == "/proc/1 /proc/2\n")
  }

  @Test func `the host name is set, and the work directory is left empty`() async throws {
    let fixture = try SandboxFixture()
    #expect(try await fixture.run("hostname") { $0.hostname = "builder" }.output == "builder\n")
    #expect(try names(inDirectory: fixture.directory.appending("work")).isEmpty)
  }

  @Test func `the mounts of the host are not visible`() async throws {
    let output = try await SandboxFixture().run("cat /proc/self/mounts").output
    for line in output.split(separator: "\n") {
      let place = line.split(separator: " ")[1]
      let isOurs =
        place == "/" || ["/proc", "/sys", "/dev", "/etc/"].contains { place.hasPrefix($0) }
      #expect(isOurs, "\(line)")
    }
  }

  @Test func `the program behind process 1 can be neither read nor traced`() async throws {
    let output = try await SandboxFixture().run(
      "cat /proc/1/exe > /dev/null; cat /proc/1/environ; readlink /proc/1/exe || echo refused"
    ).output
    #expect(output.hasSuffix("refused\n"))
    #expect(!output.contains("PATH"))
  }

  @Test func `devices of the root and of dev cannot be opened, those mounted can`() async throws {
    let fixture = try SandboxFixture()
    let output = try await fixture.run(
      """
      mknod /null c 1 3 && mknod /dev/other c 1 3
      cat /null 2> /dev/null || echo refused
      cat /dev/other 2> /dev/null || echo refused
      chmod 600 /dev/null && cat /dev/null && (echo > /dev/full) 2> /dev/null || echo full
      """
    ).output
    #expect(output.contains("refused\nrefused\n") && output.hasSuffix("full\n"))
    #expect(try FileStatus(of: "/dev/null").permissions == 0o666)
    #expect(try fixture.changes() == ["null"])
  }

  @Test func `a hundred lower directories are stacked in order`() async throws {
    let fixture = try SandboxFixture()
    var lower = [fixture.base]
    for number in 0..<100 {
      let name = String(repeating: "0123456789abcdef", count: 4) + "-\(number)"
      let layer = fixture.directory.appending(name)
      try makeDirectory(layer, mode: 0o755)
      try write("\(number)", to: layer.appending("shared"))
      try write("\(number)", to: layer.appending("only-\(number)"))
      lower.insert(layer, at: 0)
    }
    let (end, output) = try await fixture.run(
      "cat /shared /only-0 /only-99; ls / | grep -c only", over: lower)
    #expect(end == .exited(0))
    #expect(output == "99099100\n")
  }

  @Test func `a rehearsal succeeds where a command would run`() async throws {
    let fixture = try SandboxFixture()
    try await fixture.sandbox().rehearse(in: fixture.root())
    #expect(try fixture.changes() == [])
  }
}
