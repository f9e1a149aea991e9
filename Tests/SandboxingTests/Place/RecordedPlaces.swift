// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

@testable import Sandboxing

/// Places as they were met, or as documents tell of them.
enum RecordedPlaces {
  /// Where everything virtual works.
  static var facts: VirtualFacts {
    VirtualFacts(
      kernel: KernelRelease("6.1.0-28-amd64"), work: WorkDirectory(path: "/cache"))
  }

  static func facts(_ change: (inout VirtualFacts) -> Void) -> VirtualFacts {
    var facts = facts
    change(&facts)
    return facts
  }

  /// uid 65532, no capabilities, RuntimeDefault.
  static func restrictedPod(_ change: (inout Place) -> Void = { _ in }) -> Place {
    var namespaces = NamespaceFacts(answer: .nowhere(reasons: ["the user is not root"]))
    namespaces.here.mountNamespace = .refused(Errno(EPERM))
    namespaces.here.overlays = .notTried
    namespaces.here.overlaysInWork = .notTried
    namespaces.inUserNamespace.userNamespace = .refused(Errno(EPERM))
    var place = Place(
      status: ProcessStatus(uid: 65532, gid: 65532, hasNoNewPrivileges: true, seccomp: .filter),
      namespaces: namespaces, virtual: facts,
      container: ContainerHints(runtime: .kubernetes),
      directories: [
        PlaceDirectory(purpose: .work, path: "/cache"),
        PlaceDirectory(purpose: .root, path: "/", writes: .refused(Errno(EROFS)), type: "overlay"),
      ])
    change(&place)
    return place
  }

  static func privilegedPod(_ change: (inout Place) -> Void = { _ in }) -> Place {
    restrictedPod { place in
      place.status = ProcessStatus(
        uid: 0, gid: 0, effective: .max, permitted: .max, bounding: .max, seccomp: .off)
      place.namespaces = NamespaceFacts(answer: .here)
      change(&place)
    }
  }

  /// An ordinary user at a desk.
  static func desk(_ change: (inout Place) -> Void = { _ in }) -> Place {
    restrictedPod { place in
      place.status = ProcessStatus(uid: 1000, gid: 1000, seccomp: .off)
      place.container = ContainerHints()
      change(&place)
    }
  }
}
