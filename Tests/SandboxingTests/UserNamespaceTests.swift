// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Testing

@testable import Sandboxing

@Suite struct SubordinateIDsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var text: String
    var expected: [SubordinateIDs]
    var testDescription: String { text }
  }

  @Test(arguments: [
    Case(text: "anna:100000:65536\n", expected: [SubordinateIDs(first: 100000, count: 65536)]),
    Case(
      text: "bob:1:2\nanna:5:6\n1000:7:8",
      expected: [SubordinateIDs(first: 5, count: 6), SubordinateIDs(first: 7, count: 8)]),
    Case(text: "# anna:1:2\nanna:1\nanna:x:2\nanna:1:0\nanna:-1:2\nanna:1:2:3", expected: []),
    Case(text: "anna:4294967295:2", expected: []),
    Case(text: "", expected: []),
  ])
  func `the ranges of a user are found by name and number`(_ c: Case) {
    #expect(SubordinateIDs.ranges(in: Array(c.text.utf8), of: ["anna", "1000"]) == c.expected)
  }

  @Test func `the user becomes 0 and the ranges follow without gaps`() {
    let ranges = [SubordinateIDs(first: 5, count: 6), SubordinateIDs(first: 70, count: 8)]
    #expect(
      SubordinateIDs.mapArguments(own: 1000, ranges: ranges)
        == ["0", "1000", "1", "1", "5", "6", "7", "70", "8"])
  }
}

@Suite(.timeLimit(.minutes(1))) struct ReexecutionTests {
  @Test func `a program that ends before it asks for a namespace is an error`() {
    let namespace = UserNamespace(
      newuidmap: "/bin/false", newgidmap: "/bin/false", uids: [], gids: [])
    #expect(
      throws: SandboxError.refused(operation: "make a user namespace", path: nil, errno: EPIPE)
    ) {
      try namespace.reexecute(arguments: ["caisson"], environment: [], programPath: "/bin/false")
    }
  }

  @Test func `a tool that refuses the IDs is quoted`() throws {
    let namespace = UserNamespace(newuidmap: "/bin/ls", newgidmap: "/bin/false", uids: [], gids: [])
    let error = #expect(throws: SandboxError.self) {
      try namespace.reexecute(
        arguments: ["caisson"], environment: [], programPath: try testProgram())
    }
    guard case .idMapRefused(tool: "/bin/ls", let message) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(message.contains("cannot access"))
  }
}

/// Runs the test program as an ordinary user, made for the purpose.
@Suite(
  .enabled(
    if: SandboxFixture.isPossible && exists("/usr/bin/newuidmap") && exists("/usr/sbin/useradd"),
    "needs root, /bin/busybox, and the packages uidmap and passwd"),
  .serialized, .timeLimit(.minutes(2)))
struct OrdinaryUserTests {
  @Test func `a user with ranges is root in the sandbox, and the layer has its changes`()
    async throws
  {
    let user = try OrdinaryUser()
    let (end, output) = try await user.run(
      "id -u; touch /f; chown 5:6 /f; rm /bin/false; rm -r /etc/d && mkdir /etc/d; exit 42")
    #expect(output == "0\n")
    #expect(end == .exited(42))
    #expect(
      try user.fixture.changes() == ["bin/", "bin/false removed", "etc/", "etc/d/", "f"])
    #expect(try FileStatus(of: user.fixture.upper.appending("f")).uid == user.firstSubordinate + 4)
    #expect(
      try extendedAttributes(of: user.fixture.upper.appending("etc/d")).contains(
        ExtendedAttribute(name: "user.overlay.opaque", value: Array("y".utf8))))
  }

  @Test func `an ordinary user's sandbox leaves nothing either`() async throws {
    let user = try OrdinaryUser()
    let (end, output) = try await user.run("cat /etc/resolv.conf > /dev/null; echo /proc/[0-9]*")
    #expect(end == .exited(0))
    #expect(output == "/proc/1 /proc/2\n")
    #expect(try user.fixture.changes() == [])
  }

  @Test func `signals reach the program in its namespace`() async throws {
    let user = try OrdinaryUser()
    let output = try Pipe()
    let pid = try user.start("echo ready; sleep 1000", output: output.writer)
    output.closeWriter()
    #expect(try await output.line() == "ready")
    kill(pid, SIGTERM)
    #expect(try await output.rest() == "")
    #expect(try waitForEnd(of: pid) == .exited(128 + SIGTERM))
  }

  @Test func `killing the program outside ends all inside`() async throws {
    let user = try OrdinaryUser()
    let output = try Pipe()
    let pid = try user.start(
      "setsid sleep 1000 & echo ready; sleep 1000", output: output.writer)
    output.closeWriter()
    #expect(try await output.line() == "ready")
    kill(pid, SIGKILL)
    #expect(try await output.rest() == "")
    #expect(try waitForEnd(of: pid) == .signaled(SIGKILL))
  }

  @Test func `a user without ranges is told so`() async throws {
    let user = try OrdinaryUser(hasRanges: false)
    let (end, output) = try await user.run("true")
    #expect(end == .exited(3))
    #expect(output.contains("this place allows no namespaces"))
    #expect(output.contains("has no range in /etc/subuid"))
  }
}

/// A user account with a fixture that belongs to it; both go with the value.
final class OrdinaryUser: Sendable {
  let fixture: SandboxFixture
  let name: String
  let uid: UInt32
  let gid: UInt32
  let firstSubordinate: UInt32

  init(hasRanges: Bool = true) throws {
    name = "caisson-\(UInt32.random(in: 100_000...999_999))"
    try #require(try Self.call("/usr/sbin/useradd", ["--no-create-home", name]) == .exited(0))
    if !hasRanges {
      let ranges = ["--del-subuids", "0-4294967294", "--del-subgids", "0-4294967294"]
      try #require(try Self.call("/usr/sbin/usermod", ranges + [name]) == .exited(0))
    }
    let entry = try #require(getpwnam(name))
    uid = entry.pointee.pw_uid
    gid = entry.pointee.pw_gid
    firstSubordinate =
      SubordinateIDs.ranges(in: try contents(of: "/etc/subuid"), of: [name]).first?.first ?? 0
    fixture = try SandboxFixture()
    try makeDirectory(fixture.base.appending("etc/d"))
    try copy(testProgram(), to: fixture.directory.appending("program"), mode: 0o755)
    try #require(
      try Self.call("/bin/chown", ["-Rh", "\(uid):\(gid)", fixture.directory.description])
        == .exited(0))
  }

  deinit { _ = try? Self.call("/usr/sbin/userdel", [name]) }

  /// Starts the test program as the user.
  func start(_ line: String, output: Int32) throws -> pid_t {
    try ChildProcess(
      program: "/usr/bin/setpriv",
      arguments: [
        "setpriv", "--reuid=\(uid)", "--regid=\(gid)", "--clear-groups",
        fixture.directory.appending("program").description, fixture.directory.description, "sh",
        "-c", line,
      ],
      descriptors: [(1, output), (2, output)], isDetached: true
    ).start()
  }

  func run(_ line: String) async throws -> (end: ProcessEnd, output: String) {
    let output = try Pipe()
    let pid = try start(line, output: output.writer)
    output.closeWriter()
    let text = try await output.rest()
    return (try waitForEnd(of: pid), text)
  }

  private static func call(_ program: PathBytes, _ arguments: [String]) throws -> ProcessEnd {
    let null = try FileDescriptor.open("/dev/null", flags: O_RDWR)
    return try waitForEnd(
      of: ChildProcess(
        program: program, arguments: [program.description] + arguments,
        environment: ["PATH=/usr/sbin:/usr/bin:/bin"],
        descriptors: [(0, null.number), (1, null.number), (2, null.number)], isDetached: true
      ).start())
  }
}
