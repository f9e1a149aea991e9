// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Testing

@testable import Sandboxing

/// What a command can count on whichever sandbox it runs in.
@Suite(
  .enabled(if: SandboxFixture.isPossible, "needs root and /bin/busybox"), .timeLimit(.minutes(2)))
struct SandboxTests {
  @Test(
    arguments: [
      ("exit 42", ProcessEnd.exited(42)), ("true", .exited(0)), ("kill -TERM $$", .signaled(15)),
      ("kill -KILL $$", .signaled(9)),
    ], SandboxKind.allCases)
  func `exit codes and signals come through`(
    command: (line: String, end: ProcessEnd), kind: SandboxKind
  ) async throws {
    #expect(try await SandboxFixture(kind).run(command.line).end == command.end)
  }

  @Test(arguments: SandboxKind.allCases)
  func `true changes nothing`(kind: SandboxKind) async throws {
    let fixture = try SandboxFixture(kind)
    _ = try await fixture.run("true")
    #expect(try fixture.changes() == [])
  }

  @Test(arguments: SandboxKind.allCases)
  func `processes left behind are gone, also those in sessions of their own`(kind: SandboxKind)
    async throws
  {
    let mark = "9\(UInt32.random(in: 10_000_000...99_999_999))"
    let (end, output) = try await SandboxFixture(kind).run(
      "sleep \(mark) & setsid sleep \(mark) & ps | grep -c 'sleep \(mark)'")
    #expect(end == .exited(0))
    #expect(output != "0\n")
    #expect(try !allCommandLines().contains { $0.contains("sleep \(mark)") })
  }

  @Test(arguments: SandboxKind.allCases)
  func `the user, group and groups are exactly those asked for`(kind: SandboxKind) async throws {
    let output = try await SandboxFixture(kind).run("id -u; id -g; grep Groups /proc/self/status") {
      $0.uid = 1000
      $0.gid = 1001
      $0.groups = [7, 8]
    }.output
    #expect(output == "1000\n1001\nGroups:\t7 8 \n")
  }

  @Test(arguments: SandboxKind.allCases)
  func `root has no groups and the fourteen capabilities of a container`(kind: SandboxKind)
    async throws
  {
    let pattern = "Groups|Cap(Inh|Eff|Bnd|Amb)|NoNewPrivs|Sig(Blk|Ign)"
    let output = try await SandboxFixture(kind).run("") {
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

  @Test(arguments: SandboxKind.allCases)
  func `a command has no descriptors but three`(kind: SandboxKind) async throws {
    let output = try await SandboxFixture(kind).run(
      "for n in 0 1 2 3 4 5 6 7 8 9 64 65 66; do [ -e /proc/$$/fd/$n ] && echo $n; done"
    ).output
    #expect(output == "0\n1\n2\n")
  }

  @Test(arguments: SandboxKind.allCases)
  func `a second command finds what the first one left`(kind: SandboxKind) async throws {
    let fixture = try SandboxFixture(kind)
    #expect(try await fixture.run("echo 1 > /f; rm /bin/false").end == .exited(0))
    #expect(
      try await fixture.run("cat /f; ls /bin/false 2> /dev/null || echo no").output == "1\nno\n")
  }

  @Test(arguments: SandboxKind.allCases)
  func `environment, directory, umask and standard input are set`(kind: SandboxKind) async throws {
    let output = try await SandboxFixture(kind).run("env; pwd; umask; cat; echo end") {
      $0.environment = ["PATH=/bin", "A=b c"]
      $0.workingDirectory = "/bin"
    }.output
    let lines = Set(output.split(separator: "\n").map { String($0) })
    #expect(lines.isSuperset(of: ["A=b c", "PATH=/bin", "/bin", "0022", "end"]))
  }

  @Test(arguments: SandboxKind.allCases)
  func `an empty base has the mount points too`(kind: SandboxKind) async throws {
    let fixture = try SandboxFixture(kind, withBusybox: false)
    let root = kind == .virtual ? fixture.base : fixture.upper
    if kind == .virtual {
      for name in ["bin", "etc"] { try removeTree(root.appending(name)) }
    }
    try copy(SandboxFixture.busybox, to: root.appending("busybox"), mode: 0o755)
    let output = try await fixture.run("", over: []) {
      $0.program = .arguments(["/busybox", "ls", "/", "/etc"])
    }.output
    #expect(output == "/:\nbusybox\ndev\netc\nproc\nsys\n\n/etc:\nhostname\nhosts\nresolv.conf\n")
    #expect(try names(inDirectory: root) == ["busybox"])
  }

  @Test(arguments: SandboxKind.allCases)
  func `a script is started by its own interpreter and is no part of the layer`(kind: SandboxKind)
    async throws
  {
    let fixture = try SandboxFixture(kind)
    let (end, output) = try await fixture.run("") {
      $0.program = .script("#!/bin/sh\necho $0\nexit 3\n")
      $0.uid = 1000
    }
    #expect(end == .exited(3))
    #expect(output == "/dev/.caisson/script\n")
    #expect(try fixture.changes() == [])
  }

  @Test(arguments: SandboxKind.allCases)
  func `output and errors arrive in order`(kind: SandboxKind) async throws {
    let output = try await SandboxFixture(kind).run(
      "echo 1; echo 2 >&2; echo 3; ls /nothing; echo 4 >&2"
    ).output
    #expect(output.hasPrefix("1\n2\n3\n") && output.hasSuffix("4\n"))
  }

  @Test(arguments: SandboxKind.allCases)
  func `devices that every container has can be used`(kind: SandboxKind) async throws {
    let line = """
      cat /dev/null; echo > /dev/null; head -c 3 /dev/zero | od -An -c
      [ "$(head -c 8 /dev/urandom | wc -c)" = 8 ] && (echo > /dev/full) 2> /dev/null || echo full
      echo 1 > /dev/shm/f; cat /dev/shm/f; ls -d /dev/pts /dev/mqueue; stat -c %a /dev/null /dev/shm
      """
    let (end, output) = try await SandboxFixture(kind).run(line)
    #expect(end == .exited(0))
    #expect(output == "  \\0  \\0  \\0\nfull\n1\n/dev/mqueue\n/dev/pts\n666\n1777\n")
  }

  @Test(arguments: SandboxKind.allCases)
  func `both sides of a FIFO wait for each other`(kind: SandboxKind) async throws {
    let output = try await SandboxFixture(kind).run(
      """
      for n in 1 2 3 4 5 6 7 8 9; do
        mkfifo /f; (echo $n > /f &); cat /f; rm /f
      done
      """
    ).output
    #expect(output == (1...9).map { "\($0)\n" }.joined())
  }

  @Test(arguments: SandboxKind.allCases)
  func `terminals can be made`(kind: SandboxKind) async throws {
    let output = try await SandboxFixture(kind).run(
      "script -q -c 'tty; echo on terminal > /dev/tty' /dev/null"
    ).output
    #expect(output.contains("/dev/pts/") && output.contains("on terminal"))
  }

  @Test(arguments: SandboxKind.allCases)
  func `sandboxes run side by side`(kind: SandboxKind) async throws {
    try await withThrowingTaskGroup(of: String.self) { group in
      let first = try SandboxFixture(.namespaces)
      for number in 0..<3 {
        group.addTask {
          let fixture = try SandboxFixture(kind, withBusybox: kind == .virtual)
          return try await fixture.run("echo \(number) > /f; cat /f", over: [first.base]).output
        }
      }
      var outputs: Set<String> = []
      for try await output in group { outputs.insert(output) }
      #expect(outputs == ["0\n", "1\n", "2\n"])
    }
  }
}
