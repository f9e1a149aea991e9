// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// All that decides how commands can be run here: facts, as they were found.
package struct Place: Hashable, Sendable {
  package var status: ProcessStatus
  package var namespaces: NamespaceFacts
  package var virtual: VirtualFacts
  package var container: ContainerHints
  package var cgroup: CgroupLimits
  package var limits: [ResourceLimit]
  /// The work directory first.
  package var directories: [PlaceDirectory]
  /// Nil where the kernel has none, or hides it.
  package var landlockVersion: Int?
  /// `vm.memfd_noexec`.
  package var memfdNoexec: Int64?

  package init(
    status: ProcessStatus, namespaces: NamespaceFacts, virtual: VirtualFacts,
    container: ContainerHints = ContainerHints(), cgroup: CgroupLimits = CgroupLimits(),
    limits: [ResourceLimit] = [], directories: [PlaceDirectory] = [], landlockVersion: Int? = nil,
    memfdNoexec: Int64? = nil
  ) {
    self.status = status
    self.namespaces = namespaces
    self.virtual = virtual
    self.container = container
    self.cgroup = cgroup
    self.limits = limits
    self.directories = directories
    self.landlockVersion = landlockVersion
    self.memfdNoexec = memfdNoexec
  }

  /// Looks around; it takes some ten milliseconds and leaves nothing.
  ///
  /// - Parameters:
  ///   - work: Where layers and roots of commands would lie; need not exist.
  ///   - home: Nil where there is none.
  ///   - environment: `NAME=value`.
  package init(work: PathBytes, home: PathBytes?, environment: [String]) {
    let mounts = Mount.all(in: (try? contents(of: "/proc/self/mountinfo", limit: 16 << 20)) ?? [])
    let version = caisson_landlock_version()
    let places: [(PlaceDirectory.Purpose, PathBytes?)] = [
      (.work, work), (.workspace, "/workspace"), (.cache, "/cache"), (.temporary, "/tmp"),
      (.home, home), (.root, "/"),
    ]
    self.init(
      status: ProcessStatus(parsing: text(of: "/proc/self/status") ?? ""),
      namespaces: NamespaceFacts(environment: environment, work: work),
      virtual: VirtualProbe.facts(work: work),
      container: ContainerHints(environment: environment, mounts: mounts) { path in
        path.withCString { access($0, F_OK) } == 0
      },
      cgroup: CgroupLimits(
        membership: text(of: "/proc/self/cgroup") ?? "", mounts: mounts, read: text(of:)),
      limits: ResourceLimit.ofThisProcess,
      directories: places.compactMap { purpose, path in
        path.map { PlaceDirectory(purpose, $0, mounts: mounts) }
      }, landlockVersion: version > 0 ? Int(version) : nil,
      memfdNoexec: number(of: "/proc/sys/vm/memfd_noexec"))
  }

  /// What `auto` would take.
  package var decision: SandboxDecision {
    SandboxDecision(
      .auto, namespaces: { namespaces.answer }, isInitial: namespaces.isInitial,
      virtual: { VirtualProbe.Answer(virtual.refusals) })
  }

  package var work: PlaceDirectory? { directories.first { $0.purpose == .work } }
}
