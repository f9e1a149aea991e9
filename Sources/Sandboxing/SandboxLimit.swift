// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// A resource limit of a command. setrlimit(2).
package struct SandboxLimit: Hashable, Sendable, Codable {
  package enum Resource: String, Hashable, Sendable, Codable, CaseIterable {
    case core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, nproc, rss, rtprio, rttime
    case sigpending, stack
    case addressSpace = "as"
  }

  package var resource: Resource
  /// `UInt64.max` is no limit.
  package var soft: UInt64
  package var hard: UInt64

  package init(_ resource: Resource, soft: UInt64, hard: UInt64) {
    self.resource = resource
    self.soft = soft
    self.hard = hard
  }

  /// Sets it for this process.
  func apply() throws(SandboxError) {
    var limit = rlimit(rlim_cur: rlim_t(soft), rlim_max: rlim_t(hard))
    let number = __rlimit_resource_t(resource.number)
    try kernel("setrlimit \(resource.rawValue)") { setrlimit(number, &limit) }
  }
}

extension SandboxLimit.Resource {
  /// asm-generic/resource.h
  fileprivate var number: UInt32 {
    switch self {
    case .cpu: 0
    case .fsize: 1
    case .data: 2
    case .stack: 3
    case .core: 4
    case .rss: 5
    case .nproc: 6
    case .nofile: 7
    case .memlock: 8
    case .addressSpace: 9
    case .locks: 10
    case .sigpending: 11
    case .msgqueue: 12
    case .nice: 13
    case .rtprio: 14
    case .rttime: 15
    }
  }
}
