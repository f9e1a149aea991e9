// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Glibc
import LinuxSystem
import Testing

@testable import Sandboxing

@Suite struct SandboxDecisionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var request: SandboxRequest
    var namespaces: SandboxDecision.Namespaces
    var virtual: VirtualProbe.Answer
    var name: String?
    /// Part of why, or of what is said where there is none.
    var says: String
    var testDescription: String { "\(request), \(namespaces), \(virtual)" }
  }

  private static let no = SandboxDecision.Namespaces.nowhere(reasons: ["the user is not root"])
  private static let old = VirtualProbe.Answer.nowhere(reasons: ["too old"], help: "a newer node")

  @Test(arguments: [
    Case(
      request: .auto, namespaces: .here, virtual: .here, name: "namespaces", says: "CAP_SYS_ADMIN"),
    Case(
      request: .auto, namespaces: .inUserNamespace, virtual: .here, name: "namespaces",
      says: "IDs of its own"),
    Case(
      request: .auto, namespaces: no, virtual: .here, name: "virtual",
      says: "no namespaces here: the user is not root"),
    Case(request: .auto, namespaces: no, virtual: old, name: nil, says: "virtual: too old"),
    Case(request: .auto, namespaces: no, virtual: old, name: nil, says: "namespaces: the user"),
    Case(request: .auto, namespaces: no, virtual: old, name: nil, says: "a newer node"),
    Case(request: .namespaces, namespaces: .here, virtual: old, name: "namespaces", says: "mount"),
    Case(
      request: .namespaces, namespaces: no, virtual: .here, name: nil, says: "--sandbox virtual"),
    Case(request: .namespaces, namespaces: no, virtual: old, name: nil, says: "uidmap"),
    Case(request: .virtual, namespaces: .here, virtual: .here, name: "virtual", says: "asked for"),
    Case(request: .virtual, namespaces: .here, virtual: old, name: nil, says: "\"virtual\" cannot"),
    Case(request: .virtual, namespaces: .here, virtual: old, name: nil, says: "a newer node"),
  ])
  func `the best that works is taken, and what was asked for or nothing`(_ c: Case) {
    let decision = SandboxDecision(
      c.request, namespaces: { c.namespaces }, isInitial: true, virtual: { c.virtual })
    #expect(decision.name == c.name)
    guard case .none(let unavailable) = decision else {
      #expect(decision.why?.contains(c.says) == true)
      return
    }
    let diagnostic = unavailable.diagnostic
    #expect(diagnostic.rendered().contains(c.says))
    #expect(diagnostic.exit == .surroundings)
  }

  @Test func `what does not matter is not asked`() {
    _ = SandboxDecision(
      .auto, namespaces: { .here }, isInitial: false,
      virtual: {
        Issue.record("virtual was asked for")
        return .here
      })
    _ = SandboxDecision(
      .virtual,
      namespaces: {
        Issue.record("namespaces were asked for")
        return .here
      }, isInitial: false, virtual: { .here })
  }

  @Test func `an overlay that cannot lie in the work directory, or a masked /proc, is a reason`() {
    #expect(MountingFacts().refusals(work: "/w") == [])
    var facts = MountingFacts()
    facts.overlaysInWork = .refused(Errno(EINVAL))
    #expect(facts.refusals(work: "/w").first?.contains("\"/w\"") == true)
    facts.proc = .refused(Errno(EPERM))
    #expect(facts.refusals(work: "/w").count == 2)
    #expect(facts.refusals(work: "/w").first?.contains("masked") == true)
    facts.pivots = .refused(Errno(EPERM))
    #expect(facts.refusals(work: "/w").contains { $0.hasPrefix("pivot_root is refused") })
  }
}

@Suite struct PlaceAdviceTests {
  private func ids(_ place: Place) -> [String] { place.advice.map(\.id) }

  @Test func `a restricted pod needs nothing, and may become faster`() {
    let place = RecordedPlaces.restrictedPod()
    #expect(place.decision.name == "virtual")
    #expect(ids(place) == ["user-namespace"])
    let yaml = place.advice.first?.yaml.joined(separator: "\n") ?? ""
    for line in ["hostUsers: false", "add: [SYS_ADMIN]", "type: Unconfined"] {
      #expect(yaml.contains(line))
    }
  }

  @Test func `what else refuses mounts is lifted with it`() {
    let place = RecordedPlaces.restrictedPod { place in
      place.virtual.security.appArmor = SecurityModules.AppArmor(
        profile: "cri-containerd.apparmor.d", mode: "enforce")
      place.namespaces.here.proc = .refused(Errno(EPERM))
    }
    let yaml = place.advice.first?.yaml.joined(separator: "\n") ?? ""
    for line in ["appArmorProfile:", "procMount: Unmasked"] { #expect(yaml.contains(line)) }
  }

  @Test func `a privileged pod is told that it needs no right`() {
    let place = RecordedPlaces.privilegedPod()
    #expect(place.decision.name == "namespaces")
    #expect(ids(place) == ["restricted"])
    #expect(place.advice.first?.yaml.contains { $0.hasSuffix("drop: [ALL]") } == true)
  }

  @Test func `nobody is sent to the virtual sandbox where it does not work`() {
    let place = RecordedPlaces.privilegedPod { $0.virtual.yamaScope = 2 }
    #expect(ids(place) == [])
  }

  @Test func `a work directory on an overlay is moved`() {
    let place = RecordedPlaces.privilegedPod { place in
      place.namespaces.answer = .nowhere(reasons: ["an overlay cannot ..."])
      place.namespaces.here.overlaysInWork = .refused(Errno(EINVAL))
      place.directories[0].type = "overlay"
    }
    #expect(place.decision.name == "virtual")
    #expect(ids(place) == ["work-volume"])
  }

  @Test func `off an overlay leads to a volume that is there already`() {
    let place = RecordedPlaces.privilegedPod { place in
      place.namespaces.answer = .nowhere(reasons: ["an overlay cannot ..."])
      place.namespaces.here.overlaysInWork = .refused(Errno(EINVAL))
      place.directories[0].type = "overlay"
      place.directories.append(PlaceDirectory(purpose: .temporary, path: "/tmp", type: "overlay"))
      place.directories.append(PlaceDirectory(purpose: .workspace, path: "/workspace"))
    }
    #expect(ids(place) == ["work-elsewhere"])
    #expect(place.advice.first?.yaml.last?.contains("/workspace/.caisson") == true)
  }

  @Test func `a place that can be written to already is named`() {
    let place = RecordedPlaces.restrictedPod { place in
      place.virtual.work.writes = .refused(Errno(EROFS))
      place.directories.append(PlaceDirectory(purpose: .workspace, path: "/workspace"))
    }
    #expect(place.decision.name == nil)
    #expect(ids(place) == ["work-elsewhere", "user-namespace"])
    #expect(place.advice.first?.yaml.last?.contains("/workspace/.caisson") == true)
  }

  struct Refused: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var id: String
    var facts: VirtualFacts

    init(_ id: String, _ change: (inout VirtualFacts) -> Void) {
      self.id = id
      testDescription = id
      facts = RecordedPlaces.facts(change)
    }
  }

  @Test(arguments: [
    Refused("yama") { $0.yamaScope = 2 }, Refused("runtime-class") { $0.guest = .gVisor },
    Refused("node") {
      $0.kernel = KernelRelease("5.4")
      $0.listener.adds = .refused(Errno(EINVAL))
    },
    Refused("seccomp-runtime-default") { $0.listener.installs = .refused(Errno(EPERM)) },
    Refused("seccomp-runtime-default") { $0.tracing.steps = .refused(Errno(EPERM)) },
    Refused("seccomp-memory") { $0.tracing.readsMemory = .refused(Errno(EPERM)) },
    Refused("apparmor") {
      $0.security.appArmor = SecurityModules.AppArmor(profile: "p", mode: "enforce")
      $0.tracing.seizes = .refused(Errno(EACCES))
    },
    Refused("selinux") {
      $0.security.seLinux = SecurityModules.SELinux(context: "u:r:t:s0")
      $0.tracing.seizes = .refused(Errno(EACCES))
    },
    Refused("work-volume") { $0.work.mapsExecutable = .refused(Errno(EPERM)) },
  ])
  func `each obstacle has its advice`(_ c: Refused) {
    let place = RecordedPlaces.restrictedPod { $0.virtual = c.facts }
    #expect(place.decision.name == nil)
    #expect(ids(place) == [c.id, "user-namespace"])
    let advice = place.advice.first
    #expect(advice.map { $0.yaml.isEmpty != $0.commands.isEmpty } == true)
    #expect(advice.map { !$0.cost.isEmpty && !$0.gain.isEmpty } == true)
  }

  @Test func `a user at a desk is sent for IDs`() {
    #expect(ids(RecordedPlaces.desk()) == ["subordinate-ids"])
  }

  @Test func `a token, root's group and a work directory in memory are pointed at`() {
    let place = RecordedPlaces.restrictedPod { place in
      place.container.hasServiceAccountToken = true
      place.status.gid = 0
      place.cgroup.memoryLimitInBytes = 1 << 30
      place.directories[0].type = "tmpfs"
    }
    #expect(
      ids(place) == ["user-namespace", "service-account-token", "primary-group", "work-on-disk"])
    // OpenShift gives every pod group 0 and a high user ID.
    let openShift = RecordedPlaces.restrictedPod { place in
      place.status.uid = 1_000_650_000
      place.status.gid = 0
    }
    #expect(ids(openShift) == ["user-namespace"])
  }
}
