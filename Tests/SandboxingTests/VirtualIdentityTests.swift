// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Testing

@testable import Sandboxing

@Suite(.enabled(if: SandboxFixture.isPossible, "needs /bin/busybox"), .timeLimit(.minutes(2)))
struct VirtualIdentityTests {
  @Test func `a command is root with the capabilities of a container, and its user afterwards`()
    async throws
  {
    let fixture = try SandboxFixture(.virtual)
    let line = "grep -E '^(Uid|Gid|Groups|CapEff|NoNewPrivs|Umask)' /proc/self/status"
    #expect(
      try await fixture.run(line).output == """
        Umask:\t0022
        Uid:\t0\t0\t0\t0
        Gid:\t0\t0\t0\t0
        Groups:\t 
        CapEff:\t00000000a80425fb
        NoNewPrivs:\t0

        """)
    let output = try await fixture.run("id -u; \(line)") { $0.uid = 1000 }.output
    #expect(output.hasPrefix("1000\nUmask:\t0022\nUid:\t1000\t1000\t1000\t1000\n"))
    #expect(output.contains("CapEff:\t0000000000000000\n"))
  }

  @Test func `only the processes of the sandbox are there`() async throws {
    let fixture = try SandboxFixture(.virtual)
    let output = try await fixture.run(
      """
      for f in /proc/[0-9]*; do readlink $f/exe > /dev/null || echo strange $f; done
      kill -0 $PPID 2> /dev/null && echo parent
      kill -0 1 2> /dev/null && echo first
      [ -d /proc/\(getpid()) ] && echo builder
      kill -0 $$ && echo own
      """
    ).output
    #expect(output == "own\n")
  }

  @Test func `a signal to all reaches the sandbox alone`() async throws {
    let fixture = try SandboxFixture(.virtual)
    // A shell that has forked hears the signals of its parent until it is another program.
    let output = try await fixture.run(
      "trap 'echo heard' TERM; sleep 60 & until grep -q ^sleep /proc/$!/cmdline; do :; done; "
        + "(kill -TERM -1); wait; wait $!; echo $?"
    ).output
    #expect(output == "heard\n143\n")
  }

  @Test(arguments: [
    "mount -t tmpfs none /mnt", "busybox chroot / true", "busybox unshare -m true",
    "busybox dmesg", "hostname x", "busybox pivot_root / /mnt",
    "echo 1 > /proc/sys/kernel/hostname", "echo 1 > /sys/kernel/profiling",
    "mkdir /sys/fs/cgroup/x", "echo 0 > /proc/self/uid_map", "busybox renice -n -5 -p $$",
  ])
  func `what a container may not do is refused`(line: String) async throws {
    let fixture = try SandboxFixture(.virtual)
    try makeDirectories(fixture.base.appending("mnt"))
    let output = try await fixture.run("\(line) && echo done").output
    #expect(!output.hasSuffix("done\n") && !output.contains("not found"))
  }

  @Test func `what a call that waits was asked is not told`() async throws {
    let fixture = try SandboxFixture(.virtual)
    let output = try await fixture.run(
      "sleep 60 & cat /proc/$!/syscall /proc/$!/task/$!/syscall; kill $!; echo done"
    ).output
    #expect(output == "done\n")
  }

  @Test func `the mounts and mappings do not tell of the machine`() async throws {
    let fixture = try SandboxFixture(.virtual)
    let output = try await fixture.run(
      "cat /proc/self/mounts /proc/self/mountinfo /proc/self/maps /proc/self/limits"
    ).output
    #expect(output.hasPrefix("overlay / overlay rw,relatime 0 0\n"))
    #expect(!output.contains(fixture.directory.description))
    #expect(output.contains("Max file locks            unlimited "))
  }
}
