// SPDX-License-Identifier: Apache-2.0

/// What Linux security modules hold over this process.
package struct SecurityModules: Hashable, Sendable {
  package struct AppArmor: Hashable, Sendable {
    /// `cri-containerd.apparmor.d`.
    package var profile: String
    /// `enforce`, `complain`; nil for an unconfined process.
    package var mode: String?

    package init(profile: String, mode: String? = nil) {
      self.profile = profile
      self.mode = mode
    }

    package var isEnforced: Bool { mode == "enforce" || mode == "kill" }
  }

  package struct SELinux: Hashable, Sendable {
    /// `system_u:system_r:container_t:s0:c1,c2`.
    package var context: String
    /// Nil where it cannot be seen.
    package var isEnforcing: Bool?

    package init(context: String, isEnforcing: Bool? = nil) {
      self.context = context
      self.isEnforcing = isEnforcing
    }

    package var type: String? {
      let parts = context.split(separator: ":")
      return parts.count > 2 ? String(parts[2]) : nil
    }
  }

  /// In the kernel's order; empty where it cannot be seen.
  package var names: [String]
  package var appArmor: AppArmor?
  package var seLinux: SELinux?
  /// AppArmor's sysctl against user namespaces of processes without a profile for them.
  package var restrictsUserNamespaces: Bool

  package init(
    names: [String] = [], appArmor: AppArmor? = nil, seLinux: SELinux? = nil,
    restrictsUserNamespaces: Bool = false
  ) {
    self.names = names
    self.appArmor = appArmor
    self.seLinux = seLinux
    self.restrictsUserNamespaces = restrictsUserNamespaces
  }

  /// - Parameters:
  ///   - list: `/sys/kernel/security/lsm`.
  ///   - appArmor: `/proc/self/attr/apparmor/current`.
  ///   - current: `/proc/self/attr/current`, which is of whichever module came first.
  ///   - enforce: `/sys/fs/selinux/enforce`.
  ///   - restriction: `kernel.apparmor_restrict_unprivileged_userns`.
  package init(
    list: String?, appArmor: String?, current: String?, enforce: String?, restriction: String?
  ) {
    names = (list ?? "").split { $0 == "," || $0 == "\n" }.map(String.init)
    let label = current.map(trimmed)
    // A context has four parts; a profile of AppArmor has a mode behind it, or none at all.
    let isContext = (label ?? "").split(separator: ":").count >= 3
    let profile = appArmor.map(trimmed) ?? (isContext ? nil : label)
    self.appArmor = profile.flatMap(Self.appArmor)
    seLinux =
      isContext
      ? SELinux(context: label ?? "", isEnforcing: enforce.map { trimmed($0) == "1" }) : nil
    restrictsUserNamespaces = restriction.map(trimmed) == "1"
  }

  /// `NAME (MODE)`, or `unconfined`.
  private static func appArmor(_ text: String) -> AppArmor? {
    guard !text.isEmpty else { return nil }
    guard text.hasSuffix(")"), let open = text.lastIndex(of: "("), open > text.startIndex else {
      return AppArmor(profile: text)
    }
    let mode = text[text.index(after: open)...].dropLast()
    return AppArmor(
      profile: String(text[..<open].split(separator: " ").joined(separator: " ")),
      mode: String(mode))
  }
}

/// Without blanks, newlines and NUL bytes at the end.
func trimmed(_ text: String) -> String {
  var text = text[...]
  while let last = text.unicodeScalars.last, last.value <= 0x20 { text = text.dropLast() }
  return String(text)
}
