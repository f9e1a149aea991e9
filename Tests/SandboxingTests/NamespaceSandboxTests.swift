// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Testing

@testable import Sandboxing

@Suite(.enabled(if: SandboxFixture.isPossible, "needs root and /bin/busybox"))
struct NamespaceSandboxTests {
  @Test(arguments: [
    ("exit 42", ProcessEnd.exited(42)), ("true", .exited(0)), ("kill -TERM $$", .signaled(15)),
    ("kill -KILL $$", .signaled(9)),
  ])
  func `exit codes and signals come through`(line: String, end: ProcessEnd) async throws {
    #expect(try await SandboxFixture().run(line).end == end)
  }

  @Test func `true leaves nothing in the upper directory`() async throws {
    let fixture = try SandboxFixture()
    _ = try await fixture.run("true")
    #expect(try fixture.changes() == [])
  }

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

  @Test func `processes left behind are gone, also those in sessions of their own`() async throws {
    let mark = "9\(UInt32.random(in: 10_000_000...99_999_999))"
    let (end, output) = try await SandboxFixture().run(
      "sleep \(mark) & setsid sleep \(mark) & ps | grep -c 'sleep \(mark)'")
    #expect(end == .exited(0))
    #expect(output != "0\n")
    #expect(try !allCommandLines().contains { $0.contains("sleep \(mark)") })
  }

  @Test func `the user, group and groups are exactly those asked for`() async throws {
    let output = try await SandboxFixture().run("id -u; id -g; grep Groups /proc/self/status") {
      $0.uid = 1000
      $0.gid = 1001
      $0.groups = [7, 8]
    }.output
    #expect(output == "1000\n1001\nGroups:\t7 8 \n")
  }

  @Test func `root has no groups and the fourteen capabilities of a container`() async throws {
    let pattern = "Groups|Cap(Inh|Eff|Bnd|Amb)|NoNewPrivs|Sig(Blk|Ign)"
    let output = try await SandboxFixture().run("") {
      $0.program = .arguments(["grep", "-E", pattern, "/proc/self/status"])
    }.output
    #expect(
      output == """
        Groups:\t 
        SigBlk:\t0000000000000000
        SigIgn:\t0000000000000000
        CapInh:\t0000000000000000
        CapEff:\t00000000a80425fb
        CapBnd:\t00000000a80425fb
        CapAmb:\t0000000000000000
        NoNewPrivs:\t0

        """)
  }

  @Test func `a command sees its own processes only, and no descriptors but three`() async throws {
    let output = try await SandboxFixture().run(
      "echo /proc/[0-9]*; for n in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$n ] && echo $n; done"
    ).output
    #expect(output == "/proc/1 /proc/2\n0\n1\n2\n")
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

  @Test func `a second command finds what the first one left`() async throws {
    let fixture = try SandboxFixture()
    #expect(try await fixture.run("echo 1 > /f; rm /bin/false").end == .exited(0))
    #expect(
      try await fixture.run("cat /f; ls /bin/false 2> /dev/null || echo no").output == "1\nno\n")
    #expect(try names(inDirectory: fixture.directory.appending("work")).isEmpty)
  }

  @Test func `environment, directory, umask, host name and standard input are set`() async throws {
    let output = try await SandboxFixture().run("env; pwd; umask; hostname; cat; echo end") {
      $0.environment = ["PATH=/bin", "A=b c"]
      $0.workingDirectory = "/bin"
      $0.hostname = "builder"
    }.output
    let lines = Set(output.split(separator: "\n").map { String($0) })
    #expect(lines.isSuperset(of: ["A=b c", "PATH=/bin", "/bin", "0022", "builder", "end"]))
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

  @Test func `an empty base has the mount points too`() async throws {
    let fixture = try SandboxFixture()
    try copy(SandboxFixture.busybox, to: fixture.upper.appending("busybox"), mode: 0o755)
    let output = try await fixture.run("", over: []) {
      $0.program = .arguments(["/busybox", "ls", "/", "/etc"])
    }.output
    #expect(output == "/:\nbusybox\ndev\netc\nproc\nsys\n\n/etc:\nhostname\nhosts\nresolv.conf\n")
  }

  @Test func `a script is started by its own interpreter and is no part of the layer`() async throws
  {
    let fixture = try SandboxFixture()
    let (end, output) = try await fixture.run("") {
      $0.program = .script("#!/bin/sh\necho $0\nexit 3\n")
      $0.uid = 1000
    }
    #expect(end == .exited(3))
    #expect(output == "/dev/.caisson/script\n")
    #expect(try fixture.changes() == [])
  }

  @Test func `sandboxes run side by side on the same layers`() async throws {
    try await withThrowingTaskGroup(of: String.self) { group in
      let first = try SandboxFixture()
      for number in 0..<3 {
        group.addTask {
          let fixture = try SandboxFixture(withBusybox: false)
          return try await fixture.run("echo \(number) > /f; cat /f", over: [first.base]).output
        }
      }
      var outputs: Set<String> = []
      for try await output in group { outputs.insert(output) }
      #expect(outputs == ["0\n", "1\n", "2\n"])
    }
  }

  @Test func `a rehearsal succeeds where a command would run`() async throws {
    let fixture = try SandboxFixture()
    try await fixture.sandbox().rehearse(in: fixture.root())
    #expect(try fixture.changes() == [])
  }
}
