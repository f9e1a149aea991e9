// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// What may be mounted in namespaces of one's own.
package struct MountingFacts: Hashable, Sendable {
  package var userNamespace: Trial = .works
  package var mapsOwnID: Trial = .works
  package var mountNamespace: Trial = .works
  package var mounts: Trial = .works
  package var binds: Trial = .works
  package var overlays: Trial = .works
  /// Directories can be made in the work directory.
  package var writesWork: Trial = .works
  /// With the upper directory in the work directory.
  package var overlaysInWork: Trial = .works
  /// A `/proc` of one's own process namespace.
  package var proc: Trial = .works
  package var chroots: Trial = .works
  package var pivots: Trial = .works

  package init() {}

  /// Why the namespace sandbox would not work, though namespaces are to be had.
  package func refusals(work: PathBytes) -> [String] {
    var found: [String] = []
    if let errno = writesWork.errno {
      found.append("the work directory \"\(work)\" cannot be written to: \(errno)")
    }
    if let errno = proc.errno {
      found.append(
        "the masked paths of this container's /proc forbid mounting another one: \(errno)")
    }
    if mounts.isGood, let errno = pivots.errno {
      found.append(
        "pivot_root is refused, as by the runtimes' default seccomp profile even to root: \(errno)")
    }
    if overlays.isGood, let errno = overlaysInWork.errno {
      found.append(
        "an overlay cannot have its upper directory in the work directory \"\(work)\": \(errno)")
    }
    return found
  }
}

/// Whether the namespace sandbox works here, with its files in a certain directory.
package enum NamespaceProbe {
  /// As ``SandboxProbe/answer(environment:)``, with the mounts tried that a command needs.
  package static func answer(environment: [String], work: PathBytes) -> SandboxProbe.Answer {
    let answer = SandboxProbe.answer(environment: environment)
    let directory = nearestDirectory(work)
    let facts: MountingFacts
    switch answer {
    case .here: facts = Self.facts(inUserNamespace: false, work: directory)
    case .inUserNamespace: facts = Self.facts(inUserNamespace: true, work: directory)
    case .nowhere: return answer
    }
    let refusals = facts.refusals(work: directory)
    return refusals.isEmpty ? answer : .nowhere(reasons: refusals)
  }

  /// - Parameter work: An existing directory.
  package static func facts(inUserNamespace: Bool, work: PathBytes) -> MountingFacts {
    let suffix = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let place = work.appending(".caisson-doctor-\(suffix)")
    let made = Trial { () throws(SystemError) in try makeOverlayDirectories(place) }
    defer { if made.isGood { try? removeTree(place) } }
    let options = "lowerdir=lower,upperdir=upper,workdir=work"
    let usesUserAttributes = inUserNamespace || !UserNamespace.isInitial()
    return withStrings(
      "0 \(geteuid()) 1\n", "0 \(getegid()) 1\n",
      usesUserAttributes ? options + ",userxattr" : options, place.description
    ) { uids, gids, options, place in
      var request = caisson_mounting(
        uid_map: inUserNamespace ? uids : nil, gid_map: inUserNamespace ? gids : nil,
        overlay_options: options, work: made.isGood ? place : nil)
      var answers = [Int32](repeating: -1, count: Int(CAISSON_ANSWERS))
      let outcome = caisson_probe_mounting(&request, &answers, probeLimitInMilliseconds)
      return MountingFacts(answers, outcome: outcome, writesWork: made)
    }
  }

  private static func makeOverlayDirectories(_ place: PathBytes) throws(SystemError) {
    try makeDirectory(place, mode: 0o700)
    do {
      for name in ["lower", "upper", "work"] {
        try makeDirectory(place.appending(name), mode: 0o700)
      }
    } catch {
      try? removeTree(place)
      throw error
    }
  }

  private static func withStrings<Result>(
    _ a: String, _ b: String, _ c: String, _ d: String,
    _ body: (
      UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<CChar>
    ) -> Result
  ) -> Result {
    a.withCString { a in
      b.withCString { b in c.withCString { c in d.withCString { d in body(a, b, c, d) } } }
    }
  }
}

extension MountingFacts {
  fileprivate init(_ answers: [Int32], outcome: Int32, writesWork: Trial) {
    self.writesWork = writesWork
    func trial(_ index: Int) -> Trial { Trial(answers[index]) }
    userNamespace =
      outcome == 0 ? trial(Int(CAISSON_MOUNTING_USER_NAMESPACE)) : .refused(Errno(outcome))
    mapsOwnID = trial(Int(CAISSON_MOUNTING_ID_MAP))
    mountNamespace = trial(Int(CAISSON_MOUNTING_NAMESPACE))
    mounts = trial(Int(CAISSON_MOUNTING_TMPFS))
    binds = trial(Int(CAISSON_MOUNTING_BIND))
    overlays = trial(Int(CAISSON_MOUNTING_OVERLAY))
    overlaysInWork = trial(Int(CAISSON_MOUNTING_OVERLAY_IN_WORK))
    proc = trial(Int(CAISSON_MOUNTING_PROC))
    chroots = trial(Int(CAISSON_MOUNTING_CHROOT))
    pivots = trial(Int(CAISSON_MOUNTING_PIVOT_ROOT))
  }
}
