// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import Testing

@testable import Sandboxing

@Suite struct PlaceParsingTests {
  @Test func `the status of a process is read`() {
    let status = ProcessStatus(
      parsing: """
        Name:\tcaisson
        Uid:\t1000\t65532\t65532\t65532
        Gid:\t1000\t0\t0\t0
        Groups:\t0 2000 
        NoNewPrivs:\t1
        Seccomp:\t2
        Seccomp_filters:\t1
        CapInh:\t0000000000000000
        CapPrm:\t0000000000000002
        CapEff:\t0000000000000001
        CapBnd:\t00000000a80425fb
        """)
    #expect(
      status
        == ProcessStatus(
          uid: 65532, gid: 0, groups: [0, 2000], effective: 1, permitted: 2,
          bounding: CapabilityName.runtimeDefaults, hasNoNewPrivileges: true, seccomp: .filter))
  }

  @Test func `a status that says nothing is no crash`() {
    let status = ProcessStatus(parsing: "Uid:\nGroups:\nCapEff:\tzz\nnonsense\n:\n")
    #expect(status.effective == 0)
    #expect(status.groups == [])
    #expect(status.seccomp == nil)
  }

  @Test func `capabilities have their names`() {
    #expect(CapabilityName.names(in: 0) == [])
    #expect(
      CapabilityName.names(in: 1 << 21 | 1 | 1 << 40 | 1 << 41) == [
        "CHOWN", "SYS_ADMIN", "CHECKPOINT_RESTORE", "41",
      ])
    #expect(CapabilityName.names(in: CapabilityName.runtimeDefaults).count == 14)
    #expect(CapabilityName.isSet("SYS_CHROOT", in: CapabilityName.runtimeDefaults))
    #expect(!CapabilityName.isSet("SYS_ADMIN", in: CapabilityName.runtimeDefaults))
    #expect(!CapabilityName.isSet("NONE", in: .max))
    let unknown = Set(CapabilityName.all.compactMap { $0.buys == nil ? nil : $0.name })
    #expect(unknown.contains("SYS_ADMIN") && unknown.contains("SETUID"))
  }

  @Test(arguments: [
    ("6.18.44-fc-v657", 6, 18), ("5.14.0-427.el9.x86_64", 5, 14), ("4.4.0", 4, 4), ("6", 6, 0),
    ("6.1-rc3", 6, 1), ("", 0, 0), ("x.y", 0, 0),
  ])
  func `a kernel's release is two numbers`(_ text: String, _ major: Int, _ minor: Int) {
    let release = KernelRelease(text)
    #expect(release.major == major)
    #expect(release.minor == minor)
    #expect(release.isAtLeast(5, 14) == ((major, minor) >= (5, 14)))
  }

  @Test(arguments: [
    (
      "Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016", "BOOT_IMAGE=/vmlinuz-4.4.0-gvisor",
      "none", GuestKernel?.some(.gVisor)
    ),
    ("Linux version 6.1.62 (root@buildkitsandbox)", "agent.log=debug quiet", "none", .kata),
    ("Linux version 6.1.62 (root@buildkitsandbox)", "quiet", "kataShared", .kata),
    ("Linux version 6.1.0-28-amd64 (debian-kernel@lists.debian.org)", "quiet", "overlay", nil),
  ])
  func `kernels of their own are recognized`(
    _ version: String, _ commandLine: String, _ source: String, _ expected: GuestKernel?
  ) {
    #expect(
      GuestKernel.recognized(
        version: version, commandLine: commandLine,
        mounts: [Mount(point: "/", type: "virtiofs", source: source)]) == expected)
  }

  @Test func `mounts are read, and what is malformed is passed over`() {
    let text = """
      22 27 0:21 / /proc rw,relatime - proc proc rw
      31 23 0:28 / /sys/fs/cgroup ro,nosuid shared:5 master:1 - tmpfs tmpfs rw,mode=755
      40 1 8:1 /var/lib/kubelet/pods/x/volumes/kubernetes.io~empty-dir/w /work\\040dir rw,noexec - ext4 /dev/sda1 rw
      nonsense
      1 2 3:4 / / - ext4 /dev/sda1
      1 2 3:4 / /x rw -
      """
    let mounts = Mount.all(in: Array(text.utf8))
    #expect(mounts.map(\.point) == ["/proc", "/sys/fs/cgroup", "/work dir"])
    #expect(mounts.map(\.type) == ["proc", "tmpfs", "ext4"])
    #expect(mounts[1].has("ro") && mounts[1].has("mode=755") && !mounts[0].has("ro"))
    #expect(Mount.holding("/work dir/deep/er", in: mounts) == mounts[2])
    #expect(Mount.holding("/procs", in: mounts) == nil)
  }

  @Test func `the mount that was made last covers one of the same place`() {
    let mounts = [
      Mount(point: "/", type: "overlay"), Mount(point: "/w", type: "ext4"),
      Mount(point: "/w", type: "tmpfs"), Mount(point: "/", type: "ext4"),
    ]
    #expect(Mount.holding("/w/x", in: mounts)?.type == "tmpfs")
    #expect(Mount.holding("/x", in: mounts)?.type == "ext4")
  }

  @Test(arguments: [
    (
      String?.some("cri-containerd.apparmor.d (enforce)\n"), String?.none,
      "cri-containerd.apparmor.d",
      String?.some("enforce")
    ),
    (nil, "docker-default (enforce)", "docker-default", "enforce"),
    ("a (b) c (complain)\n", "other", "a (b) c", "complain"),
    ("unconfined\n", nil, "unconfined", nil),
  ])
  func `a profile of AppArmor is recognized`(
    _ appArmor: String?, _ current: String?, _ profile: String, _ mode: String?
  ) {
    let modules = SecurityModules(
      list: "lockdown,capability,yama,apparmor\n", appArmor: appArmor, current: current,
      enforce: nil, restriction: "1\n")
    #expect(modules.appArmor == SecurityModules.AppArmor(profile: profile, mode: mode))
    #expect(modules.appArmor?.isEnforced == (mode == "enforce"))
    #expect(modules.seLinux == nil)
    #expect(modules.names == ["lockdown", "capability", "yama", "apparmor"])
    #expect(modules.restrictsUserNamespaces)
  }

  @Test func `a context of SELinux is recognized`() {
    let modules = SecurityModules(
      list: nil, appArmor: nil, current: "system_u:system_r:container_t:s0:c1,c2\0",
      enforce: "1", restriction: nil)
    #expect(modules.appArmor == nil)
    #expect(modules.seLinux?.type == "container_t")
    #expect(modules.seLinux?.isEnforcing == true)
    #expect(!modules.restrictsUserNamespaces)
    let none = SecurityModules(
      list: nil, appArmor: nil, current: nil, enforce: nil, restriction: nil)
    #expect(none == SecurityModules())
  }

  @Test func `the IDs of a user namespace are counted`() {
    #expect(NamespaceFacts.mappedIDs("         0          0 4294967295\n") == 4_294_967_295)
    #expect(NamespaceFacts.mappedIDs("0 1000 1\n1 100000 65536\n") == 65537)
    #expect(NamespaceFacts.mappedIDs("nonsense\n") == 0)
  }

  @Test(arguments: [
    (
      ["KUBERNETES_SERVICE_HOST=10.0.0.1"], "overlay", [String](),
      ContainerHints.Runtime?.some(.kubernetes)
    ),
    ([], "overlay", ["/var/run/secrets/kubernetes.io/serviceaccount/token"], .kubernetes),
    ([], "overlay", ["/.dockerenv"], .docker), ([], "overlay", ["/run/.containerenv"], .podman),
    ([], "overlay", [], .other), ([], "ext4", [], nil),
  ])
  func `containers are recognized`(
    _ environment: [String], _ root: String, _ files: [String], _ expected: ContainerHints.Runtime?
  ) {
    let hints = ContainerHints(environment: environment, mounts: [Mount(point: "/", type: root)]) {
      files.contains($0.description)
    }
    #expect(hints.runtime == expected)
    #expect(hints.hasServiceAccountToken == files.contains { $0.hasSuffix("token") })
  }
}
