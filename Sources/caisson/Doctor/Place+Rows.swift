// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import Sandboxing

extension Place {
  var processRows: [PlaceRow] {
    let groups = status.groups.map(String.init).joined(separator: " ")
    var rows = [
      PlaceRow(
        "process.user", .plain, "user",
        "\(status.uid), group \(status.gid)" + (groups.isEmpty ? "" : ", also \(groups)")),
      PlaceRow(
        "process.noNewPrivileges", .plain, "no_new_privs",
        status.hasNoNewPrivileges ? "set: set-user-ID programs give nothing" : "not set"),
      PlaceRow("process.seccomp", .plain, "seccomp", seccompText),
      PlaceRow("process.container", .plain, "container", containerText),
    ]
    if container.runtime != nil {
      rows.append(
        PlaceRow(
          "process.serviceAccountToken", container.hasServiceAccountToken ? .limited : .ok,
          "API server's token",
          container.hasServiceAccountToken ? "mounted, and of no use to a build" : "not mounted"))
    }
    return rows
  }

  private var seccompText: String {
    switch status.seccomp {
    case .filter: "a filter decides about system calls"
    case .strict: "strict"
    case .off: "no filter"
    case nil: "the kernel does not say"
    }
  }

  private var containerText: String {
    switch container.runtime {
    case .kubernetes: "a pod of Kubernetes"
    case .docker: "of Docker"
    case .podman: "of podman"
    case .other: "of some runtime"
    case nil: "none that shows"
    }
  }

  var kernelRows: [PlaceRow] {
    let minimum = KernelRelease.virtualMinimum
    let isNew = virtual.kernel.isAtLeast(minimum.major, minimum.minor)
    var rows = [
      PlaceRow(
        "kernel.release", isNew ? .ok : .no, "release",
        virtual.kernel.text + (isNew ? "" : " (virtual needs \(minimum.major).\(minimum.minor))")),
      PlaceRow(
        "kernel.architecture", virtual.architecture == "x86_64" ? .ok : .no, "architecture",
        virtual.architecture
          + (virtual.architecture == "x86_64" ? "" : " (virtual is for x86_64 only so far)")),
    ]
    if let guest = virtual.guest {
      rows.append(
        PlaceRow(
          "kernel.guest", guest == .gVisor ? .no : .plain, "kernel of its own",
          guest == .gVisor ? "gVisor, which lacks what sandboxes need" : "Linux in a Kata machine"))
    }
    rows += [
      PlaceRow("kernel.appArmor", .plain, "AppArmor", appArmorText),
      PlaceRow("kernel.seLinux", .plain, "SELinux", seLinuxText),
      landlockVersion.map {
        PlaceRow("kernel.landlock", .ok, "Landlock", "version \($0)")
      } ?? PlaceRow("kernel.landlock", .limited, "Landlock", "not to be had"),
    ]
    return rows
  }

  private var appArmorText: String {
    guard let appArmor = virtual.security.appArmor else { return "not in force" }
    return appArmor.profile + (appArmor.mode.map { ", \($0)" } ?? "")
  }

  private var seLinuxText: String {
    guard let seLinux = virtual.security.seLinux else { return "not in force" }
    let mode = seLinux.isEnforcing.map { $0 ? ", enforcing" : ", permissive" } ?? ""
    return seLinux.context + mode
  }

  var namespaceRows: [PlaceRow] {
    let here = namespaces.here
    let inside = namespaces.inUserNamespace
    var rows = [
      PlaceRow(
        "namespaces.current", .plain, "user namespace",
        namespaces.isInitial
          ? "the machine's" : "one of its own with \(namespaces.userIDCount) user IDs"),
      PlaceRow("namespaces.user", "making another", inside.userNamespace),
      idRow, PlaceRow("namespaces.mount", "mount namespace", here.mountNamespace),
      PlaceRow("namespaces.mounts", "mount", here.mounts),
      PlaceRow("namespaces.overlay", "overlay", here.overlays),
      PlaceRow("namespaces.overlayInWork", "overlay on work", here.overlaysInWork),
      PlaceRow("namespaces.proc", "another /proc", here.proc),
      PlaceRow("namespaces.pivotRoot", "pivot_root", here.pivots),
      PlaceRow("namespaces.chroot", "chroot", here.chroots),
    ]
    if inside.userNamespace.isGood, !here.mounts.isGood {
      rows += [
        PlaceRow("namespaces.inner.mounts", "mount in a user ns", inside.mounts),
        PlaceRow("namespaces.inner.overlay", "overlay in a user ns", inside.overlays),
        PlaceRow(
          "namespaces.inner.overlayInWork", "same, on work", inside.overlaysInWork),
        PlaceRow("namespaces.inner.proc", "/proc in a user ns", inside.proc),
        PlaceRow("namespaces.inner.pivotRoot", "pivot_root there", inside.pivots),
      ]
    }
    return rows + sysctlRows
  }

  private var idRow: PlaceRow {
    let tools = namespaces.newuidmap != nil && namespaces.newgidmap != nil
    let count = min(namespaces.subordinateUIDCount, namespaces.subordinateGIDCount)
    let text =
      (tools ? "newuidmap, newgidmap" : "no newuidmap (package uidmap)")
      + (count > 0 ? ", \(count) IDs of its own" : ", no IDs in /etc/subuid and /etc/subgid")
    return PlaceRow(
      "namespaces.subordinateIDs", tools && count > 0 ? .ok : status.uid == 0 ? .plain : .no,
      "IDs for it", text)
  }

  private var sysctlRows: [PlaceRow] {
    var rows: [PlaceRow] = []
    if let maximum = namespaces.maximum {
      rows.append(
        PlaceRow(
          "namespaces.maximum", maximum > 0 ? .ok : .no, "max_user_namespaces", "\(maximum)"))
    }
    if namespaces.unprivilegedClone == 0 {
      rows.append(
        PlaceRow("namespaces.unprivilegedClone", .no, "unprivileged_userns", "0: for root only"))
    }
    if virtual.security.restrictsUserNamespaces {
      rows.append(
        PlaceRow(
          "namespaces.appArmorRestriction", .limited, "AppArmor on them",
          "kernel.apparmor_restrict_unprivileged_userns is 1"))
    }
    return rows
  }
}
