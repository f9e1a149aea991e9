// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// What control groups allow this process, the lowest limit of all groups it is in.
package struct CgroupLimits: Hashable, Sendable {
  package enum Version: String, Hashable, Sendable {
    case v1, v2, hybrid
  }

  /// Nil where no control group is mounted.
  package var version: Version?
  package var memoryLimitInBytes: Int64?
  package var memoryUsedInBytes: Int64?
  /// 1.5 is one and a half processors.
  package var processors: Double?
  package var processLimit: Int64?

  package init(
    version: Version? = nil, memoryLimitInBytes: Int64? = nil, memoryUsedInBytes: Int64? = nil,
    processors: Double? = nil, processLimit: Int64? = nil
  ) {
    self.version = version
    self.memoryLimitInBytes = memoryLimitInBytes
    self.memoryUsedInBytes = memoryUsedInBytes
    self.processors = processors
    self.processLimit = processLimit
  }

  /// - Parameters:
  ///   - membership: `/proc/self/cgroup` (cgroups(7)).
  ///   - read: The content of a file; nil when there is none.
  package init(membership: String, mounts: [Mount], read: (PathBytes) -> String?) {
    let groups = Groups(membership: membership, mounts: mounts)
    let hasV1 = mounts.contains { $0.type == "cgroup" }
    let hasV2 = mounts.contains { $0.type == "cgroup2" }
    self.init(version: hasV1 ? (hasV2 ? .hybrid : .v1) : (hasV2 ? .v2 : nil))
    func lowest<Value: Comparable>(_ controller: String, _ value: (PathBytes, Bool) -> Value?)
      -> Value?
    {
      groups.directories(of: controller).compactMap { value($0.path, $0.isV2) }.min()
    }
    func number(_ path: PathBytes) -> Int64? { read(path).flatMap { Int64(trimmed($0)) } }
    memoryLimitInBytes = lowest("memory") { path, isV2 in
      number(path.appending(isV2 ? "memory.max" : "memory.limit_in_bytes"))
        .flatMap { $0 >= Self.unlimited ? nil : $0 }
    }
    memoryUsedInBytes = groups.directories(of: "memory").first.flatMap {
      number($0.path.appending($0.isV2 ? "memory.current" : "memory.usage_in_bytes"))
    }
    processors = lowest("cpu") { path, isV2 in
      if isV2 { return read(path.appending("cpu.max")).flatMap(Self.quota) }
      guard let quota = number(path.appending("cpu.cfs_quota_us")), quota > 0,
        let period = number(path.appending("cpu.cfs_period_us")), period > 0
      else { return nil }
      return Double(quota) / Double(period)
    }
    processLimit = lowest("pids") { path, _ in number(path.appending("pids.max")) }
  }

  /// Version 1 writes "no limit" as the largest number of whole pages.
  private static let unlimited = Int64.max - (1 << 20)

  /// `150000 100000`, or `max 100000`.
  private static func quota(_ text: String) -> Double? {
    let words = trimmed(text).split(separator: " ").map { Double($0) }
    guard words.count == 2, let quota = words[0], let period = words[1], period > 0 else {
      return nil
    }
    return quota / period
  }
}

/// Where the groups of this process show as directories.
private struct Groups {
  struct Place {
    var path: PathBytes
    var isV2: Bool
  }

  private let membership: [(controllers: [String], path: PathBytes)]
  private let mounts: [Mount]

  init(membership text: String, mounts: [Mount]) {
    membership = text.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { return nil }
      return (parts[1].split(separator: ",").map(String.init), PathBytes(String(parts[2])))
    }
    self.mounts = mounts
  }

  /// From the group itself up to the mount's root: each may limit. Version 1 goes before version 2,
  /// since a controller is in one of them only.
  func directories(of controller: String) -> [Place] {
    for group in membership where group.controllers.contains(controller) {
      if let mount = mounts.first(where: {
        $0.type == "cgroup" && $0.superOptions.contains(controller)
      }) {
        return ancestors(of: group.path, in: mount).map { Place(path: $0, isV2: false) }
      }
    }
    guard let group = membership.first(where: { $0.controllers.isEmpty }),
      let mount = mounts.first(where: { $0.type == "cgroup2" })
    else { return [] }
    return ancestors(of: group.path, in: mount).map { Place(path: $0, isV2: true) }
  }

  private func ancestors(of path: PathBytes, in mount: Mount) -> [PathBytes] {
    var components = path.components
    let root = mount.root.components
    // A group outside what is mounted here shows only as the mount's root.
    if components.starts(with: root) {
      components.removeFirst(root.count)
    } else {
      components = []
    }
    if components.contains("..") { components = [] }
    return (0...components.count).reversed().map { count in
      components.prefix(count).reduce(mount.point) { $0.appending($1) }
    }
  }
}
