// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import Testing

@testable import VirtualRoot

@Suite("Texts of /proc") struct ProcessTextTests {
  private let status = """
    Name:\tsh
    Umask:\t0000
    State:\tR (running)
    Pid:\t7
    TracerPid:\t5
    Uid:\t65532\t65532\t65532\t65532
    Gid:\t65532\t65532\t65532\t65532
    FDSize:\t64
    Groups:\t65532 
    VmPeak:\t    2576 kB
    CapInh:\t0000000000000000
    CapPrm:\t0000000000000000
    CapEff:\t0000000000000000
    CapBnd:\t0000000000000000
    CapAmb:\t0000000000000000
    NoNewPrivs:\t1
    Seccomp:\t2
    Seccomp_filters:\t2

    """

  @Test("status tells of the virtual user")
  func virtualStatus() throws {
    var own = Credentials(uid: 0, gid: 0, groups: [27, 4])
    try own.setUserIDs(real: .max, effective: 5, saved: 0)
    let text = ProcessText.status(
      Array(status.utf8), of: .init(credentials: own, umask: 0o22, isTraced: false))
    #expect(
      String(decoding: text, as: UTF8.self) == """
        Name:\tsh
        Umask:\t0022
        State:\tR (running)
        Pid:\t7
        TracerPid:\t0
        Uid:\t0\t5\t0\t5
        Gid:\t0\t0\t0\t0
        FDSize:\t64
        Groups:\t4 27 
        VmPeak:\t    2576 kB
        CapInh:\t0000000000000000
        CapPrm:\t00000000a80425fb
        CapEff:\t0000000000000000
        CapBnd:\t00000000a80425fb
        CapAmb:\t0000000000000000
        NoNewPrivs:\t0
        Seccomp:\t2
        Seccomp_filters:\t1

        """)
  }

  @Test("limits do not show the mark")
  func limits() {
    let before = "Max pending signals       15000                15000                signals   \n"
    let mark = "Max file locks            4503599627370496     unlimited            locks     \n"
    let free = "Max file locks            unlimited            unlimited            locks     \n"
    #expect(ProcessText.limits(Array((before + mark).utf8)) == Array((before + free).utf8))
  }

  @Test(
    "mappings have the paths of the sandbox",
    arguments: [
      ("7f0-7f1 r--p 00000000 08:01 12      /w/root/usr/lib/libc.so", "/usr/lib/libc.so"),
      ("7f0-7f1 r--p 00000000 08:01 12      /w/root/tmp/x (deleted)", "/tmp/x (deleted)"),
      ("7f0-7f1 r--p 00000000 08:01 12      /w/scratch/hosts", "/etc/hosts"),
      ("7f0-7f1 r--p 00000000 08:01 12      /w/scratch/other", ""),
      ("7f0-7f1 r--p 00000000 08:01 12      /w/rooted/x", "/w/rooted/x"),
      ("7f0-7f1 r--p 00000000 00:01 12      /memfd:loader (deleted)", ""),
      ("7f0-7f1 r--p 00000000 00:01 12      [heap]", "[heap]"),
      ("7f0 default file=/w/root/bin/sh mapped=1 N0=1", "file=/bin/sh mapped=1 N0=1"),
      ("VmFlags: rd ex mr", "VmFlags: rd ex mr"),
    ])
  func mappings(line: String, ending: String) {
    let renamings: [ProcessText.Renaming] = [
      .init(from: "/w/scratch/hosts", to: "/etc/hosts"), .init(from: "/memfd:loader", to: nil),
      .init(from: "/w/scratch", to: nil), .init(from: "/w/root", to: "/"),
    ]
    let text = String(
      decoding: ProcessText.mappings(Array((line + "\n").utf8), renamings), as: UTF8.self)
    #expect(text.hasSuffix((ending.isEmpty ? " " : ending) + "\n"))
    #expect(text.hasPrefix(line.prefix(10)))
    #expect(ending == line || !text.contains("/w/root/") && !text.contains("/w/scratch"))
  }

  private let mounts = MountText(entries: [
    .init(path: "/", domain: .tree, isReadOnly: false, device: (8, 1)),
    .init(path: "/dev", domain: .tree, isReadOnly: false, device: (8, 1)),
    .init(path: "/proc", domain: .process, isReadOnly: false, device: (0, 22)),
    .init(path: "/dev/pts", domain: .system, isReadOnly: true, device: (0, 23)),
    .init(path: "/a b", domain: .tree, isReadOnly: true, device: (8, 1)),
  ])

  @Test(
    "mounts are those of a container",
    arguments: [
      (
        .table,
        """
        overlay / overlay rw,relatime 0 0
        tmpfs /dev tmpfs rw,nosuid 0 0
        proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0
        devpts /dev/pts devpts ro,nosuid,noexec,relatime 0 0
        tmpfs /a\\040b tmpfs ro,nosuid,nodev,relatime 0 0

        """
      ),
      (
        .details,
        """
        100 99 8:1 / / rw,relatime - overlay overlay rw
        101 100 8:1 / /dev rw,nosuid - tmpfs tmpfs rw
        102 100 0:22 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
        103 101 0:23 / /dev/pts ro,nosuid,noexec,relatime - devpts devpts ro
        104 100 8:1 / /a\\040b ro,nosuid,nodev,relatime - tmpfs tmpfs ro

        """
      ),
      (
        .statistics,
        """
        device overlay mounted on / with fstype overlay
        device tmpfs mounted on /dev with fstype tmpfs
        device proc mounted on /proc with fstype proc
        device devpts mounted on /dev/pts with fstype devpts
        device tmpfs mounted on /a\\040b with fstype tmpfs

        """
      ),
    ] as [(MountText.Format, String)])
  func mountTable(format: MountText.Format, expected: String) {
    #expect(String(decoding: mounts.text(format), as: UTF8.self) == expected)
  }

  @Test(
    "each file has its view",
    arguments: [
      ("", .processes), ("7/status", .status), ("7/task/8/status", .status),
      ("7/maps", .mappings), ("7/task/8/smaps", .mappings), ("7/mountinfo", .mounts(.details)),
      ("7/mounts", .mounts(.table)), ("7/limits", .limits), ("7/cmdline", .real), ("7", .real),
      ("kcore", .empty), ("acpi", .emptyDirectory), ("acpi/x", .absent), ("cpuinfo", .real),
      ("sys/kernel/status", .real),
    ] as [(String, ProcessFileView)])
  func views(path: String, expected: ProcessFileView) throws {
    #expect(try file(path).view == expected)
  }

  @Test(
    "only a few files of a process may be written",
    arguments: [
      ("7/comm", nil), ("7/task/8/comm", nil), ("7/attr/exec", nil), ("7/oom_score_adj", nil),
      ("7/uid_map", .notPermitted), ("7/status", .accessDenied), ("sys/kernel/x", .readOnly),
      ("sysrq-trigger", .readOnly), ("cpuinfo", .accessDenied),
    ] as [(String, Errno?)])
  func writing(path: String, expected: Errno?) throws {
    #expect(try file(path).writeError == expected)
  }

  private func file(_ path: String) throws -> ProcessFile {
    let buffer = PathBuffer()
    try buffer.append(PathBytes(path))
    return ProcessFile(buffer)
  }
}

@Suite("File systems of the machine") struct MountedDevicesTests {
  private let text = """
    22 28 0:21 / /sys rw,nosuid shared:7 - sysfs sysfs rw
    30 22 0:27 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw
    31 22 0:28 / /system rw - ext4 /dev/sda rw
    32 22 259:3 / /a\\040b/c rw - ext4 /dev/sda rw

    """

  @Test(
    "are those mounted below a directory",
    arguments: [
      ("/sys", [0x15, 0x1B]), ("/a b", [259 << 8 | 3]), ("/none", []),
    ] as [(String, [UInt64])])
  func below(directory: String, expected: [UInt64]) {
    #expect(MountedDevices.below(PathBytes(directory), in: Array(text.utf8)) == expected)
  }
}
