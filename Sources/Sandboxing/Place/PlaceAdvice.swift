// SPDX-License-Identifier: Apache-2.0

/// Something to change, what it brings and what it costs.
package struct PlaceAdvice: Hashable, Sendable {
  /// Does not change from version to version.
  package var id: String
  package var title: String
  package var gain: String
  /// In security above all.
  package var cost: String
  /// Lines of a pod specification, from `spec:` on; empty where it is no matter of the pod.
  package var yaml: [String]
  /// Commands for a machine or a node; empty for most.
  package var commands: [String]

  package init(
    id: String, title: String, gain: String, cost: String, yaml: [String] = [],
    commands: [String] = []
  ) {
    self.id = id
    self.title = title
    self.gain = gain
    self.cost = cost
    self.yaml = yaml
    self.commands = commands
  }
}

extension Place {
  /// What could be changed here, the most useful first.
  package var advice: [PlaceAdvice] {
    var found: [PlaceAdvice] = []
    switch decision {
    case .none: found += virtual.refusals.compactMap(advice(against:)) + fasterAdvice
    case .virtual: found += fasterAdvice
    case .namespaces, .userNamespace: found += fewerRightsAdvice
    }
    found += housekeepingAdvice
    return found.reduce(into: []) { unique, advice in
      if !unique.contains(where: { $0.id == advice.id }) { unique.append(advice) }
    }
  }

  private var isPod: Bool { container.runtime == .kubernetes }

  private func advice(against refusal: VirtualRefusal) -> PlaceAdvice? {
    let gain = "the virtual sandbox, which needs no rights"
    switch refusal {
    case .notWritable, .noExecution, .noBirthTimes: return workAdvice(gain: gain)
    case .yama:
      return PlaceAdvice(
        id: "yama", title: "let a process look into its descendants on this node", gain: gain,
        cost:
          "scope 1 allows a process to trace its own descendants and nothing else, as on Ubuntu",
        commands: ["sysctl -w kernel.yama.ptrace_scope=1"])
    case .gVisor:
      return PlaceAdvice(
        id: "runtime-class", title: "run the builder with another runtime class", gain: gain,
        cost: "the pod shares the node's kernel; Kata keeps a kernel of its own for it",
        yaml: [
          "spec:", "  runtimeClassName: kata   # or leave the line out for the node's default",
        ])
    case .oldKernel, .architecture:
      return PlaceAdvice(
        id: "node", title: "choose a node with amd64 and Linux 5.14 or later", gain: gain,
        cost: "none", yaml: ["spec:", "  nodeSelector:", "    kubernetes.io/arch: amd64"])
    case .memory: return .profileOfItsOwn(gain: gain)
    case .listener, .listenerCall, .openInRoot: return .runtimeDefaultProfile(gain: gain)
    case .tracing where virtual.security.appArmor?.isEnforced == true:
      return PlaceAdvice(
        id: "apparmor", title: "use the runtime's own AppArmor profile", gain: gain,
        cost: "none where the profile was stricter by accident: it is what pods get by default",
        yaml: .securityContext(["appArmorProfile:", "  type: RuntimeDefault"]))
    case .tracing where virtual.security.seLinux != nil:
      return PlaceAdvice(
        id: "selinux", title: "allow tracing on this node", gain: gain,
        cost: "every process of the node may trace its own kind again, as is SELinux's default",
        commands: ["setsebool -P deny_ptrace off"])
    case .tracing: return .runtimeDefaultProfile(gain: gain)
    case .listenerTaken, .lockLimit: return nil
    }
  }

  /// A place for the work directory: one that can be written to already, else a volume.
  private func workAdvice(gain: String) -> PlaceAdvice {
    let candidates = directories.filter {
      [.cache, .workspace, .temporary].contains($0.purpose) && $0.exists && $0.writes.isGood
        && !$0.flags.contains("noexec") && $0.type != "overlay"
    }
    let isUseless = virtual.work.writes.errno != nil || work?.type == "overlay"
    guard isUseless, let found = candidates.first else {
      return .workVolume(gain: gain)
    }
    let store = found.path.appending(".caisson")
    return PlaceAdvice(
      id: "work-elsewhere", title: "keep the work directory where there is a volume", gain: gain,
      cost: "none",
      yaml: [
        "spec:", "  containers:", "  - name: build", "    env:",
        "    - {name: CAISSON_STORE, value: \(store)}",
      ])
  }

  /// The way from the virtual sandbox to namespaces.
  private var fasterAdvice: [PlaceAdvice] {
    let gain = "the namespace sandbox: RUN at native speed"
    let here = namespaces.here
    if case .nowhere = namespaces.answer, here.overlays.isGood,
      !here.overlaysInWork.isGood || !here.writesWork.isGood
    {
      return [workAdvice(gain: gain)]
    }
    if container.runtime != nil { return [userNamespaceAdvice(gain: gain)] }
    if status.uid != 0 { return [.subordinateIDs(gain: gain)] }
    return []
  }

  private func userNamespaceAdvice(gain: String) -> PlaceAdvice {
    var rights = [
      "runAsUser: 0", "allowPrivilegeEscalation: true   # goes with SYS_ADMIN", "capabilities:",
      "  add: [SYS_ADMIN]", "seccompProfile:",
      "  type: Unconfined   # the default profile refuses pivot_root",
    ]
    if virtual.security.appArmor?.isEnforced == true {
      rights += ["appArmorProfile:", "  type: Unconfined   # the default profile refuses mounts"]
    }
    if namespaces.here.proc.errno != nil { rights.append("procMount: Unmasked") }
    return PlaceAdvice(
      id: "user-namespace", title: "give the pod a user namespace, and root rights within it",
      gain: gain,
      cost: "the pod is root of its user namespace and an ordinary user outside, but every system "
        + "call of the kernel lies open to it, and levels baseline and restricted do not admit it. "
        + "It takes Linux 6.3, containerd 2.0 or CRI-O 1.25, and IDs above 65535 cannot be used. "
        + "Not one of the lines is enough alone, and privileged is never needed",
      yaml: ["spec:", "  hostUsers: false"] + [String].securityContext(rights).dropFirst())
  }

  /// The way from rights that are not needed to none.
  private var fewerRightsAdvice: [PlaceAdvice] {
    guard container.runtime != nil, virtual.refusals.isEmpty else { return [] }
    return [
      PlaceAdvice(
        id: "restricted", title: "build without any right, in a pod of level restricted",
        gain: "a RUN that breaks out of its sandbox finds an ordinary user without capabilities",
        cost: "speed: RUN goes through the virtual sandbox, which takes 1.2 to 1.5 times the time",
        yaml: .securityContext([
          "runAsNonRoot: true", "runAsUser: 65532", "runAsGroup: 65532",
          "allowPrivilegeEscalation: false", "capabilities:",
          "  drop: [ALL]", "seccompProfile:", "  type: RuntimeDefault",
        ]))
    ]
  }

  private var housekeepingAdvice: [PlaceAdvice] {
    var found: [PlaceAdvice] = []
    if container.hasServiceAccountToken {
      found.append(
        PlaceAdvice(
          id: "service-account-token", title: "mount no token of the API server",
          gain: "nothing in the pod can act for its service account",
          cost: "none: the builder does not speak to the API server",
          yaml: ["spec:", "  automountServiceAccountToken: false"]))
    }
    if isPod, status.uid != 0, status.gid == 0, status.uid < 100_000 {
      found.append(
        PlaceAdvice(
          id: "primary-group", title: "leave root's group",
          gain: "files of group root are out of reach",
          cost: "none: volumes get their group by fsGroup",
          yaml: .securityContext(["runAsGroup: \(status.uid)"])))
    }
    if work?.type == "tmpfs", cgroup.memoryLimitInBytes != nil {
      found.append(
        PlaceAdvice(
          id: "work-on-disk", title: "keep the work directory on a disk",
          gain: "layers do not count against the memory limit", cost: "none",
          yaml: PlaceAdvice.workVolume(gain: "").yaml))
    }
    return found
  }
}

extension PlaceAdvice {
  fileprivate static func workVolume(gain: String) -> PlaceAdvice {
    PlaceAdvice(
      id: "work-volume", title: "put the work directory on a volume of the node", gain: gain,
      cost: "none: it is empty at first and goes with the pod",
      yaml: [
        "spec:", "  containers:", "  - name: build", "    env:",
        "    - {name: CAISSON_STORE, value: /cache}", "    volumeMounts:",
        "    - {name: cache, mountPath: /cache}", "  volumes:", "  - name: cache",
        "    emptyDir: {}",
      ])
  }

  fileprivate static func runtimeDefaultProfile(gain: String) -> PlaceAdvice {
    PlaceAdvice(
      id: "seccomp-runtime-default", title: "use the runtime's own seccomp profile", gain: gain,
      cost: "none where the profile was stricter by accident: level restricted asks for this one",
      yaml: .securityContext(["seccompProfile:", "  type: RuntimeDefault"]))
  }

  fileprivate static func profileOfItsOwn(gain: String) -> PlaceAdvice {
    PlaceAdvice(
      id: "seccomp-memory", title: "allow process_vm_readv in the seccomp profile", gain: gain,
      cost: "a process may read the memory of others of its user, as it may by /proc/PID/mem "
        + "already; the profile must lie on each node. Runtimes since containerd 2 allow it by default",
      yaml: .securityContext([
        "seccompProfile:", "  type: Localhost",
        "  localhostProfile: caisson.json   # the runtime's default with process_vm_readv",
      ]))
  }

  fileprivate static func subordinateIDs(gain: String) -> PlaceAdvice {
    PlaceAdvice(
      id: "subordinate-ids", title: "give this user a range of IDs", gain: gain,
      cost: "the user may make user namespaces, as on most desktops",
      commands: [
        "apt-get install uidmap",
        "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER",
      ])
  }
}

extension [String] {
  /// Lines of the container's security context with what stands above them.
  fileprivate static func securityContext(_ lines: [String]) -> [String] {
    ["spec:", "  containers:", "  - name: build", "    securityContext:"]
      + lines.map { "      " + $0 }
  }
}
