// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Testing

@testable import Sandboxing

/// Programs executed in a virtual sandbox, by the loader instead of by the kernel.
@Suite(.enabled(if: SandboxFixture.isPossible, "needs /bin/busybox"), .timeLimit(.minutes(2)))
struct VirtualProgramsTests {
  private func output(_ line: String, with files: [(String, String)] = []) async throws -> String {
    let fixture = try SandboxFixture(.virtual)
    for (name, content) in files {
      try write(content, to: fixture.base.appending(name), mode: 0o755)
    }
    return try await fixture.run(line).output
  }

  @Test func `a program is told its name, and where it lies`() async throws {
    let copied = "cat /bin/busybox > /etc/busybox-own; chmod 755 /etc/busybox-own; cd etc; "
    #expect(
      try await output(copied + "./busybox-own readlink /proc/self/exe") == "/etc/busybox-own\n")
    #expect(
      try await output("exec -a cat busybox /etc/x", with: [("etc/x", "content")]) == "content")
    #expect(try await output("cat /proc/self/comm") == "cat\n")
    let auxiliary = "exec /bin/od -A n -t d8 -w16 /proc/self/auxv"
    #expect(try await output(auxiliary).contains(" 23                    0\n"))
  }

  @Test
  func `scripts get their interpreter's argument, their own name, and the caller's arguments`()
    async throws
  {
    let show = "#!/bin/sh\necho \"$0\" \"$@\"\n"
    #expect(try await output("/show a 'b c'", with: [("show", show)]) == "/show a b c\n")
    #expect(
      try await output(
        "cd bin; ../outer x", with: [("show", show), ("outer", "#! /show one two \n")])
        == "/show one two ../outer x\n")
    #expect(try await output("PATH=/etc; named", with: [("etc/named", show)]) == "/etc/named\n")
    #expect(try await output("./plain", with: [("plain", "echo $0\n")]) == "./plain\n")
  }

  @Test func `five scripts may need one another, six may not`() async throws {
    let chain = (1...6).map { ("s\($0)", $0 == 1 ? "#!/bin/echo\n" : "#!/s\($0 - 1)\n") }
    #expect(try await output("/s5", with: chain) == "/s1 /s2 /s3 /s4 /s5\n")
    #expect(try await output("/s6 2>&1", with: chain).contains("ymbolic link"))
  }

  @Test(arguments: [
    ("/missing", "not found"), ("/etc", "ermission denied"), ("/etc/plain", "ermission denied"),
    ("/bin/sh/x", "not found"), ("/loop", "ymbolic link"), ("/bad", "not found"),
  ])
  func `what cannot be executed is refused as by the kernel`(path: String, reason: String)
    async throws
  {
    let fixture = try SandboxFixture(.virtual)
    try write("echo", to: fixture.base.appending("etc/plain"), mode: 0o644)
    try write("#!/nowhere\n", to: fixture.base.appending("bad"), mode: 0o755)
    try link(fixture.base.appending("loop"), to: "loop")
    let result = try await fixture.run("\(path) 2>&1")
    #expect(result.output.contains(reason))
    #expect(result.end == .exited(127) || result.end == .exited(126))
  }

  @Test func `a program that nobody may read runs`() async throws {
    let line =
      "cd etc; cat /bin/busybox > busybox-own; chmod 0111 busybox-own; ./busybox-own echo a"
    #expect(try await output(line) == "a\n")
  }

  @Test func `a program of 32 bits is refused`() async throws {
    let fixture = try SandboxFixture(.virtual)
    var image: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 9)
    image += [2, 0, 3, 0] + [UInt8](repeating: 0, count: 60)
    let path = fixture.base.appending("bin/old")
    try FileDescriptor.open(path, flags: O_WRONLY | O_CREAT, mode: 0o755).writeAll(image)
    #expect(try await fixture.run("/bin/old 2>&1").end != .exited(0))
  }

  @Test func `a program that was removed can execute itself again`() async throws {
    let line =
      "cat /bin/busybox > /own; chmod 755 /own; exec 5</own; rm /own; exec -a busybox /proc/self/fd/5 "
    #expect(try await output(line + "sh -c 'exec -a busybox /proc/self/exe echo a'") == "a\n")
  }

  @Test func `a program with a set-user-ID bit has its owner's rights`() async throws {
    let line =
      "cat /bin/busybox > /busybox-own; chown 7:8 /busybox-own; chmod 6755 /busybox-own; "
    let output = try await output(line + "/busybox-own grep -E '^[UG]id' /proc/self/status")
    #expect(output == "Uid:\t0\t7\t7\t7\nGid:\t0\t8\t8\t8\n")
  }

  @Test func `hundreds of programs leave no descriptor behind`() async throws {
    let line = "i=0; while [ $i -lt 200 ]; do /bin/true || echo failed; i=$((i+1)); done; "
    #expect(try await output(line + "ls /proc/self/fd | wc -l") == "4\n")
  }
}
