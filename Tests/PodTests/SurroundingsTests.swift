// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The pods are what they are said to be, and what watches over the builds would notice.
@Suite(.enabled(if: PodSurroundings.obstacle == nil, PodSurroundings.obstacle))
struct SurroundingsTests {
  struct Allowances: Sendable, CustomTestStringConvertible {
    var pod: String
    /// Lines of `Programs/probe.c`.
    var expected: [String]
    var testDescription: String { pod }
  }

  /// What the runtimes' default profile refuses, whoever asks.
  static let refusals = [
    "unshare-user EPERM", "unshare-mount EPERM", "clone-user EPERM", "clone3 ENOSYS",
    "setns EPERM", "mount EPERM", "umount2 EPERM", "fsopen EPERM", "open_tree EPERM",
    "pivot_root EPERM", "bpf EPERM", "pidfd_getfd EPERM", "kcmp EPERM", "open_by_handle_at EPERM",
    "io_uring_setup EPERM", "keyctl EPERM", "userfaultfd EPERM",
    "personality-no-randomization EPERM", "socket-alg EPERM", "socket-vsock EPERM",
  ]
  /// What it lets through.
  static let permissions = [
    "pidfd_open ok", "process_vm_readv ok", "ptrace ok", "personality-query ok", "socket-unix ok",
    "openat2 ok", "memfd_create ok", "seccomp EFAULT", "mknod-whiteout ok", "mknod-fifo ok",
  ]
  /// What takes a capability, and there is none.
  static let powerless = [
    "chroot EPERM", "chown-other EPERM", "capability-attribute EPERM", "mknod-device EPERM",
    "setuid-other EPERM", "setgroups EPERM", "socket-raw EPERM",
  ]
  static let powerful = [
    "chroot ok", "chown-other ok", "capability-attribute ok", "setuid-other ok", "setgroups ok",
  ]

  @Test(arguments: [
    Allowances(
      pod: "restricted",
      expected: refusals + permissions + powerless + ["no_new_privs ok", "write-root EACCES"]),
    Allowances(
      pod: "read-only",
      expected: refusals + permissions + powerless + ["no_new_privs ok", "write-root EROFS"]),
    Allowances(
      pod: "openshift",
      expected: refusals + permissions + powerless + ["no_new_privs ok", "write-root EACCES"]),
    Allowances(
      pod: "root",
      expected: refusals + permissions + powerful
        + ["no_new_privs ENODATA", "mknod-device ok", "socket-raw ok", "write-proc-sys EROFS"]),
    Allowances(
      pod: "few-capabilities",
      expected: refusals + permissions
        + ["chroot EPERM", "chown-other ok", "setuid-other EPERM", "capability-attribute EPERM"]),
    Allowances(
      pod: "no-capabilities",
      expected: refusals + permissions + powerless + ["no_new_privs ok", "write-root ok"]),
    Allowances(
      pod: "user-namespace",
      expected: refusals + permissions + powerful + ["mknod-device EPERM", "write-root ok"]),
    Allowances(
      pod: "privileged",
      expected: permissions + powerful
        + ["unshare-user ok", "mount ok", "clone3 EINVAL", "mknod-device ok", "kcmp ok"]),
  ])
  func `a pod allows what its kind allows`(_ c: Allowances) async throws {
    let result = try await Pod(kind: c.pod).run("/pod-tests/probe-static")
    #expect(result.status == 0, "\(result.errors)")
    let lines = Set(result.output.split(separator: "\n").map(String.init))
    #expect(c.expected.filter { !lines.contains($0) } == [])
  }

  @Test(arguments: Pod.kinds)
  func `unshare -Ur true fails in all but privileged pods`(_ pod: Pod) async throws {
    let result = try await pod.run(
      "/pod-tests/busybox", "unshare", "-Ur", "/pod-tests/busybox", "true")
    if pod.kind == "privileged" {
      #expect(result.status == 0, "\(result.errors)")
    } else {
      #expect(result.status == 1)
      #expect(result.errors.contains("Operation not permitted"))
    }
  }

  @Test func `the hunter finds what is there to be found`() async throws {
    let line = "/pod-tests/busybox sleep 60 & /pod-tests/hunter-static; exit 0"
    let result = try await Pod(kind: "restricted").run("/pod-tests/busybox", "sh", "-c", line)
    for find in [
      "the file /var/run/secrets/kubernetes.io/serviceaccount/token",
      "the file /kaniko/.docker/config.json", "the file /canary/file",
      "the file /workspace/canary/directory/below/file", "the environment GIT_PASSWORD",
      "the file /proc/1/environ", "the memory of process /proc/1/maps", "the stack of process 2",
    ] {
      #expect(result.output.contains("found a secret in " + find))
    }
  }

  @Test(arguments: [
    ["cat", "/canary/file"], ["ls", "/canary"], ["touch", "/workspace/canary/file"],
    ["chmod", "600", "/canary/link"], ["rm", "/canary/directory/below/file"],
    ["mkdir", "/workspace/canary/directory/made"], ["readlink", "/canary/link"],
  ])
  func `a canary notes when it is touched`(_ command: [String]) async throws {
    let surroundings = try await PodSurroundings.shared.value
    let result = try await Command(
      [Pod.script, "--root", surroundings.root, "restricted", "--", "/pod-tests/busybox"] + command
    ).run()
    #expect(result.status == 1)
    #expect(result.errors.contains("was touched"))
  }

  @Test func `a canary that nobody touches notes nothing`() async throws {
    let result = try await Pod(kind: "restricted").run("/pod-tests/busybox", "stat", "/canary/file")
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test func `a pod that takes too long is killed`() async throws {
    let result = try await Pod(kind: "restricted").run(
      "/pod-tests/busybox", "sleep", "3456789", options: ["--timeout", "2"])
    #expect(result.status == 124)
    let processes = try await Command("pgrep", "-fx", "/pod-tests/busybox sleep 3456789").run()
    #expect(processes.output == "")
  }
}
