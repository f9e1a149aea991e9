// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

extension TrappedCall {
  static let identityCalls: [TrappedCall] =
    [
      TrappedCall(SYS_getuid) { (receiver, call) throws(Errno) in
        .value(Int64(try receiver.credentials(of: call).uid))
      },
      TrappedCall(SYS_geteuid) { (receiver, call) throws(Errno) in
        .value(Int64(try receiver.credentials(of: call).effectiveUID))
      },
      TrappedCall(SYS_getgid) { (receiver, call) throws(Errno) in
        .value(Int64(try receiver.credentials(of: call).gid))
      },
      TrappedCall(SYS_getegid) { (receiver, call) throws(Errno) in
        .value(Int64(try receiver.credentials(of: call).effectiveGID))
      },
      TrappedCall(SYS_getresuid) { (receiver, call) throws(Errno) in
        let own = try receiver.credentials(of: call)
        return try receiver.storeIDs([own.uid, own.effectiveUID, own.savedUID], call)
      },
      TrappedCall(SYS_getresgid) { (receiver, call) throws(Errno) in
        let own = try receiver.credentials(of: call)
        return try receiver.storeIDs([own.gid, own.effectiveGID, own.savedGID], call)
      },
      TrappedCall(SYS_getgroups) { (receiver, call) throws(Errno) in
        try receiver.getGroups(call)
      },
      TrappedCall(SYS_setgroups) { (receiver, call) throws(Errno) in
        try receiver.setGroups(call)
      },
      TrappedCall(SYS_capget) { (receiver, call) throws(Errno) in
        try receiver.getCapabilities(call)
      },
      TrappedCall(SYS_capset) { (receiver, call) throws(Errno) in
        try receiver.setCapabilities(call)
      },
    ] + changesOfIDs + [processControl, peerCredentials]

  private static let changesOfIDs: [TrappedCall] = [
    changing(SYS_setuid) { (own, call) throws(Errno) in try own.setUserID(call.u0) },
    changing(SYS_setgid) { (own, call) throws(Errno) in try own.setGroupID(call.u0) },
    changing(SYS_setreuid) { (own, call) throws(Errno) in
      try own.setUserIDs(real: call.u0, effective: call.u1)
    },
    changing(SYS_setregid) { (own, call) throws(Errno) in
      try own.setGroupIDs(real: call.u0, effective: call.u1)
    },
    changing(SYS_setresuid) { (own, call) throws(Errno) in
      try own.setUserIDs(real: call.u0, effective: call.u1, saved: call.u2)
    },
    changing(SYS_setresgid) { (own, call) throws(Errno) in
      try own.setGroupIDs(real: call.u0, effective: call.u1, saved: call.u2)
    },
    TrappedCall(SYS_setfsuid) { (receiver, call) throws(Errno) in
      try receiver.change(call) { .value(Int64($0.setFileSystemUserID(call.u0))) }
    },
    TrappedCall(SYS_setfsgid) { (receiver, call) throws(Errno) in
      try receiver.change(call) { .value(Int64($0.setFileSystemGroupID(call.u0))) }
    },
  ]

  private static func changing(
    _ number: Int32, _ change: @escaping @Sendable (inout Credentials, Call) throws(Errno) -> Void
  ) -> TrappedCall {
    TrappedCall(number) { (receiver, call) throws(Errno) in
      try receiver.change(call) { (own) throws(Errno) in
        try change(&own, call)
        return .done
      }
    }
  }
}

extension Call {
  /// The arguments as the kernel takes a `uid_t`.
  fileprivate var u0: UInt32 { UInt32(truncatingIfNeeded: a0) }
  fileprivate var u1: UInt32 { UInt32(truncatingIfNeeded: a1) }
  fileprivate var u2: UInt32 { UInt32(truncatingIfNeeded: a2) }
}

extension Receiver {
  func credentials(of call: Call) throws(Errno) -> Credentials { try state(of: call).credentials }

  /// Changes what the calling process believes to be, unless `body` fails.
  func change(
    _ call: Call, _ body: (inout Credentials) throws(Errno) -> Answer
  ) throws(Errno) -> Answer {
    let state = try state(of: call)
    var credentials = state.credentials
    let answer = try body(&credentials)
    try enter(call, from: state, credentials: credentials)
    return answer
  }

  fileprivate func storeIDs(_ ids: [UInt32], _ call: Call) throws(Errno) -> Answer {
    for (id, address) in zip(ids, [call.a0, call.a1, call.a2]) {
      try store(id, at: address, of: call)
    }
    return .done
  }

  fileprivate func getGroups(_ call: Call) throws(Errno) -> Answer {
    let groups = try credentials(of: call).groups
    guard call.i0 >= 0 else { throw .invalidArgument }
    if call.i0 == 0 { return .value(Int64(groups.count)) }
    guard groups.count <= Int(call.i0) else { throw .invalidArgument }
    for (index, group) in groups.enumerated() {
      try store(group, at: call.a1 &+ UInt64(index * 4), of: call)
    }
    return .value(Int64(groups.count))
  }

  fileprivate func setGroups(_ call: Call) throws(Errno) -> Answer {
    try change(call) { (own) throws(Errno) in
      guard own.has(CAP_SETGID) else { throw .notPermitted }
      let count = Int(UInt32(truncatingIfNeeded: call.a0))
      guard count <= Self.maximumGroups else { throw .invalidArgument }
      var groups: [UInt32] = []
      for index in 0..<count {
        groups.append(try load(UInt32.self, at: call.a1 &+ UInt64(index * 4), of: call))
      }
      try own.setGroups(groups)
      return .done
    }
  }

  /// NGROUPS_MAX
  private static let maximumGroups = 65536
}
