// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import RecordedFiles
import Testing

@testable import Sandboxing

@Suite(.enabled(if: SandboxFixture.isPossible, "needs /bin/busybox"), .timeLimit(.minutes(2)))
struct VirtualSandboxTests {
  @Test func `what a command changes is in the tree, the records and the touched paths`()
    async throws
  {
    let fixture = try SandboxFixture(.virtual)
    try makeDirectories(fixture.base.appending("data/old"))
    try write("a", to: fixture.base.appending("data/a"))
    let line =
      "rm /data/a; echo b > /data/b; rmdir /data/old; chown 7:8 /data/b; chmod 4000 /data/b"
    #expect(try await fixture.run(line).end == .exited(0))
    #expect(try fixture.changes() == ["data", "data/a", "data/b", "data/old"])
    let records = try FileRecords(opening: fixture.tree.records)
    let seen = try records.status(of: fixture.base.appending("data/b"))
    #expect((seen.status.uid, seen.status.gid, seen.status.permissions) == (7, 8, 0o4000))
    #expect(try FileStatus(of: fixture.base.appending("data/b")).permissions == 0o600)
  }

  @Test func `mounts leave no trace in the tree, and no record`() async throws {
    let fixture = try SandboxFixture(.virtual)
    try link(fixture.base.appending("etc/resolv.conf"), to: "../run/resolv.conf")
    try write("own", to: fixture.base.appending("etc/hosts"), mode: 0o640)
    let before = try fixture.times()
    let line = "grep -c localhost /etc/hosts; cat /etc/hostname; [ -f /etc/resolv.conf ] && echo f"
    let output = try await fixture.run(line) { $0.hostname = "builder" }.output
    #expect(output.hasSuffix("\nbuilder\nf\n") && !output.hasPrefix("0"))
    #expect(try fixture.times() == before)
    #expect(try linkTarget(of: fixture.base.appending("etc/resolv.conf")) == "../run/resolv.conf")
    #expect(try contents(of: fixture.base.appending("etc/hosts")) == Array("own".utf8))
    #expect(try FileStatus(of: fixture.base.appending("etc/hosts")).permissions == 0o640)
    #expect(try fixture.changes() == [])
    #expect(try FileRecords(opening: fixture.tree.records).count == 0)
    #expect(try names(inDirectory: fixture.directory.appending("scratch")) == [])
  }

  @Test func `a directory that a mount needed stays when a command put something there`()
    async throws
  {
    let fixture = try SandboxFixture(.virtual)
    try removeTree(fixture.base.appending("etc"))
    #expect(try await fixture.run("echo 1 > /etc/own").end == .exited(0))
    #expect(try names(inDirectory: fixture.base.appending("etc")) == ["own"])
    #expect(try fixture.changes() == ["etc", "etc/own"])
  }

  @Test func `resolver files are mounted where links of the image lead`() async throws {
    let fixture = try SandboxFixture(.virtual)
    try makeDirectories(fixture.base.appending("run"), mode: 0o755)
    try write("", to: fixture.base.appending("run/hosts"))
    try link(fixture.base.appending("etc/hosts"), to: "/run/hosts")
    let output = try await fixture.run("grep -c localhost /run/hosts; readlink /etc/hosts").output
    #expect(output.hasSuffix("/run/hosts\n") && !output.hasPrefix("0"))
  }

  @Test func `nothing of the program that builds can be read`() async throws {
    let fixture = try SandboxFixture(.virtual)
    let (own, records) = (getpid(), fixture.tree.records)
    let output = try await fixture.run(
      """
      for f in environ mem maps fd root/etc/hostname cwd/Package.swift; do
        cat /proc/\(own)/$f 2> /dev/null && echo readable
      done
      parent=$(grep PPid /proc/self/status | grep -o '[0-9]*')
      cat /proc/$parent/../$PPID/environ /proc/$PPID/environ 2> /dev/null
      cat \(records) 2> /dev/null && echo readable
      kill -9 \(own) 2> /dev/null && echo killed
      echo end
      """
    ).output
    #expect(output == "end\n")
  }

  @Test(arguments: [("/link", "/data"), ("/dev/shm", "/dev/shm"), ("/data/../link/..", "/")])
  func `the working directory is found as the command would`(path: String, found: String)
    async throws
  {
    let fixture = try SandboxFixture(.virtual)
    try makeDirectories(fixture.base.appending("data"), mode: 0o755)
    try link(fixture.base.appending("link"), to: "/data")
    #expect(
      try await fixture.run("readlink /proc/self/cwd") { $0.workingDirectory = path }.output
        == found + "\n")
  }

  @Test func `a user cannot start in a directory that is closed to it`() async throws {
    let fixture = try SandboxFixture(.virtual)
    try makeDirectories(fixture.base.appending("closed"), mode: 0o700)
    await #expect(throws: SandboxError.workingDirectory("/closed", errno: EACCES)) {
      try await fixture.run("true") {
        $0.workingDirectory = "/closed"
        $0.uid = 1000
      }
    }
  }

  @Test func `a user without any privilege is root in the sandbox`() async throws {
    let fixture = try SandboxFixture(.virtual)
    try copy(testProgram(), to: fixture.directory.appending("program"), mode: 0o755)
    func start(_ arguments: [String], output: Int32) throws -> pid_t {
      try ChildProcess(
        program: PathBytes(arguments[0]), arguments: arguments,
        descriptors: [(1, output), (2, output)], isDetached: true
      ).start()
    }
    let directory = fixture.directory.description
    let owner = try start(["/bin/chown", "-Rh", "65532:65532", directory], output: 2)
    try #require(try waitForEnd(of: owner) == .exited(0))
    let output = try memoryFile([])
    let line = "id -u; echo 1 > /f; chown 5:6 /f; chmod 0 /f; cat /f; grep CapEff /proc/self/status"
    let pid = try start(
      [
        "/usr/bin/setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", "--no-new-privs",
        "--bounding-set=-all", "--inh-caps=-all", directory + "/program", "virtual", directory,
        "sh", "-c", line,
      ], output: output.number)
    #expect(try waitForEnd(of: pid) == .exited(0))
    try output.seek(to: 0)
    let text = String(decoding: try contents(of: output), as: UTF8.self)
    #expect(text == "0\n1\nCapEff:\t00000000a80425fb\n")
    let seen = try FileRecords(opening: fixture.tree.records)
      .status(of: fixture.base.appending("f"))
    #expect((seen.status.uid, seen.status.gid, seen.status.permissions) == (5, 6, 0))
    #expect(try FileStatus(of: fixture.base.appending("f")).uid == 65532)
  }

  @Test func `damaged records are an error, and the tree stays as it was`() async throws {
    let fixture = try SandboxFixture(.virtual)
    try write("no records", to: fixture.tree.records)
    let before = try fixture.times()
    let error = await #expect(throws: SandboxError.self) { try await fixture.run("true") }
    guard case .recordsDamaged = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try fixture.times() == before)
  }
}

extension SandboxFixture {
  /// The times of the directories that mounts lie in.
  func times() throws -> [FileTime] {
    [try FileStatus(of: base).modified, try FileStatus(of: base.appending("etc")).modified]
  }
}
