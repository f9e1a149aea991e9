// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import Testing

@testable import Sandboxing

@Suite struct CgroupLimitsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var membership: String
    var mounts: [Mount]
    var files: [String: String]
    var expected: CgroupLimits
  }

  private static let unified = Mount(point: "/sys/fs/cgroup", type: "cgroup2")

  private static func controller(_ name: String, root: PathBytes = "/") -> Mount {
    Mount(
      root: root, point: PathBytes("/sys/fs/cgroup/" + name), type: "cgroup",
      superOptions: ["rw"] + name.split(separator: ",").map(String.init))
  }

  @Test(arguments: [
    Case(
      testDescription: "a pod with a group namespace", membership: "0::/\n", mounts: [unified],
      files: [
        "/sys/fs/cgroup/memory.max": "1073741824\n", "/sys/fs/cgroup/memory.current": "4096\n",
        "/sys/fs/cgroup/cpu.max": "150000 100000\n", "/sys/fs/cgroup/pids.max": "1024\n",
      ],
      expected: CgroupLimits(
        version: .v2, memoryLimitInBytes: 1 << 30, memoryUsedInBytes: 4096, processors: 1.5,
        processLimit: 1024)),
    Case(
      testDescription: "nested groups: the lowest limit counts",
      membership: "0::/kubepods/pod1/box\n", mounts: [unified],
      files: [
        "/sys/fs/cgroup/kubepods/pod1/box/memory.max": "max\n",
        "/sys/fs/cgroup/kubepods/pod1/box/memory.current": "10\n",
        "/sys/fs/cgroup/kubepods/pod1/memory.max": "500\n",
        "/sys/fs/cgroup/kubepods/memory.max": "900\n",
        "/sys/fs/cgroup/kubepods/pod1/cpu.max": "max 100000\n",
        "/sys/fs/cgroup/kubepods/cpu.max": "50000 100000\n",
        "/sys/fs/cgroup/kubepods/pod1/pids.max": "max\n",
      ],
      expected: CgroupLimits(
        version: .v2, memoryLimitInBytes: 500, memoryUsedInBytes: 10, processors: 0.5)),
    Case(
      testDescription: "version 1, mounted from the pod's own group",
      membership: "5:memory:/kubepods/pod1\n4:cpu,cpuacct:/kubepods/pod1\n3:pids:/kubepods/pod1\n",
      mounts: [
        controller("memory", root: "/kubepods/pod1"),
        controller("cpu,cpuacct", root: "/kubepods/pod1"),
        controller("pids", root: "/kubepods/pod1"),
      ],
      files: [
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "2048\n",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes": "1024\n",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "200000\n",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/pids/pids.max": "77\n",
      ],
      expected: CgroupLimits(
        version: .v1, memoryLimitInBytes: 2048, memoryUsedInBytes: 1024, processors: 2,
        processLimit: 77)),
    Case(
      testDescription: "hybrid, without limits",
      membership: "4:memory:/a\n1:cpu:/\n0::/\n",
      mounts: [
        controller("memory"), controller("cpu"),
        Mount(point: "/sys/fs/cgroup/unified", type: "cgroup2"),
      ],
      files: [
        "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712\n",
        "/sys/fs/cgroup/memory/a/memory.usage_in_bytes": "1\n",
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
      ],
      expected: CgroupLimits(version: .hybrid, memoryUsedInBytes: 1)),
    Case(
      testDescription: "a group outside of what is mounted", membership: "0::/../other\n",
      mounts: [unified], files: ["/sys/fs/cgroup/memory.max": "5\n"],
      expected: CgroupLimits(version: .v2, memoryLimitInBytes: 5)),
    Case(
      testDescription: "nothing mounted, nonsense inside", membership: "0:\n::::\n", mounts: [],
      files: [:], expected: CgroupLimits()),
    Case(
      testDescription: "files that are no numbers", membership: "0::/\n", mounts: [unified],
      files: [
        "/sys/fs/cgroup/memory.max": "many", "/sys/fs/cgroup/cpu.max": "1 0",
        "/sys/fs/cgroup/pids.max": "",
      ],
      expected: CgroupLimits(version: .v2)),
  ])
  func `limits of control groups are found`(_ c: Case) {
    let limits = CgroupLimits(membership: c.membership, mounts: c.mounts) {
      c.files[$0.description]
    }
    #expect(limits == c.expected)
  }
}
