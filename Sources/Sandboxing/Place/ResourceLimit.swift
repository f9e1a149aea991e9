// SPDX-License-Identifier: Apache-2.0

import CLinuxShims

/// A limit of this process (getrlimit(2)); nil is none.
package struct ResourceLimit: Hashable, Sendable {
  package enum Resource: String, Hashable, Sendable, CaseIterable {
    case openFiles, processes, fileSize, locks
  }

  package var resource: Resource
  package var soft: UInt64?
  package var hard: UInt64?

  package init(resource: Resource, soft: UInt64?, hard: UInt64?) {
    self.resource = resource
    self.soft = soft
    self.hard = hard
  }

  static var ofThisProcess: [ResourceLimit] {
    Resource.allCases.compactMap { resource in
      var soft: UInt64 = 0
      var hard: UInt64 = 0
      guard caisson_get_limit(resource.number, &soft, &hard) == 0 else { return nil }
      return ResourceLimit(
        resource: resource, soft: soft == .max ? nil : soft, hard: hard == .max ? nil : hard)
    }
  }
}

extension ResourceLimit.Resource {
  fileprivate var number: Int32 {
    switch self {
    case .openFiles: Int32(CAISSON_LIMIT_FILES)
    case .processes: Int32(CAISSON_LIMIT_PROCESSES)
    case .fileSize: Int32(CAISSON_LIMIT_FILE_SIZE)
    case .locks: Int32(CAISSON_LIMIT_LOCKS)
    }
  }
}
